package serve_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/serve"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

const audience = "https://api.test"

// output is a buffer that one goroutine writes and others read.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a bearerkit serve in this process.
type running struct {
	HTTP, GRPC, Admin string // addresses

	issuer *bearertest.Issuer
	file   string // the configuration
	log    *output
	cancel context.CancelFunc
	end    func() int // waits until serve has ended, and returns its exit code
	gone   <-chan struct{}
}

// issuerYAML is the configuration of the issuer of a test. The keys are in a file, so there is no network.
const issuerYAML = "issuers: [{issuer: %q, audience: [%q], key_file: %q}]\n"

// common is a configuration for tests that need no other one.
const common = `
listen: {http: "127.0.0.1:0", admin: "127.0.0.1:0"}
realm: orders
routes:
  "GET /orders/{id}": {scopes: ["orders:read"]}
  "/admin/": {scopes: ["admin"]}
  "GET /public/": {public: true}
headers:
  X-Auth-Subject: $subject
  X-Auth-Name: {claim: name, encode: percent}
log: {level: debug}
timeouts: {drain: 1ms}
`

// start runs serve with a configuration until the test ends. If the configuration has no issuers, start adds one.
func start(t *testing.T, configuration string) *running {
	t.Helper()
	return startWith(t, newIssuer(), nil, configuration)
}

// startWith is start with an issuer, and a client with which serve fetches metadata and keys. Nil: the default transport.
func startWith(t *testing.T, issuer *bearertest.Issuer, client *http.Client, configuration string) *running {
	t.Helper()
	r := &running{issuer: issuer, log: new(output), file: filepath.Join(t.TempDir(), "serve.yaml")}
	r.write(t, configuration)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan int, 1)
	r.cancel, r.end = cancel, sync.OnceValue(func() int { return <-ended })
	env := &cli.Env{Stderr: r.log, HTTPClient: client}
	gone := make(chan struct{})
	r.gone = gone
	go func() {
		defer close(gone)
		ended <- cli.Run(ctx, env, []string{"serve", "--config", r.file}, serve.Command)
	}()
	t.Cleanup(func() {
		r.stop()
		logscan.Text(r.log.String())
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	started := r.await(t, "serve: started")
	if err := json.Unmarshal(started, r); err != nil {
		t.Fatal(err)
	}
	return r
}

func newIssuer() *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
}

// write writes the file.
func (r *running) write(t *testing.T, configuration string) {
	t.Helper()
	if !strings.Contains(configuration, "issuers:") {
		keys := filepath.Join(filepath.Dir(r.file), "keys.json")
		if err := os.WriteFile(keys, r.issuer.JWKS(), 0o600); err != nil {
			t.Fatal(err)
		}
		configuration += fmt.Sprintf("\n"+issuerYAML, r.issuer.URL(), audience, keys)
	}
	if err := os.WriteFile(r.file, []byte(configuration), 0o600); err != nil {
		t.Fatal(err)
	}
}

// stop ends serve, and returns its exit code.
func (r *running) stop() (code int) {
	r.cancel()
	return r.end()
}

// await returns the first line of the log whose message is text.
func (r *running) await(t *testing.T, text string) []byte {
	t.Helper()
	return r.awaitLine(t, text, 1)
}

// awaitLine returns line number n of the log whose message is text.
func (r *running) awaitLine(t *testing.T, text string, n int) []byte {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		found := 0
		for line := range strings.Lines(r.log.String()) {
			var entry struct{ Msg string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == text {
				found++
			}
			if found == n {
				return []byte(line)
			}
		}
		select {
		case <-r.gone:
			t.Fatalf("serve has ended with code %d:\n%s", r.end(), r.log)
		case <-deadline:
			t.Fatalf("the log has %d lines %q, want %d:\n%s", found, text, n, r.log)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// runOnce runs serve until it ends by itself, and returns its exit code and its log.
func runOnce(t *testing.T, configuration string) (code int, log string) {
	t.Helper()
	r := &running{issuer: newIssuer(), log: new(output), file: filepath.Join(t.TempDir(), "serve.yaml")}
	r.write(t, configuration)
	code = cli.Run(t.Context(), &cli.Env{Stderr: r.log}, []string{"serve", "--config", r.file}, serve.Command)
	return code, r.log.String()
}

// fields are header fields, as pairs of name and value.
type fields []string

// describe returns the header fields with which a proxy describes a request.
func describe(proxy, method, target string) fields {
	switch proxy {
	case "nginx":
		return fields{"X-Original-Method", method, "X-Original-Proto", "https", "X-Original-Host", "api.test", "X-Original-URI", target}
	case "caddy", "traefik":
		return fields{"X-Forwarded-Method", method, "X-Forwarded-Proto", "https", "X-Forwarded-Host", "api.test", "X-Forwarded-Uri", target}
	}
	return nil
}

// with returns f and more, in a new slice.
func (f fields) with(more ...string) fields { return append(append(fields(nil), f...), more...) }

// bearer returns the Authorization header with a token.
func bearer(token *bearertest.Token) fields {
	raw := token.Sign()
	logscan.Token(raw)
	return fields{"Authorization", "Bearer " + raw}
}

// reply is a response to a test.
type reply struct {
	status int
	header http.Header
}

// send sends a request with exactly these header fields, and returns the response and its body.
func send(t *testing.T, method, url string, f fields) (reply, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(f); i += 2 {
		request.Header[http.CanonicalHeaderKey(f[i])] = append(request.Header[http.CanonicalHeaderKey(f[i])], f[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	logscan.Text(string(body))
	return reply{response.StatusCode, response.Header}, string(body)
}

// ask sends the request for a decision as a proxy does.
func (r *running) ask(t *testing.T, proxy, method, target string, f fields) (reply, string) {
	t.Helper()
	if proxy == "envoy" {
		return send(t, method, "http://"+r.HTTP+"/auth"+target, f)
	}
	return send(t, http.MethodGet, "http://"+r.HTTP+"/auth", describe(proxy, method, target).with(f...))
}
