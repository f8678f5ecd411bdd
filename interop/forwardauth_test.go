package interop_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// TestForwardAuth runs nginx and Caddy in front of a page, with bearerkit serve. All configurations are those of
// docs/forward-auth.md, with other addresses and names.
func TestForwardAuth(t *testing.T) {
	t.Parallel()
	for _, proxy := range []struct {
		name  string
		start func(t *testing.T, s *forwardAuth) (url string)
	}{
		{"nginx", startAuthNginx},
		{"caddy", startAuthCaddy},
	} {
		t.Run(proxy.name, func(t *testing.T) {
			t.Parallel()
			s := startForwardAuth(t, proxy.name)
			url := proxy.start(t, s)
			s.statuses(t, proxy.name, url)
			s.forgeries(t, url)
			s.outage(t, url)
		})
	}
}

// forwardAuth is a running bearerkit serve, its issuers, and the page that the proxy protects.
type forwardAuth struct {
	address  string // of serve
	proxy    string // the address of the proxy
	issuer   *bearertest.Issuer
	down     *bearertest.Issuer // its keys cannot be fetched
	page     *httptest.Server
	end      func()
	requests chan http.Header // of the page
}

const pageText = "a static page"

// startForwardAuth runs serve with the configuration of the document until the test ends.
func startForwardAuth(t *testing.T, proxy string) *forwardAuth {
	t.Helper()
	s := &forwardAuth{address: freeAddress(t), proxy: freeAddress(t), requests: make(chan http.Header, 1)}
	s.page = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests <- r.Header.Clone()
		_, _ = io.WriteString(w, pageText)
	}))
	t.Cleanup(s.page.Close)
	server := httptest.NewUnstartedServer(nil)
	name := "http://" + server.Listener.Addr().String()
	s.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: name, Audience: "https://api.example.com"})
	server.Config.Handler = s.issuer
	server.Start()
	t.Cleanup(server.Close)
	s.down = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "http://" + freeAddress(t), Audience: "https://api.example.com"})
	configuration := replaceAll(t, forwardAuthBlocks(t, "yaml")[0],
		"proxy: nginx", "proxy: "+proxy,
		"127.0.0.1:9123", s.address,
		"127.0.0.1:9125", "127.0.0.1:0",
		"https://login.example.com", s.issuer.URL(),
		"issuers:\n", "issuers:\n  - issuer: "+s.down.URL()+"\n    audience: [https://api.example.com]\n",
	)
	file := filepath.Join(t.TempDir(), "serve.yaml")
	if err := os.WriteFile(file, []byte(configuration+"timeouts: {drain: 1ms}\ndpop: {hosts: [127.0.0.1, \""+s.proxy+"\"]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, file)
	return s
}

// run runs serve until the test ends, or until s.end is called.
func (s *forwardAuth) run(t *testing.T, file string) {
	t.Helper()
	program, err := bearerkitProgram()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cmd := exec.CommandContext(ctx, program, "serve", "--config", file)
	stderr := new(output)
	cmd.Stderr, cmd.WaitDelay = stderr, 5*time.Second
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	s.end = sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait() // its context has ended
		if t.Failed() {
			t.Logf("bearerkit wrote to stderr:\n%s", stderr)
		}
	})
	t.Cleanup(s.end)
	waitUntilListening(t, s.address)
}

// bearerkitProgram builds cmd/bearerkit once, and returns the path of the program. TestMain removes its folder.
var bearerkitProgram = sync.OnceValues(func() (string, error) {
	folder, err := os.MkdirTemp("", "interop-")
	if err != nil {
		return "", err
	}
	builtBearerkit = folder
	program := filepath.Join(folder, "bearerkit")
	cmd := exec.CommandContext(context.Background(), "go", "build", "-o", program, ".")
	cmd.Dir = "../cmd/bearerkit"
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cmd/bearerkit cannot be built: %w\n%s", err, out)
	}
	return program, nil
})

// builtBearerkit is the folder of the program that bearerkitProgram builds.
var builtBearerkit string

