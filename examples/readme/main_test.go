package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const audience = "https://api.example.com"

// newIssuer starts an authorization server on loopback. handler, if not nil, wraps it.
func newIssuer(t *testing.T, handler func(*bearertest.Issuer) http.Handler) *bearertest.Issuer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + server.Listener.Addr().String(), Audience: audience})
	server.Config.Handler = issuer
	if handler != nil {
		server.Config.Handler = handler(issuer)
	}
	server.Start()
	t.Cleanup(server.Close)
	return issuer
}

// newLoggedAPI returns the API of the README and the lines that it logs.
func newLoggedAPI(t *testing.T, issuer string) (http.Handler, *logBuffer) {
	t.Helper()
	lines := new(logBuffer)
	api, err := newAPI(issuer, audience, slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{ReplaceAttr: likeDefault})))
	if err != nil {
		t.Fatal(err)
	}
	return api, lines
}

// likeDefault drops the attributes that the default handler of slog writes without their names.
func likeDefault(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == slog.LevelKey || a.Key == slog.MessageKey {
		return slog.Attr{}
	}
	return a
}

type logBuffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func get(t *testing.T, api http.Handler, authorization ...string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
	request.Header["Authorization"] = authorization
	response := httptest.NewRecorder()
	api.ServeHTTP(response, request)
	return response
}

// TestResponses checks the table of responses in README.md.
func TestResponses(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, nil)
	api, _ := newLoggedAPI(t, issuer.URL())
	good := "Bearer " + issuer.AccessToken().Set("scope", "orders:read").Sign()
	if got := get(t, api, good); got.Code != http.StatusOK || got.Body.String() != "hello alice\n" {
		t.Fatalf("valid token: got %d %q", got.Code, got.Body)
	}
	unreachable := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://127.0.0.1:1", Audience: audience})
	down, _ := newLoggedAPI(t, unreachable.URL())

	tests := []struct {
		name          string
		api           http.Handler
		authorization []string
		status        int
		challenge     string
		body          string
	}{
		{"no token", api, nil, 401, `Bearer realm="api", scope="orders:read"`, `{"title":"Unauthorized","status":401}`},
		{"two tokens", api, []string{good, good}, 400, `Bearer realm="api", error="invalid_request"`, ""},
		{"not a token", api, []string{"Bearer a b"}, 400, `Bearer realm="api", error="invalid_request"`, ""},
		{"forged", api, []string{good + "A"}, 401, `Bearer realm="api", error="invalid_token", scope="orders:read"`, ""},
		{
			"without the scope", api,
			[]string{"Bearer " + issuer.AccessToken().Sign()},
			403,
			`Bearer realm="api", error="insufficient_scope", scope="orders:read"`,
			`{"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:read"}`,
		},
		{"issuer down", down, []string{"Bearer " + unreachable.AccessToken().Sign()}, 503, "", ""},
	}
	readme := readReadme(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := get(t, test.api, test.authorization...)
			if got.Code != test.status || got.Header().Get("WWW-Authenticate") != test.challenge {
				t.Errorf("got %d %q, want %d %q", got.Code, got.Header().Get("WWW-Authenticate"), test.status, test.challenge)
			}
			if body := strings.TrimSpace(got.Body.String()); test.body != "" && body != test.body {
				t.Errorf("body: got %s, want %s", body, test.body)
			}
			if test.challenge != "" && !strings.Contains(readme, fmt.Sprintf("| %d | `%s`", test.status, test.challenge)) {
				t.Errorf("README.md does not list %d %s", test.status, test.challenge)
			}
		})
	}
}

// TestCaseW7_LogLines checks that README.md shows the lines that the program logs for rejected requests.
func TestCaseW7_LogLines(t *testing.T) {
	t.Parallel()
	issuer := newIssuer(t, nil)
	unreachable := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://127.0.0.1:1", Audience: audience})
	tests := []struct {
		name, issuer, token string
	}{
		{"audience", issuer.URL(), issuer.AccessToken().Set("aud", "account").Sign()},
		{"issuer", issuer.URL(), issuer.AccessToken().Set("iss", issuer.URL()+"/").Sign()},
		{"expired", issuer.URL(), issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()},
		{"type", issuer.URL(), issuer.IDToken().Set("aud", audience).Sign()},
		{"scope", issuer.URL(), issuer.AccessToken().Set("scope", "profile").Sign()},
		{"keys_unavailable", unreachable.URL(), unreachable.AccessToken().Sign()},
	}
	readme := readReadme(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api, lines := newLoggedAPI(t, test.issuer)
			get(t, api, "Bearer "+test.token)
			_, line, found := strings.Cut(lines.String(), "status=")
			line, _, _ = strings.Cut(line, "\n")
			line = strings.ReplaceAll("status="+line, test.issuer, "https://login.example.com")
			if !found || !strings.Contains(line, "reason="+test.name+" ") || !shows(readme, line) {
				t.Errorf("README.md does not show this line: %s", line)
			}
		})
	}
}

