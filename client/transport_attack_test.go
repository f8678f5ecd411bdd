package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearerkit/client"
)

// Requests with which no token may be sent. Each differs in one detail from a valid one.
func TestC29_NoToken(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(r *http.Request){
		"another host in Host":  func(r *http.Request) { r.Host = "evil.test" },
		"another port in Host":  func(r *http.Request) { r.Host = "api.test:8443" },
		"own credentials":       func(r *http.Request) { r.Header.Set("Authorization", "Basic x") },
		"in lower case":         func(r *http.Request) { r.Header["authorization"] = []string{"Basic x"} },
		"empty":                 func(r *http.Request) { r.Header["Authorization"] = []string{""} },
		"own proof":             func(r *http.Request) { r.Header["DPoP"] = []string{"x"} },
		"user in the URL":       func(r *http.Request) { r.URL.User = url.UserPassword("u", "p") },
		"empty user":            func(r *http.Request) { r.URL.User = url.User("") },
		"no URL":                func(r *http.Request) { r.URL = nil },
		"opaque URL":            func(r *http.Request) { r.URL.Opaque = "//evil.test/" },
		"in the clear":          func(r *http.Request) { r.URL.Scheme = "http" },
		"no scheme":             func(r *http.Request) { r.URL.Scheme = "" },
		"another scheme":        func(r *http.Request) { r.URL.Scheme = "ftp" },
		"another host":          func(r *http.Request) { r.URL.Host = "evil.test" },
		"another port":          func(r *http.Request) { r.URL.Host = "api.test:80" },
		"an invalid port":       func(r *http.Request) { r.URL.Host = "api.test:443x" },
		"dot at the end":        func(r *http.Request) { r.URL.Host = "api.test." },
		"subdomain":             func(r *http.Request) { r.URL.Host = "x.api.test" },
		"İ (U+0130) for i":      func(r *http.Request) { r.URL.Host = "apİ.test" }, // xn--api-bec.test in DNS
		"K (U+212A) for k":      func(r *http.Request) { r.URL.Host = "boo\u212a.test" },
		"İ in Host":             func(r *http.Request) { r.Host = "apİ.test" },
		"an invalid byte":       func(r *http.Request) { r.URL.Host = "ap\xff.test" },
		"no host":               func(r *http.Request) { r.URL.Host = "" },
		"host with a user":      func(r *http.Request) { r.URL.Host = "api.test@evil.test" },
		"host with a backslash": func(r *http.Request) { r.URL.Host = `evil.test\.api.test` },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, _ := tokens(t)
			s := says(200, "")
			api := transportOf(t, source, s, "https://api.test", "https://book.test", "https://ap\xfe.test")
			closed := false
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/x", closing{strings.NewReader("b"), &closed})
			if err != nil {
				t.Fatal(err)
			}
			change(r)
			resp, err := api.RoundTrip(r)
			if err == nil {
				_ = resp.Body.Close()
			}
			if err == nil || len(s.requests) != 0 || !closed || strings.Contains(err.Error(), "at0") {
				t.Errorf("%v, %d requests, body closed: %v", err, len(s.requests), closed)
			}
		})
	}
}