// forwardAuthBlocks returns the code blocks of docs/forward-auth.md in a language.
func forwardAuthBlocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../docs/forward-auth.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllSubmatch(page, -1) {
		blocks = append(blocks, string(match[1]))
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/forward-auth.md has no block in %s", language)
	}
	return blocks
}

// replaceAll replaces texts, given as pairs. Each must occur.
func replaceAll(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("docs/forward-auth.md does not contain %q", pairs[i])
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// startAuthNginx runs nginx with the block of the document.
func startAuthNginx(t *testing.T, s *forwardAuth) string {
	t.Helper()
	binary, address, dir := findNginx(t), s.proxy, t.TempDir()
	server := replaceAll(t, forwardAuthBlocks(t, "nginx")[0],
		"listen 80;", "listen "+address+";", "server_name api.example.com;", "server_name api.example.com 127.0.0.1;",
		"http://127.0.0.1:9123", "http://"+s.address, "http://127.0.0.1:8080", s.page.URL)
	config := filepath.Join(dir, "nginx.conf")
	text := "daemon off;\nmaster_process off;\npid " + dir + "/pid;\nerror_log stderr warn;\nevents {}\nhttp {\naccess_log off;\n"
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		text += kind + "_temp_path " + dir + "/" + kind + ";\n"
	}
	if err := os.WriteFile(config, []byte(text+server+"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	runNginx(t, binary, config, address)
	return "http://" + address
}

// startAuthCaddy runs Caddy with the block of the document.
func startAuthCaddy(t *testing.T, s *forwardAuth) string {
	t.Helper()
	binary, err := exec.LookPath("caddy")
	if err != nil {
		unavailable(t, "interop: caddy is not installed")
	}
	address, dir := s.proxy, t.TempDir()
	site := replaceAll(t, forwardAuthBlocks(t, "caddyfile")[0], "api.example.com {", "http://"+address+" {",
		"127.0.0.1:9123", s.address, "127.0.0.1:8080", strings.TrimPrefix(s.page.URL, "http://"))
	config := filepath.Join(dir, "Caddyfile")
	if err := os.WriteFile(config, []byte("{\n\tadmin off\n\tauto_https off\n}\n"+site), 0o600); err != nil {
		t.Fatal(err)
	}
	// The shell ends Caddy when its stdin is closed, as in runNginx.
	cmd := exec.CommandContext(t.Context(), "sh", "-c",
		`exec 3<&0; "$0" run --adapter caddyfile --config "$1" & pid=$!; (read -r _ <&3; kill "$pid") >/dev/null 2>&1 & wait "$pid"`,
		binary, config)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir, "XDG_DATA_HOME="+dir)
	stderr := new(output)
	cmd.Stderr, cmd.WaitDelay = stderr, 5*time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Cancel = stdin.Close
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // its context has ended
		if t.Failed() {
			t.Logf("caddy wrote to stderr:\n%s", stderr)
		}
	})
	waitUntilListening(t, address)
	return "http://" + address
}

// rawResponse is a response to raw.
type rawResponse struct {
	status int
	header http.Header
	body   string
}

// raw sends a request line and header fields as they are, and returns the response.
func raw(t *testing.T, url, line string, fields ...string) rawResponse {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(startTimeout)); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(url, "http://")
	if _, err := io.WriteString(conn, line+" HTTP/1.1\r\nHost: "+host+"\r\n"+strings.Join(append(fields, "", ""), "\r\n")); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: strings.Fields(line)[0]})
	if err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return rawResponse{response.StatusCode, response.Header, string(body)}
}

// reached returns the header of the request that the page received, or nil if it received none.
func (s *forwardAuth) reached() http.Header {
	select {
	case header := <-s.requests:
		return header
	default:
		return nil
	}
}

