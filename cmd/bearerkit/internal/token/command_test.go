package token_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/token"
)

// server is an authorization server with scripted responses.
type server struct {
	*httptest.Server

	metadata map[string]any
	token    func(form url.Values) (status int, response any)
	device   map[string]any

	mu    sync.Mutex // guards forms
	forms []url.Values
}

// newServer starts a server whose token endpoint responds to every request with the access token "at-1".
func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{token: func(url.Values) (int, any) {
		return http.StatusOK, map[string]any{"access_token": "at-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "rt-1"}
	}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	s.metadata = map[string]any{
		"issuer": s.URL, "token_endpoint": s.URL + "/token", "authorization_endpoint": s.URL + "/authorize", "jwks_uri": s.URL + "/keys",
		"device_authorization_endpoint": s.URL + "/device", "response_types_supported": []string{"code"},
		"code_challenge_methods_supported": []string{"S256"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	}
	s.device = map[string]any{
		"device_code": "dc", "user_code": "ABCD-EFGH", "verification_uri": s.URL + "/activate",
		"verification_uri_complete": s.URL + "/activate?code=ABCD-EFGH", "expires_in": 600, "interval": 1,
	}
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	status, response := http.StatusOK, any(nil)
	switch r.URL.Path {
	case "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server":
		response = s.metadata
	case "/device":
		response = s.device
	case "/token":
		form := maps.Clone(r.PostForm)
		if id, secret, ok := r.BasicAuth(); ok {
			form.Set("basic", id+":"+secret)
		}
		s.mu.Lock()
		s.forms = append(s.forms, form)
		s.mu.Unlock()
		status, response = s.token(form)
	case "/authorize":
		back, _ := url.Parse(r.Form.Get("redirect_uri"))
		back.RawQuery = url.Values{"code": {"c-1"}, "state": {r.Form.Get("state")}}.Encode()
		http.Redirect(w, r, back.String(), http.StatusFound)
		return
	default:
		status = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(response)
}

// requests returns the forms that the token endpoint received.
func (s *server) requests() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.forms)
}

// fails makes the token endpoint respond with an error.
func (s *server) fails(code, description string) {
	s.token = func(url.Values) (int, any) {
		return http.StatusBadRequest, map[string]string{"error": code, "error_description": description}
	}
}

// result is what a run of the command wrote.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command token with variables of the form NAME=value.
func run(ctx context.Context, variables []string, stdin string, args ...string) result {
	var stdout, stderr bytes.Buffer
	env := &cli.Env{
		Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr,
		Environ: func() []string { return variables },
	}
	code := cli.Run(ctx, env, append([]string{"token"}, args...), token.Command)
	return result{code, stdout.String(), stderr.String()}
}

// confidential returns the variables of a client with a secret.
func (s *server) confidential() []string {
	return []string{"BEARERKIT_ISSUER=" + s.URL, "BEARERKIT_CLIENT_ID=batch", "BEARERKIT_CLIENT_SECRET=hush-hush"}
}

// public returns the variables of a client without a secret.
func (s *server) public() []string {
	return []string{"BEARERKIT_ISSUER=" + s.URL, "BEARERKIT_CLIENT_ID=tool"}
}

// TestClientCredentials checks that the standard output contains the token and nothing else, and which parameters are sent.
func TestClientCredentials(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name      string
		variables func(s *server) []string
		stdin     string
		args      []string
		want      url.Values
	}{
		{"variables", func(s *server) []string {
			return append(s.confidential(), "BEARERKIT_SCOPES=a b", "BEARERKIT_RESOURCE=https://api.test", "BEARERKIT_CLIENT_AUDIENCE=api")
		}, "", nil, url.Values{"basic": {"batch:hush-hush"}, "scope": {"a b"}, "resource": {"https://api.test"}, "audience": {"api"}}},
		{
			"flags replace variables",
			func(s *server) []string {
				return append(s.confidential(), "BEARERKIT_SCOPES=a b", "BEARERKIT_CLIENT_AUDIENCE=api")
			}, "",
			[]string{"--scope", "c,d", "--scope", "e", "--resource", "https://x.test", "--client-audience", "other", "--client-id", "me"},
			url.Values{"basic": {"me:hush-hush"}, "scope": {"c d e"}, "resource": {"https://x.test"}, "audience": {"other"}},
		},
		{
			"crossauth's variables, and flags that replace them",
			func(s *server) []string {
				return []string{"CROSSAUTH_AUTH_SERVER_BASE_URL=https://other.test", "CROSSAUTH_OAUTH_CLIENT_ID=batch", "CROSSAUTH_OAUTH_CLIENT_SECRET=hush-hush"}
			}, "",
			[]string{"--issuer", "ISSUER"},
			url.Values{"basic": {"batch:hush-hush"}},
		},
		{"a secret in a file", (*server).confidential, "", []string{"--client-secret-file", file}, url.Values{"basic": {"batch:from-a-file"}}},
		{"a secret on standard input", (*server).confidential, "typed\n", []string{"--client-secret-file", "-"}, url.Values{"basic": {"batch:typed"}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			args := slices.Clone(test.args)
			if i := slices.Index(args, "ISSUER"); i >= 0 {
				args[i] = s.URL
			}
			got := run(t.Context(), test.variables(s), test.stdin, args...)
			if got.code != cli.ExitOK || got.stdout != "at-1\n" {
				t.Fatalf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
			}
			test.want.Set("grant_type", "client_credentials")
			if diff := cmp.Diff([]url.Values{test.want}, s.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestJSON checks the members of the document.
func TestJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	got := run(t.Context(), append(s.confidential(), "BEARERKIT_SCOPES=a b"), "", "--json")
	var document map[string]any
	if err := json.Unmarshal([]byte(got.stdout), &document); err != nil {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	seconds, _ := document["expires_in"].(float64)
	at, _ := document["expires_at"].(string)
	if seconds < 3500 || seconds > 3600 || !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(at) {
		t.Errorf("expires_in %v, expires_at %q", seconds, at)
	}
	delete(document, "expires_in")
	delete(document, "expires_at")
	want := map[string]any{"access_token": "at-1", "token_type": "Bearer", "refresh_token": "rt-1", "scope": "a b"}
	if diff := cmp.Diff(want, document); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.token = func(url.Values) (int, any) {
		return http.StatusOK, map[string]any{"access_token": "at-2", "token_type": "Bearer", "scope": "a"}
	}
	got = run(t.Context(), append(s.confidential(), "BEARERKIT_SCOPES=a b"), "", "--json")
	if want := "{\n  \"access_token\": \"at-2\",\n  \"token_type\": \"Bearer\",\n  \"scope\": \"a\"\n}\n"; got.stdout != want {
		t.Errorf("stdout %s, want %s", got.stdout, want)
	}
	if want := "bearerkit: the authorization server did not grant the scopes \"b\"\n"; got.stderr != want {
		t.Errorf("stderr %q, want %q", got.stderr, want)
	}
}

// TestBrowser signs in with a browser that the test plays.
func TestBrowser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string // the redirect URI, as a regular expression
	}{
		{nil, `^http://127\.0\.0\.1:\d+/callback$`},
		{[]string{"--redirect-uri", "http://localhost/cb"}, `^http://localhost:\d+/cb$`},
		{[]string{"--redirect-uri", "http://127.0.0.1"}, `^http://127\.0\.0\.1:\d+$`},
	} {
		s := newServer(t)
		stdout, stderr := new(bytes.Buffer), newLines()
		env := &cli.Env{Stdout: stdout, Stderr: stderr, Environ: func() []string { return s.public() }}
		visited := make(chan error, 1)
		go func() { visited <- visit(t.Context(), stderr.wait(t, `(?m)^  (http.*)$`)) }()
		code := cli.Run(t.Context(), env, append([]string{"token", "--no-browser"}, test.args...), token.Command)
		if err := <-visited; err != nil || code != cli.ExitOK || stdout.String() != "at-1\n" {
			t.Fatalf("exit code %d, %v, stdout %q, stderr %q", code, err, stdout, stderr.text())
		}
		form := s.requests()[0]
		if form.Get("grant_type") != "authorization_code" || form.Get("code") != "c-1" || form.Get("code_verifier") == "" ||
			!regexp.MustCompile(test.want).MatchString(form.Get("redirect_uri")) {
			t.Errorf("the token request has %v, want the redirect URI %s", form, test.want)
		}
	}
}

// visit opens an address and follows redirects.
func visit(ctx context.Context, address string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	return errors.Join(resp.Body.Close(), expect(resp.StatusCode, http.StatusOK))
}

func expect(got, want int) error {
	if got != want {
		return fmt.Errorf("status %d, want %d", got, want)
	}
	return nil
}

// lines is a writer whose text a test can wait for.
type lines struct {
	mu      sync.Mutex // guards the fields below
	written bytes.Buffer
	changed chan struct{}
}

func newLines() *lines { return &lines{changed: make(chan struct{})} }

func (l *lines) Write(data []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	close(l.changed)
	l.changed = make(chan struct{})
	return l.written.Write(data)
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.String()
}

// wait waits until the text matches pattern, and returns the first group.
func (l *lines) wait(t *testing.T, pattern string) string {
	t.Helper()
	for {
		l.mu.Lock()
		text, changed := l.written.String(), l.changed
		l.mu.Unlock()
		if found := regexp.MustCompile(pattern).FindStringSubmatch(text); found != nil {
			return found[1]
		}
		select {
		case <-changed:
		case <-t.Context().Done():
			t.Errorf("%q does not match %s", text, pattern)
			return ""
		}
	}
}

// TestDevice gets a token with a code. The address and the code are on the standard error, with a QR code on a terminal.
func TestDevice(t *testing.T) {
	t.Parallel()
	for _, terminal := range []bool{false, true} {
		s := newServer(t)
		var stdout, stderr bytes.Buffer
		env := &cli.Env{Stdout: &stdout, Stderr: &stderr, Environ: func() []string { return s.public() }}
		if terminal {
			env.Columns = func(w io.Writer) int { return map[io.Writer]int{&stderr: 80}[w] }
		}
		code := cli.Run(t.Context(), env, []string{"token", "--flow", "device"}, token.Command)
		if code != cli.ExitOK || stdout.String() != "at-1\n" {
			t.Fatalf("exit code %d, stdout %q, stderr %q", code, &stdout, &stderr)
		}
		if !strings.Contains(stderr.String(), s.URL+"/activate\n") || !strings.Contains(stderr.String(), "  ABCD-EFGH\n") {
			t.Errorf("stderr lacks the address or the code: %q", &stderr)
		}
		if hasQR := strings.ContainsAny(stderr.String(), "█▀▄"); hasQR != terminal {
			t.Errorf("terminal: %v, QR code: %v", terminal, hasQR)
		}
		if strings.Contains(stderr.String(), "\x1b") || strings.Contains(stderr.String(), "at-1") {
			t.Errorf("stderr contains an escape sequence or the token: %q", &stderr)
		}
	}
}

// TestHostileDevice checks that a response with a code or an address that could control the terminal is rejected, and not written.
func TestHostileDevice(t *testing.T) {
	t.Parallel()
	for member, value := range map[string]string{
		"user_code": "AB\x1b[2J", "verification_uri": "javascript:alert(1)", "verification_uri_complete": "https://a.test/\x1b[2J",
	} {
		s := newServer(t)
		s.device[member] = value
		got := run(t.Context(), s.public(), "", "--flow", "device")
		if strings.Contains(got.stdout+got.stderr, "\x1b") || member != "verification_uri_complete" && got.code != cli.ExitFailed {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", member, got.code, got.stdout, got.stderr)
		}
	}
}

// TestInterrupted checks that canceling ends the command while it waits for the user.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, flow := range []string{"browser", "device"} {
		s := newServer(t)
		s.fails("authorization_pending", "")
		ctx, cancel := context.WithCancel(t.Context())
		stderr := newLines()
		env := &cli.Env{Stderr: stderr, Environ: func() []string { return s.public() }}
		go func() {
			stderr.wait(t, `(?m)^  (http.*)$`)
			cancel()
		}()
		if code := cli.Run(ctx, env, []string{"token", "--no-browser", "--flow", flow}, token.Command); code != cli.ExitFailed {
			t.Errorf("%s: exit code %d: %s", flow, code, stderr.text())
		}
		if !strings.HasSuffix(stderr.text(), "bearerkit: interrupted\n") {
			t.Errorf("%s: stderr %q", flow, stderr.text())
		}
	}
}

// TestAdvice checks that errors lead to what the user has to change, and contain no secret.
func TestAdvice(t *testing.T) {
	t.Parallel()
	failing := func(code string) func(*server) { return func(s *server) { s.fails(code, "hush-hush") } }
	secret := (*server).confidential
	for _, test := range []struct {
		name      string
		prepare   func(*server)
		variables func(*server) []string
		args      []string
		want      string
	}{
		{"the grant", failing("unauthorized_client"), secret, nil, "allow the client credentials grant (grant_type client_credentials) for the client \"batch\", or use --flow browser or --flow device."},
		{"an unknown grant", failing("unsupported_grant_type"), secret, nil, "allow the client credentials grant"},
		{"the device grant", failing("unauthorized_client"), (*server).public, []string{"--flow", "device"}, "allow the device grant"},
		{"a secret", failing("invalid_client"), secret, nil, "the secret (--client-secret-file, BEARERKIT_CLIENT_SECRET), and BEARERKIT_AUTH_METHOD."},
		{"no secret", failing("invalid_client"), (*server).public, []string{"--flow", "client-credentials"}, "If the client has a secret, set --client-secret-file"},
		{"a scope", failing("invalid_scope"), secret, []string{"--scope", "a,b"}, `The requested scopes are "a", "b" (--scope, BEARERKIT_SCOPES).`},
		{"no scope", failing("invalid_scope"), secret, nil, `The requested scopes are not set (--scope`},
		{"a resource", failing("invalid_target"), secret, []string{"--resource", "https://x.test"}, `The requested resources are "https://x.test"`},
		{"a proof", failing("invalid_dpop_proof"), secret, nil, "BEARERKIT_DPOP_KEY_FILE"},
		{"the user declined", failing("access_denied"), (*server).public, []string{"--flow", "device"}, "Run the command again, and accept"},
		{"the code expired", failing("expired_token"), (*server).public, []string{"--flow", "device"}, "did not type the code in time"},
		{"no authorization endpoint", func(s *server) { delete(s.metadata, "authorization_endpoint") }, secret, []string{"--flow", "browser"}, "BEARERKIT_ENDPOINTS=authorization_endpoint=URL"},
		{"no token endpoint", func(s *server) { delete(s.metadata, "token_endpoint") }, secret, nil, "BEARERKIT_ENDPOINTS=token_endpoint=URL"},
		{"no device endpoint", func(s *server) { delete(s.metadata, "device_authorization_endpoint") }, secret, []string{"--flow", "device"}, "BEARERKIT_ENDPOINTS=device_authorization_endpoint=URL"},
		{"no server", func(s *server) { s.Close() }, secret, nil, "Check that the issuer"},
		{"unavailable", failing("temporarily_unavailable"), secret, nil, "can be reached from this machine, or try again later."},
		{"a timeout", func(s *server) {}, (*server).public, []string{"--no-browser", "--timeout", "10ms"}, "register http://127.0.0.1/callback for the client"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newServer(t)
			test.prepare(s)
			got := run(t.Context(), test.variables(s), "", test.args...)
			if got.code != cli.ExitFailed || got.stdout != "" || !strings.Contains(got.stderr, test.want) {
				t.Errorf("exit code %d, stdout %q, want %q in stderr:\n%s", got.code, got.stdout, test.want, got.stderr)
			}
			if isSecret := slices.Equal(test.variables(s), s.confidential()); isSecret && strings.Contains(got.stderr, "hush-hush") {
				t.Errorf("stderr contains the secret: %s", got.stderr)
			}
		})
	}
}