// The same origin, spelled in other ways.
func TestC29_SameOrigin(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	api := transportOf(t, source, says(200, ""), "HTTPS://API.test:443/", "http://127.0.0.1:80", "https://[::1]")
	for _, target := range []string{
		"https://api.test", "https://API.TEST:443/", "https://api.test:/x", "http://127.0.0.1/", "https://[::1]:443/",
	} {
		resp, err := get(t, &http.Client{Transport: api}, target)
		if err != nil {
			t.Error(err)
			continue
		}
		_ = resp.Body.Close()
	}
	bare := (&http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "https", Host: "api.test"}, Host: "API.test"}).WithContext(t.Context())
	resp, err := api.RoundTrip(bare) // as one may build it by hand
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// An API that rejects every token does not cause many requests to the authorization server.
func TestC29_APIRejectsEveryToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, s := tokens(t)
		api := new(server)
		api.answer = func(*http.Request, url.Values) *httptest.ResponseRecorder {
			return written(401, "no", map[string]string{"WWW-Authenticate": invalidToken})
		}
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() { // each with a Transport of its own, as a proxy has
				c := http.Client{Transport: transportOf(t, source, api, "https://api.test")}
				for range 60 {
					resp, err := get(t, &c, "https://api.test/")
					if err != nil {
						t.Error(err)
						return
					}
					if body, _ := io.ReadAll(resp.Body); resp.StatusCode != http.StatusUnauthorized || string(body) != "no" {
						t.Error(resp.Status, string(body))
					}
					_ = resp.Body.Close()
					time.Sleep(time.Second)
				}
			})
		}
		all.Wait()
		if s.requests < 1 || s.requests > 3 {
			t.Errorf("%d refreshes in a minute", s.requests)
		}
	})
}

// A revoked token is refreshed once for all requests that were rejected, also for late ones.
func TestC29_ManyRejections(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, s := tokens(t)
		s.delay = time.Second
		api := new(server)
		api.answer = func(r *http.Request, _ url.Values) *httptest.ResponseRecorder {
			if r.URL.Path == "/slow" {
				time.Sleep(5 * time.Second)
			}
			if r.Header.Get("Authorization") == "Bearer at0" {
				return written(401, "no", map[string]string{"WWW-Authenticate": invalidToken})
			}
			return written(200, "", nil)
		}
		c := http.Client{Transport: transportOf(t, source, api, "https://api.test")}
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
				target := "https://api.test/"
				if i == 0 {
					target += "slow"
				}
				resp, err := get(t, &c, target)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
				if resp.StatusCode != http.StatusOK {
					t.Error(resp.Status)
				}
			})
		}
		all.Wait()
		if s.requests != 1 {
			t.Errorf("%d refreshes", s.requests)
		}
	})
}

// If the body cannot be sent again, the response is returned. Every body is closed.
func TestC29_Bodies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		getBody func() (io.ReadCloser, error)
		status  int
	}{
		"no GetBody":    {nil, 401},
		"GetBody fails": {func() (io.ReadCloser, error) { return nil, errors.New("gone") }, 401},
		"again":         {func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("b=1")), nil }, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, issuer := tokens(t)
			s := new(server)
			s.answer = func(r *http.Request, form url.Values) *httptest.ResponseRecorder {
				if r.Header.Get("Authorization") == "Bearer at0" {
					return written(401, "no", map[string]string{"WWW-Authenticate": invalidToken})
				}
				return written(200, form.Encode(), nil)
			}
			var answers []*bool // whether the bodies of the responses were closed
			base := roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := s.RoundTrip(r)
				closed := false
				answers = append(answers, &closed)
				resp.Body = closing{resp.Body, &closed}
				return resp, err
			})
			closed := false
			r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.test/", closing{strings.NewReader("b=1"), &closed})
			r.GetBody = test.getBody
			resp, err := transportOf(t, source, base, "https://api.test").RoundTrip(r)
			if err != nil || resp.StatusCode != test.status || !closed {
				t.Fatal(resp, err, closed)
			}
			if body, _ := io.ReadAll(resp.Body); string(body) != map[int]string{401: "no", 200: "b=1"}[test.status] {
				t.Error(string(body))
			}
			_ = resp.Body.Close()
			if token, err := source.TokenContext(t.Context()); err != nil || token.AccessToken != "at1" || issuer.requests != 1 {
				t.Error("for the next request:", token, err, issuer.requests)
			}
			for i, closed := range answers {
				if !*closed {
					t.Errorf("the body of response %d was not closed", i)
				}
			}
		})
	}
}