// statuses checks what the client receives for each decision.
func (s *forwardAuth) statuses(t *testing.T, proxy, url string) {
	t.Helper()
	read := s.issuer.AccessToken().Set("scope", "orders:read orders:write").Sign()
	weak := s.issuer.AccessToken().Set("scope", "other").Sign()
	key := bearertest.NewProofKey("ES256")
	bound := s.issuer.AccessToken().Set("scope", "orders:read").BoundTo(key).Sign()
	place := url // of a proof: nginx sends the host without its port
	if proxy == "nginx" {
		place = "http://127.0.0.1"
	}
	for _, test := range []struct {
		name, line string
		fields     []string
		status     int
		challenge  string // in WWW-Authenticate; "": there is none
	}{
		{"accepted", "GET /orders/7?a=b", []string{"Authorization: Bearer " + read}, 200, ""},
		{"a body", "POST /orders", []string{"Authorization: Bearer " + read, "Content-Length: 0"}, 200, ""},
		{"public", "GET /health", nil, 200, ""},
		{"no token", "GET /orders/7", nil, 401, `resource_metadata="https://api.example.com/.well-known/oauth-protected-resource", scope="orders:read"`},
		{"invalid token", "GET /orders/7", []string{"Authorization: Bearer x"}, 401, `error="invalid_token"`},
		{"too little scope", "GET /orders/7", []string{"Authorization: Bearer " + weak}, 403, `error="insufficient_scope"`},
		{"no route", "GET /other", []string{"Authorization: Bearer " + read}, 403, `realm="orders"`},
		{"not a token", "GET /orders/7", []string{"Authorization: Bearer a b"}, 400, `error="invalid_request"`},
		{"a bound token without a proof", "GET /orders/7", []string{"Authorization: DPoP " + bound}, 401, `DPoP realm="orders"`},
		{"a bound token", "GET /orders/8", []string{"Authorization: DPoP " + bound, "DPoP: " + key.Proof("GET", place+"/orders/8", bound).Sign()}, 200, ""},
		{"outage", "GET /orders/7", []string{"Authorization: Bearer " + s.down.AccessToken().Sign()}, 503, ""},
	} {
		response := raw(t, url, test.line, test.fields...)
		challenges := response.header["Www-Authenticate"]
		if response.status != test.status || (len(challenges) == 0) != (test.challenge == "") || !strings.Contains(strings.Join(challenges, ", "), test.challenge) {
			t.Errorf("%s: status %d, challenges %q, want %d, %q", test.name, response.status, challenges, test.status, test.challenge)
		}
		if test.status == http.StatusServiceUnavailable && response.header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", test.name)
		}
		header := s.reached()
		if (header != nil) != (test.status == http.StatusOK) || (response.body == pageText) != (header != nil) {
			t.Errorf("%s: reached the page: %t, body %q", test.name, header != nil, response.body)
		}
		if header == nil {
			if got := response.header.Get("Content-Type"); got != "application/problem+json" || !strings.HasPrefix(response.body, `{"title":`) {
				t.Errorf("%s: %s body %q", test.name, got, response.body)
			}
			continue
		}
		subject, issuer := "alice", s.issuer.URL()
		if test.name == "public" {
			subject, issuer = "", ""
		}
		if header.Get("X-Auth-Subject") != subject || header.Get("X-Auth-Issuer") != issuer || header.Get("Authorization") != "" || header.Get("DPoP") != "" {
			t.Errorf("%s: the page received %v", test.name, header)
		}
	}
	if response := raw(t, url, "GET /.well-known/oauth-protected-resource"); response.status != http.StatusOK {
		t.Errorf("metadata document: status %d", response.status)
	}
}