// timestamp matches the dates in a log line, which README.md replaces by others.
var timestamp = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`)

// shows reports whether a row of the table in readme begins with line. An ellipsis in the row matches any text.
func shows(readme, line string) bool {
	line = timestamp.ReplaceAllString(line, "(time)")
	for row := range strings.Lines(timestamp.ReplaceAllString(readme, "(time)")) {
		shown, isRow := strings.CutPrefix(row, "| `")
		shown, _, _ = strings.Cut(shown, "` |")
		before, after, _ := strings.Cut(shown, "…")
		long := len(line) >= len(before)+len(after) && strings.Contains(shown, "…")
		if isRow && (shown == line || long && strings.HasPrefix(line, before) && strings.HasSuffix(line, after)) {
			return true
		}
	}
	return false
}

func TestNoIssuer(t *testing.T) {
	t.Parallel()
	if _, err := newAPI("", audience, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), "Config.Issuer") {
		t.Errorf("got %v, want an error that names Config.Issuer", err)
	}
}

// TestCORS checks that preflights need no token, and that a page can read the response to a rejected request.
func TestCORS(t *testing.T) {
	t.Parallel()
	api, _ := newLoggedAPI(t, newIssuer(t, nil).URL())
	send := func(method string, header map[string]string) *httptest.ResponseRecorder {
		request := httptest.NewRequestWithContext(t.Context(), method, "/orders", nil)
		request.Header.Set("Origin", "https://app.example.com")
		for name, value := range header {
			request.Header.Set(name, value)
		}
		response := httptest.NewRecorder()
		withCORS(api).ServeHTTP(response, request)
		return response
	}
	preflight := send(http.MethodOptions, map[string]string{
		"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization",
	})
	if preflight.Code != http.StatusNoContent || preflight.Header().Get("Access-Control-Allow-Headers") != "authorization" {
		t.Errorf("preflight: got %d %v", preflight.Code, preflight.Header())
	}
	rejected := send(http.MethodGet, nil)
	if rejected.Code != http.StatusUnauthorized || rejected.Header().Get("Access-Control-Allow-Origin") != "https://app.example.com" {
		t.Errorf("request without a token: got %d %v", rejected.Code, rejected.Header())
	}
}

// TestCaller checks that a client requests its token once and sends it only to the API.
func TestCaller(t *testing.T) {
	t.Parallel()
	var requested atomic.Int32
	issuer := newIssuer(t, func(issuer *bearertest.Issuer) http.Handler {
		mux := http.NewServeMux()
		mux.Handle("/", issuer)
		mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":"%[1]s/jwks","token_endpoint":"%[1]s/token"}`, issuer.URL())
		})
		mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
			requested.Add(1)
			if id, secret, _ := r.BasicAuth(); id != "billing" || secret != "s3cret" || r.FormValue("scope") != "orders:read" {
				http.Error(w, `{"error":"invalid_client"}`, http.StatusUnauthorized)
				return
			}
			token := issuer.AccessToken().Set("scope", r.FormValue("scope")).Sign()
			fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":300}`, token)
		})
		return mux
	})
	api, _ := newLoggedAPI(t, issuer.URL())
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	cfg := client.Config{Issuer: issuer.URL(), ClientID: "billing", ClientSecret: "s3cret", Scopes: []string{"orders:read"}}
	caller, err := newCaller(cfg, server.URL)
	if err != nil {
		t.Fatal(err)
	}

	for range 2 {
		if got, err := call(t, caller, server.URL+"/orders"); got != "hello alice" || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if _, err := call(t, caller, "https://other.example.com/orders"); !errors.Is(err, client.ErrOrigin) {
		t.Errorf("call of another API: got %v, want ErrOrigin", err)
	}
	if n := requested.Load(); n != 1 {
		t.Errorf("the client requested %d tokens, want 1", n)
	}
	if _, err := newCaller(cfg, server.URL+"/orders"); err == nil || !strings.Contains(err.Error(), "origins") {
		t.Errorf("origin with a path: got %v, want an error that names origins", err)
	}
}

func call(t *testing.T, c *http.Client, url string) (body string, err error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := c.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return strings.TrimSpace(string(text)), err
}

func readReadme(t *testing.T) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(readme)
}

// TestGoBlocks checks that every Go block of README.md is the end of a file in this folder, so that it compiles.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readReadme(t), -1)
	if len(blocks) != 3 {
		t.Errorf("README.md has %d Go blocks, want 3", len(blocks))
	}
	for _, block := range blocks {
		if !endsAFile(t, files, "\n"+block[1]) {
			t.Errorf("no file of this folder ends with this block of README.md:\n%s", block[1])
		}
	}
}

func endsAFile(t *testing.T, files []string, block string) bool {
	t.Helper()
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(string(source), block) {
			return true
		}
	}
	return false
}