// A Base that breaks the contract of RoundTripper causes an error.
func TestTransport_BadBase(t *testing.T) {
	t.Parallel()
	source, _ := tokens(t)
	for _, broken := range []*http.Response{nil, {StatusCode: 401}} {
		base := roundTrip(func(*http.Request) (*http.Response, error) { return broken, nil })
		api := transportOf(t, source, base, "https://api.test")
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://api.test/", nil)
		if resp, err := api.RoundTrip(r); err == nil {
			_ = resp.Body.Close()
			t.Error("no error")
		}
	}
}

// Streams, protocol upgrades and HTTP/2 pass through unchanged.
func TestTransport_Network(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/stream", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "one\n")
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = io.WriteString(w, "two\n")
	})
	mux.HandleFunc("/upgrade", func(w http.ResponseWriter, _ *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close() //nolint:errcheck // it is a test's
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		_ = rw.Flush()
		line, _ := rw.ReadString('\n')
		_, _ = rw.WriteString(line)
		_ = rw.Flush()
	})
	mux.HandleFunc("/hang", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	plain, second := httptest.NewServer(mux), httptest.NewUnstartedServer(mux)
	t.Cleanup(plain.Close)
	second.EnableHTTP2 = true
	second.StartTLS()
	t.Cleanup(second.Close)
	source, _ := tokens(t)
	c := &http.Client{Transport: transportOf(t, source, plain.Client().Transport, plain.URL)}
	h2 := &http.Client{Transport: transportOf(t, source, second.Client().Transport, second.URL)}

	for target, c := range map[string]*http.Client{plain.URL: c, second.URL: h2} {
		resp, err := get(t, c, target+"/stream")
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(resp.Body)
		for _, want := range []string{"one\n", "two\n"} {
			if line, err := lines.ReadString('\n'); line != want {
				t.Errorf("%q, %v", line, err)
			}
			if want == "one\n" {
				next <- struct{}{}
			}
		}
		_ = resp.Body.Close()
		if want := map[*http.Client]int{h2: 2}[c]; want != 0 && resp.ProtoMajor != want {
			t.Error(resp.Proto)
		}
	}

	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, plain.URL+"/upgrade", nil)
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "echo")
	resp, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	both, ok := resp.Body.(io.ReadWriter)
	if !ok || resp.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(resp.Status)
	}
	_, _ = io.WriteString(both, "echo\n")
	if line, err := bufio.NewReader(both).ReadString('\n'); line != "echo\n" {
		t.Errorf("%q, %v", line, err)
	}

	ctx, cancel := context.WithCancel(t.Context())
	r, _ = http.NewRequestWithContext(ctx, http.MethodGet, plain.URL+"/hang", nil)
	time.AfterFunc(10*time.Millisecond, cancel)
	if resp, err := c.Do(r); !errors.Is(err, context.Canceled) {
		_ = resp.Body.Close()
		t.Error(err)
	}
}

// golang.org/x/oauth2 accepts a TokenSource.
func TestTokenSource_OAuth2(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		source, s := tokens(t)
		api := says(200, "")
		base := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: api})
		for _, c := range []*http.Client{oauth2.NewClient(base, source), oauth2.NewClient(base, oauth2.ReuseTokenSource(nil, source))} {
			resp, err := get(t, c, "https://api.test/")
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if got := api.requests[len(api.requests)-1].Header.Get("Authorization"); got != "Bearer at0" {
				t.Error(got)
			}
		}
		reused := oauth2.ReuseTokenSource(nil, source)
		time.Sleep(time.Hour + time.Second)
		token, err := reused.Token()
		if err != nil || token.AccessToken != "at1" || !token.Valid() || token.Expiry.Before(time.Now()) || s.requests != 1 {
			t.Error(token, err, s.requests)
		}
		s.revoked = true
		time.Sleep(time.Hour)
		if _, err := reused.Token(); !errors.Is(err, client.ErrInvalidGrant) {
			t.Error(err)
		}
	})
}