// forgeries checks that a client can neither choose the header fields of serve nor describe another request.
func (s *forwardAuth) forgeries(t *testing.T, url string) {
	t.Helper()
	token := "Authorization: Bearer " + s.issuer.AccessToken().Set("scope", "orders:read").Sign()
	for _, test := range []struct {
		line     string
		fields   []string
		statuses []int
	}{
		{"GET /orders/7", []string{token, "X-Auth-Subject: mallory"}, []int{400}},
		{"GET /orders/7", []string{token, "x-auth-subject: mallory", "X-Auth-Subject:"}, []int{400}},
		{"GET /orders/7", []string{token, "X_Auth_Subject: mallory"}, []int{200, 400}}, // nginx drops the field
		{"GET /orders/7", []string{token, "X-Auth_Subject: mallory"}, []int{200, 400}},
		{"GET /health", []string{"X-Auth-Subject: mallory"}, []int{400}},
		{"GET /health", []string{"X_Auth_Subject: mallory"}, []int{200, 400}},
		{"GET /orders/7", []string{token, "Connection: close, X-Auth-Subject"}, []int{200, 400}}, // nginx ignores the list
		{"GET /orders/7", []string{token, "Connection: close", "Connection: x-auth-subject"}, []int{200, 400}},
		{"GET /orders/7", []string{token, "Connection: close, Authorization"}, []int{200, 401}},
		{"GET /orders/7", []string{"X-Original-URI: /health", "X-Original-Method: GET", "X-Original-Host: a", "X-Original-Proto: https"}, []int{401}},
		{"GET /orders/7", []string{"X-Forwarded-Uri: /health", "X-Forwarded-Method: GET", "X-Forwarded-Host: a", "X-Forwarded-Proto: https"}, []int{401}},
		{"GET /orders/7", []string{"X_Original_URI: /health", "X_Forwarded_Uri: /health"}, []int{401}},
		{"GET /orders/7", []string{"Connection: close, X-Forwarded-Uri, X-Original-URI", "X-Forwarded-Uri: /health", "X-Original-URI: /health"}, []int{401}},
		{"GET /orders/7", []string{token, "X-HTTP-Method-Override: DELETE"}, []int{400}},
		{"GET /health", []string{"X.Auth.Subject: mallory"}, []int{200, 400}},                                                                 // nginx drops the field
		{"GET /health", []string{"Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"}, []int{200, 400}}, // nginx drops the fields
		{"GET /health/../orders/7", nil, []int{400}},
		{"GET /health/%2e%2e/orders/7", nil, []int{400}},
		{"GET /health%2F..%2Forders/7", nil, []int{400}},
		{"GET //orders/7", []string{token}, []int{400}},
		{"GET /orders/7;x", []string{token}, []int{400}},
		{"GET /%6frders/7", []string{token}, []int{400}},
		{"GET /Health", nil, []int{401}},
		{"GET /health/", nil, []int{401}},
		{"HEAD /health", nil, []int{200}},
		{"POST /health", []string{"Content-Length: 0"}, []int{401}},
		{"GET /_auth", []string{token}, []int{403, 404}}, // internal to nginx
		{"GET /auth", []string{token}, []int{403}},
		{"GET /orders/7", []string{token, token}, []int{400}},
		{"GET http://127.0.0.1/orders/7", nil, []int{400, 401}},
	} {
		response := raw(t, url, test.line, test.fields...)
		header := s.reached()
		if !slices.Contains(test.statuses, response.status) || (header != nil) != (response.status == http.StatusOK) {
			t.Errorf("%s %q: status %d, want %v, reached the page: %t", test.line, test.fields[min(1, len(test.fields)):], response.status, test.statuses, header != nil)
		}
		if header == nil {
			continue
		}
		want := "alice"
		if strings.Contains(test.line, "/health") {
			want = ""
		}
		for name, lines := range header {
			if name == "Upgrade" {
				t.Errorf("%s %q: the page received Upgrade %q", test.line, test.fields, lines)
			}
			if strings.EqualFold(strings.NewReplacer("_", "-", ".", "-").Replace(name), "X-Auth-Subject") && !slices.Equal(lines, []string{want}) {
				t.Errorf("%s %q: the page received %s %q", test.line, test.fields, name, lines)
			}
		}
		if want != "" && header.Get("X-Auth-Subject") != want {
			t.Errorf("%s %q: the page received no subject", test.line, test.fields)
		}
	}
}

// outage checks that no request reaches the page while serve is down.
func (s *forwardAuth) outage(t *testing.T, url string) {
	t.Helper()
	s.end()
	response := raw(t, url, "GET /health")
	if response.status < http.StatusInternalServerError || s.reached() != nil {
		t.Errorf("without serve: status %d", response.status)
	}
}
