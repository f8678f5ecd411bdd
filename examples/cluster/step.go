package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// credential is a token of alice.
type credential struct{ jti, token string }

// newToken returns a token of a session.
func (t *tour) newToken(session string) credential {
	jti := rand.Text()
	return credential{jti, t.issuer.Good().Set("jti", jti).Set("sid", session).Sign()}
}

// say prints a line.
func (t *tour) say(format string, args ...any) { _, _ = fmt.Fprintf(t.out, format+"\n", args...) }

// show prints what a process did. It marks the line if the status is not the expected one.
func (t *tour) show(p *process, request string, got result, want int, note string) {
	text := fmt.Sprintf("  %s  %-22s %s", p.name, request, got)
	if got.status != want {
		t.wrong = true
		note += fmt.Sprintf(" <- WRONG, want %d", want)
	}
	t.say("%s%s", text, note)
}

// accepted sends each token to both processes, which must accept it.
func (t *tour) accepted(ctx context.Context, tokens ...credential) {
	for _, token := range tokens {
		t.orders(ctx, t.a, token, http.StatusOK)
		t.orders(ctx, t.b, token, http.StatusOK)
	}
}

// orders sends a token to a process.
func (t *tour) orders(ctx context.Context, p *process, token credential, want int) {
	t.show(p, "GET /orders", t.patiently(ctx, p, "/orders", token, want), want, "")
}

// revoke sends a form to the endpoint of administrators.
func (t *tour) revoke(ctx context.Context, p *process, name, value string, want int) {
	body := strings.NewReader(url.Values{name: {value}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+"/revoke", body)
	if err != nil {
		t.show(p, "POST /revoke", result{failure: err.Error()}, want, "")
		return
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	t.show(p, "POST /revoke "+name+"=…", t.send(request, t.issuer.Admin().Sign()), want, "")
}

// rejected waits until both processes reject a cached token. It prints how long each one accepted the token.
func (t *tour) rejected(ctx context.Context, token credential) {
	t.until(ctx, time.Now(), token, http.StatusUnauthorized)
}

// until sends a token to both processes until each one responds with the wanted status. It prints how long after start that
// was.
func (t *tour) until(ctx context.Context, start time.Time, token credential, want int) {
	limited, cancel := context.WithTimeout(ctx, t.limit)
	defer cancel()
	processes := [2]*process{t.a, t.b}
	var results [2]result
	var times [2]time.Duration
	var all sync.WaitGroup
	for i, p := range processes {
		all.Go(func() {
			for limited.Err() == nil && results[i].status != want {
				times[i] = time.Since(start)
				results[i] = t.get(ctx, p, "/orders", token)
				pause(limited, time.Millisecond)
			}
		})
	}
	all.Wait()
	for i, p := range processes {
		t.show(p, "GET /orders", results[i], want, fmt.Sprintf(" after %d ms", times[i].Milliseconds()))
	}
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// result is what the tour reads from a response.
type result struct {
	status     int
	retryAfter bool
	body       string
	failure    string // the error if there was no response
}

// String returns the result for one line.
func (r result) String() string {
	switch {
	case r.failure != "":
		return r.failure
	case r.status == http.StatusOK:
		return "200 " + r.body
	case r.retryAfter:
		return fmt.Sprintf("%d with Retry-After", r.status)
	}
	return strconv.Itoa(r.status)
}

// patiently sends a token to a process. It repeats a request that was rejected with 503, as clients do, because a busy computer
// may be too slow for the timeout of a store.
func (t *tour) patiently(ctx context.Context, p *process, path string, token credential, want int) (got result) {
	for range 5 {
		got = t.get(ctx, p, path, token)
		if got.status == want || got.status != http.StatusServiceUnavailable {
			return got
		}
		pause(ctx, time.Second)
	}
	return got
}

// get sends a token to a process.
func (t *tour) get(ctx context.Context, p *process, path string, token credential) result {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+path, nil)
	if err != nil {
		return result{failure: err.Error()}
	}
	return t.send(request, token.token)
}

// send sends a request with a token. A response with 503 must have the header Retry-After.
func (t *tour) send(request *http.Request, token string) result {
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := t.client.Do(request)
	if err != nil {
		return result{failure: err.Error()}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return result{failure: err.Error()}
	}
	r := result{status: response.StatusCode, retryAfter: response.Header.Get("Retry-After") != "", body: strings.TrimSpace(string(body))}
	if r.status == http.StatusServiceUnavailable && !r.retryAfter {
		return result{failure: "503 without Retry-After"}
	}
	return r
}