// TestUsage checks wrong usage. Nothing is sent.
func TestUsage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for _, test := range []struct {
		name      string
		variables []string
		args      []string
		want      string
	}{
		{"nothing is set", nil, nil, "BEARERKIT_CLIENT_ID or CROSSAUTH_OAUTH_CLIENT_ID is required"},
		{"a misspelled variable", append(s.public(), "BEARERKIT_RESOURCES=https://api.test"), nil, "BEARERKIT_RESOURCES is not a known variable, expected BEARERKIT_RESOURCE"},
		{"an unknown flow", s.public(), []string{"--flow", "implicit"}, `--flow is "implicit", expected client-credentials, browser, device`},
		{"an argument", s.public(), []string{"x"}, "does not accept 1 argument"},
		{"no time", s.public(), []string{"--timeout", "0"}, "--timeout is 0s"},
		{"too much time", s.public(), []string{"--timeout", "61m"}, "--timeout is 1h1m0s, expected more than 0 and at most 1h0m0s"},
		{"an issuer without https", s.public(), []string{"--issuer", "http://192.0.2.1"}, "Config.Issuer"},
		{"a redirect URI of another machine", s.public(), []string{"--redirect-uri", "http://192.0.2.1/callback"}, `is "http://192.0.2.1/callback", expected http://127.0.0.1`},
		{"an https redirect URI", s.public(), []string{"--redirect-uri", "https://app.example.com/callback"}, "or use --flow device"},
		{"a redirect URI with a query", s.public(), []string{"--redirect-uri", "http://127.0.0.1/?a=b"}, "expected http://127.0.0.1"},
		{"port 0", s.public(), []string{"--redirect-uri", "http://127.0.0.1:0/"}, `the port of the redirect URI is "0"`},
		{"an empty secret", s.public(), []string{"--client-secret-file", os.DevNull, "--flow", "client-credentials"}, ""},
		{"an empty secret on standard input", s.public(), []string{"--client-secret-file", "-"}, "--client-secret-file: \"-\" is empty"},
		{"a cache that is a file", s.public(), []string{"--cache", "command_test.go"}, "--cache: client: FileTokens"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := run(t.Context(), test.variables, "", append(test.args, "--no-browser")...)
			if got.code == cli.ExitOK || test.want != "" && got.code != cli.ExitUsage || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q, want %q in stderr:\n%s", got.code, got.stdout, test.want, got.stderr)
			}
		})
	}
	t.Cleanup(func() {
		if n := len(s.requests()); n > 0 {
			t.Errorf("%d requests were sent", n)
		}
	})
}

