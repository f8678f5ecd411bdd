package main

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

// ask sends a form to the server, and returns the body of the response.
func ask(t *testing.T, s http.Handler, path string, form url.Values) string {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	if recorder.Code != http.StatusOK {
		t.Fatalf("%s: status %d", path, recorder.Code)
	}
	return recorder.Body.String()
}

// start returns a server that listens on loopback, and an API that uses it with the secret.
func start(t *testing.T, secret func(*server) string, log *bytes.Buffer) (*server, http.Handler) {
	t.Helper()
	listener := httptest.NewUnstartedServer(nil)
	s := newServer("http://" + listener.Listener.Addr().String())
	listener.Config.Handler = s
	listener.Start()
	t.Cleanup(listener.Close)
	api, err := newAPI(s.issuer, secret(s), slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return s, api
}

// count returns the number of introspections so far.
func (s *server) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.introspections
}

func TestSmoke(t *testing.T) {
	t.Parallel()
	s, api := start(t, func(s *server) string { return s.apiSecret }, new(bytes.Buffer))
	token := ask(t, s, "/token", url.Values{"scope": {"orders:read"}})
	for range 3 {
		if got := demotest.Get(t.Context(), api, "/orders", token); got.Code != 200 || got.Body.String() != "orders of alice\n" {
			t.Fatalf("%d %q", got.Code, got.Body)
		}
	}
	if n := s.count(); n != 1 {
		t.Errorf("%d introspections, want 1 for 3 requests", n)
	}
	revoked := ask(t, s, "/token", url.Values{"scope": {"orders:read"}})
	ask(t, s, "/revoke", url.Values{"token": {revoked}})
	for name, test := range map[string]struct {
		token  string
		status int
	}{
		"revoked":           {revoked, 401},
		"unknown":           {tokenPrefix + "unknown", 401},
		"another form":      {"unknown", 401},
		"no token":          {"", 401},
		"without the scope": {ask(t, s, "/token", url.Values{"scope": {"profile"}}), 403},
	} {
		if got := demotest.Get(t.Context(), api, "/orders", test.token); got.Code != test.status {
			t.Errorf("%s: status %d, want %d", name, got.Code, test.status)
		}
	}
	if n := s.count(); n != 4 {
		t.Errorf("%d introspections, want 4: an unknown form causes none", n)
	}
}

func TestWrongSecretIsNotTheFaultOfTheCaller(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	s, api := start(t, func(*server) string { return "wrong" }, &log)
	token := ask(t, s, "/token", url.Values{"scope": {"orders:read"}})
	got := demotest.Get(t.Context(), api, "/orders", token)
	if got.Code != 503 || got.Header().Get("Retry-After") == "" || got.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("status %d with %v", got.Code, got.Header())
	}
	if text := log.String(); !strings.Contains(text, "level=ERROR") || strings.Contains(text, token) {
		t.Errorf("the log is %q", text)
	}
}
