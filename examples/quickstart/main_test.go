package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.Check(t, func(issuer string) (http.Handler, error) { return newAPI(issuer, slog.New(slog.DiscardHandler)) })
}

func TestTour(t *testing.T) {
	t.Parallel()
	var stdout bytes.Buffer
	if err := run(t.Context(), []string{"-tour"}, &stdout); err != nil {
		t.Fatalf("%v\n%s", err, &stdout)
	}
	if rows := strings.Count(stdout.String(), "\nGET "); rows != 29 {
		t.Errorf("%d rows, want 29", rows)
	}
	if !strings.Contains(stdout.String(), "key set of the issuer 4 times") {
		t.Error("the API requested the key set for rejected tokens")
	}
	for _, line := range []string{
		`reason=audience issuer=`, `; they differ only by a trailing slash"`, `detail="exp `, `detail="the token does not have all of the scopes`,
		`detail="alg \"none\" is not one of [`, `detail="no key has the token's kid \"es256-1\" (2 keys fetched at `,
	} {
		if !strings.Contains(stdout.String(), line) {
			t.Errorf("no log line contains %s", line)
		}
	}
	t.Logf("\n%s", &stdout)
}

// TestTourDetectsWrongResponses checks that the tour fails for an API without a Guard and for wrong responses.
func TestTourDetectsWrongResponses(t *testing.T) {
	t.Parallel()
	greet := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello alice\n")) })
	changed := func(change func(http.Header)) api {
		return func(issuer string, logger *slog.Logger) (http.Handler, error) {
			api, err := newAPI(issuer, logger)
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				api.ServeHTTP(changedHeader{w, change}, r)
			}), err
		}
	}
	tests := []struct {
		name   string
		newAPI api
		wrong  int
	}{
		{"no guard", func(string, *slog.Logger) (http.Handler, error) { return greet, nil }, 22},
		{"no challenge", changed(func(h http.Header) { h.Del("WWW-Authenticate") }), 15},
		{"no Retry-After", changed(func(h http.Header) { h.Del("Retry-After") }), 1},
		{"no response", func(string, *slog.Logger) (http.Handler, error) { return hangUp(), nil }, 29},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout bytes.Buffer
			if err := takeTour(t.Context(), &stdout, test.newAPI); !errors.Is(err, errTour) {
				t.Errorf("got %v, want errTour", err)
			}
			if wrong := strings.Count(stdout.String(), "WRONG"); wrong != test.wrong {
				t.Errorf("%d responses are marked as wrong, want %d:\n%s", wrong, test.wrong, &stdout)
			}
		})
	}
}

type changedHeader struct {
	http.ResponseWriter
	change func(http.Header)
}

func (c changedHeader) WriteHeader(status int) {
	c.change(c.Header())
	c.ResponseWriter.WriteHeader(status)
}

func hangUp() http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
}

// TestPrintedLines executes the printed commands.
func TestPrintedLines(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	output, stdout := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-addr", "127.0.0.1:0"}, stdout) }()
	var lines []string
	for scanner := bufio.NewScanner(output); scanner.Scan() && !strings.HasPrefix(scanner.Text(), "Press Ctrl-C"); {
		lines = append(lines, scanner.Text())
	}

	shell := reader{client: &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}}
	for _, line := range lines {
		shell.obey(t, line)
	}
	want := []int{200, 401, 200, 401, 401, 200, 403, 403, 200, 200, 200, 200, 200, 200, 401, 200, 200, 200}
	if !slices.Equal(shell.statuses, want) {
		t.Errorf("statuses %v, want %v, of\n%s", shell.statuses, want, strings.Join(lines, "\n"))
	}
	if !strings.Contains(shell.lastBody, "bearer") {
		t.Errorf("metrics are\n%s", shell.lastBody)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("the program ended with %v", err)
	}
}

// reader executes the commands that the program prints.
type reader struct {
	client   *http.Client
	old      string
	statuses []int
	lastBody string
}

var (
	assignment = regexp.MustCompile(`^OLD=\$\(curl -s (\S+)\)$`)
	command    = regexp.MustCompile(`^curl (-X POST|-i|-s) (\S+)(?: -H "Authorization: Bearer (?:\$OLD|\$\(curl -s (\S+)\))")?$`)
)

func (r *reader) obey(t *testing.T, line string) {
	t.Helper()
	if match := assignment.FindStringSubmatch(line); match != nil {
		_, r.old = r.request(t, http.MethodGet, match[1], "")
		return
	}
	if !strings.HasPrefix(line, "curl") {
		return
	}
	match := command.FindStringSubmatch(line)
	if match == nil {
		t.Fatalf("unknown command %q", line)
	}
	method, token := http.MethodGet, ""
	if match[1] == "-X POST" {
		method = http.MethodPost
	}
	switch {
	case match[3] != "":
		_, token = r.request(t, http.MethodGet, match[3], "")
	case strings.Contains(line, "$OLD"):
		token = r.old
	}
	status, body := r.request(t, method, match[2], token)
	r.statuses, r.lastBody = append(r.statuses, status), body
}

func (r *reader) request(t *testing.T, method, url, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(body))
}

func TestArguments(t *testing.T) {
	t.Parallel()
	taken, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	tests := []struct {
		args []string
		want string
	}{
		{[]string{"-addr", "0.0.0.0:8080"}, "is not a loopback address with a port"},
		{[]string{"-addr", "8080"}, "is not a loopback address with a port"},
		{[]string{"-addr", taken.Addr().String()}, "address already in use"},
		{[]string{"-h"}, flag.ErrHelp.Error()},
		{[]string{"-unknown"}, "-unknown"},
	}
	for _, test := range tests {
		err := run(t.Context(), test.args, io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: got %v, want %q", test.args, err, test.want)
		}
	}
}