// TestHostileToken checks that a token that could add text to a request, or control the terminal, is not written.
func TestHostileToken(t *testing.T) {
	t.Parallel()
	for _, access := range []string{"a\r\nX-Evil: 1", "a\x1b[2J", "a b", "a\"b", "ä", "a\u202eb", "==", "a=b"} {
		for _, args := range [][]string{nil, {"--json"}} {
			s := newServer(t)
			s.token = func(url.Values) (int, any) {
				return http.StatusOK, map[string]any{"access_token": access, "token_type": "Bearer"}
			}
			got := run(t.Context(), s.confidential(), "", args...)
			if got.code != cli.ExitFailed || got.stdout != "" || strings.Contains(got.stderr, access) {
				t.Errorf("%q: exit code %d, stdout %q, stderr %q", access, got.code, got.stdout, got.stderr)
			}
		}
	}
}

// TestCache checks that a stored token is used until it expires soon, then refreshed, and that its file is private.
func TestCache(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	number, lifetime := 0, 3600
	s.token = func(url.Values) (int, any) {
		number++
		return http.StatusOK, map[string]any{
			"access_token": fmt.Sprintf("at-%d", number), "token_type": "Bearer", "expires_in": lifetime, "refresh_token": fmt.Sprintf("rt-%d", number),
		}
	}
	folder := filepath.Join(t.TempDir(), "tokens")
	step := func(want, grant string, args ...string) {
		t.Helper()
		before := len(s.requests())
		got := run(t.Context(), s.confidential(), "", append(args, "--cache", folder)...)
		if got.code != cli.ExitOK || got.stdout != want+"\n" {
			t.Fatalf("exit code %d, stdout %q, want %q, stderr %q", got.code, got.stdout, want, got.stderr)
		}
		var grants []string
		for _, form := range s.requests()[before:] {
			grants = append(grants, form.Get("grant_type"))
		}
		if strings.Join(grants, " ") != grant {
			t.Fatalf("token requests %q, want %q", grants, grant)
		}
	}
	step("at-1", "client_credentials")
	step("at-1", "")
	lifetime = 20                                      // seconds: less than the next command may need
	step("at-2", "client_credentials", "--scope", "a") // another token
	step("at-1", "")
	step("at-3", "refresh_token", "--scope", "a")
	lifetime = 3600
	step("at-4", "refresh_token", "--scope", "a")
	step("at-4", "", "--scope", "a")

	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %q, %v, want 2", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v, want mode 0600", file, info.Mode(), err)
		}
	}
	if got := run(t.Context(), s.confidential(), "", "--json", "--cache", folder); strings.Contains(got.stdout, "rt-") {
		t.Errorf("the output contains the refresh token, which the store must use: %s", got.stdout)
	}
}

// TestCacheWithoutRefreshToken checks that a token without a refresh token is replaced before it expires.
func TestCacheWithoutRefreshToken(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.token = func(url.Values) (int, any) {
		return http.StatusOK, map[string]any{"access_token": fmt.Sprintf("at-%d", len(s.requests())), "token_type": "Bearer", "expires_in": 20}
	}
	folder := filepath.Join(t.TempDir(), "tokens")
	for _, want := range []string{"at-1\n", "at-2\n"} {
		if got := run(t.Context(), s.confidential(), "", "--cache", folder); got.stdout != want {
			t.Errorf("stdout %q, want %q, stderr %q", got.stdout, want, got.stderr)
		}
	}
	// If the refresh token has ended, the flow starts again.
	s.token = func(form url.Values) (int, any) {
		if form.Get("grant_type") == "refresh_token" {
			return http.StatusBadRequest, map[string]string{"error": "invalid_grant"}
		}
		return http.StatusOK, map[string]any{"access_token": "new", "token_type": "Bearer", "expires_in": 20, "refresh_token": "ended"}
	}
	for range 2 {
		if got := run(t.Context(), s.confidential(), "", "--cache", folder, "--scope", "x"); got.stdout != "new\n" {
			t.Errorf("stdout %q, stderr %q", got.stdout, got.stderr)
		}
	}
}

// TestDPoP checks that a bound token is written with a note, and that the store keeps the tokens of each key apart.
func TestDPoP(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.metadata["dpop_signing_alg_values_supported"] = []string{"ES256"}
	s.token = func(url.Values) (int, any) {
		kind := "Bearer"
		if len(s.requests()) > 1 {
			kind = "DPoP"
		}
		return http.StatusOK, map[string]any{"access_token": fmt.Sprintf("at-%d", len(s.requests())), "token_type": kind, "expires_in": 3600}
	}
	folder := filepath.Join(t.TempDir(), "tokens")
	keys := []string{"", keyFile(t), keyFile(t)}
	for range 2 { // the second time, all tokens are stored
		for i, file := range keys {
			variables := s.confidential()
			if file != "" {
				variables = append(variables, "BEARERKIT_DPOP_KEY_FILE="+file, "BEARERKIT_DPOP_KEY_ALGORITHM=ES256")
			}
			got := run(t.Context(), variables, "", "--cache", folder)
			if want := fmt.Sprintf("at-%d\n", i+1); got.stdout != want || strings.Contains(got.stderr, "'Authorization: DPoP'") != (i > 0) {
				t.Errorf("stdout %q, want %q; stderr %q", got.stdout, want, got.stderr)
			}
		}
	}
}

// keyFile writes a new private key to a file.
func keyFile(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "key.pem")
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}
