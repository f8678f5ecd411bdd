package bench_test

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/bench"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// api is a server on loopback that counts its requests by their Authorization header.
type api struct {
	*httptest.Server

	mu    sync.Mutex // guards count
	count map[string]int
}

// serve starts an api with a handler.
func serve(t *testing.T, start func(http.Handler) *httptest.Server, handler http.Handler) *api {
	t.Helper()
	a := &api{count: make(map[string]int)}
	a.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.mu.Lock()
		a.count[r.Header.Get("Authorization")]++
		a.mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

// total returns the number of requests.
func (a *api) total() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	total := 0
	for _, count := range a.count {
		total += count
	}
	return total
}

// guarded returns a handler behind a Guard that trusts issuer.
func guarded(t *testing.T, issuer *bearertest.Issuer) http.Handler {
	t.Helper()
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return guard.Handler(status(http.StatusNoContent))
}

// status returns a handler that responds with one status.
func status(code int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
}

// tokenFile writes tokens to a file.
func tokenFile(t *testing.T, tokens ...string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "tokens")
	if err := os.WriteFile(name, []byte("# tokens\n\n"+strings.Join(tokens, "\r\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// result is what a run of the command wrote.
type result struct {
	code           int
	stdout, stderr string
}

// run runs the command bench.
func run(ctx context.Context, env cli.Env, args ...string) result {
	var stdout, stderr bytes.Buffer
	env.Stdout, env.Stderr = &stdout, &stderr
	code := cli.Run(ctx, &env, append([]string{"bench"}, args...), bench.Command)
	return result{code, stdout.String(), stderr.String()}
}

// report is the part of the JSON that the tests compare.
type report struct {
	OK          bool     `json:"ok"`
	Interrupted bool     `json:"interrupted"`
	Skipped     []string `json:"skipped"`
	Problems    []string `json:"problems"`
	Kinds       []struct {
		Kind      string         `json:"kind"`
		Sent      int            `json:"sent"`
		Responses int            `json:"responses"`
		Failures  int            `json:"failures"`
		Statuses  map[string]int `json:"statuses"`
		PerSecond float64        `json:"per_second"`
		Latency   *struct {
			P50, P90, P99, Max float64
		} `json:"latency_ms"`
		Stopped bool `json:"stopped_early"`
	} `json:"kinds"`
}

// parse reads the JSON of a run.
func (r result) parse(t *testing.T) report {
	t.Helper()
	var parsed report
	if err := json.Unmarshal([]byte(r.stdout), &parsed); err != nil {
		t.Fatalf("%v\nstdout: %s\nstderr: %s", err, r.stdout, r.stderr)
	}
	return parsed
}

// TestKinds measures a guarded endpoint with all kinds of credentials. The server receives exactly the requests that are reported,
// and each kind sends the tokens that it should.
func TestKinds(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	target := serve(t, httptest.NewServer, guarded(t, issuer))
	var valid []string
	for i := range 5 {
		valid = append(valid, issuer.AccessToken().Set("jti", fmt.Sprint(i)).Sign())
	}
	expired := issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()
	file := tokenFile(t, append(valid, expired, valid[0])...)

	got := run(t.Context(), cli.Env{}, "--json", "--token-file", file, "-n", "40", "-c", "4", target.URL+"/orders")
	parsed := got.parse(t)
	if got.code != cli.ExitOK || !parsed.OK || len(parsed.Problems) > 0 {
		t.Fatalf("exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	sent := make(map[string]int)
	for _, k := range parsed.Kinds {
		want := map[string]int{"401": 40}
		switch k.Kind {
		case "cold":
			want = map[string]int{"204": 5}
		case "cached", "distinct":
			want = map[string]int{"204": 40}
		}
		if diff := cmp.Diff(want, k.Statuses); diff != "" {
			t.Errorf("%s: statuses (-want +got):\n%s", k.Kind, diff)
		}
		if l := k.Latency; l == nil || l.P50 <= 0 || l.P50 > l.P90 || l.P90 > l.P99 || l.P99 > l.Max || k.PerSecond <= 0 {
			t.Errorf("%s: implausible figures: %+v", k.Kind, k)
		}
		sent[k.Kind] = k.Sent
	}
	want := map[string]int{"cold": 5, "cached": 40, "distinct": 40, "none": 40, "malformed": 40, "signature": 40, "expired": 40}
	if diff := cmp.Diff(want, sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	target.checkCounts(t, valid, expired)
	for _, token := range append(valid, expired) {
		if text := got.stdout + got.stderr; strings.Contains(text, token) || strings.Contains(text, token[strings.LastIndex(token, ".")+1:]) {
			t.Error("the output contains a token or its signature")
		}
	}
}

// checkCounts checks how often TestKinds sent each credential.
func (a *api) checkCounts(t *testing.T, valid []string, expired string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	want := map[string]int{"": 40, "Bearer bearerkit-bench.malformed": 40, "Bearer " + expired: 40}
	for i, token := range valid {
		want["Bearer "+token] = 1 + 8 // cold and distinct
		if i == 0 {
			want["Bearer "+token] += 40 // cached
		}
	}
	forged := 0
	for header, count := range a.count {
		if want[header] == 0 {
			forged += count
			if input, _, _ := strings.Cut(header, "."); count != 1 || !strings.HasPrefix("Bearer "+valid[0], input) {
				t.Errorf("an unexpected credential was sent %d times", count)
			}
			continue
		}
		if count != want[header] {
			t.Errorf("a credential was sent %d times, want %d", count, want[header])
		}
	}
	if forged != 40 {
		t.Errorf("%d requests with a wrong signature, want 40", forged)
	}
}

// TestAvailableKinds checks which kinds are measured with which tokens.
func TestAvailableKinds(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	target := serve(t, httptest.NewServer, guarded(t, issuer))
	token := issuer.AccessToken().Sign()
	expired := issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()
	for _, test := range []struct {
		name  string
		env   map[string]string
		stdin string
		args  []string
		want  string
	}{
		{"without tokens", nil, "", nil, "none malformed"},
		{"one token in a variable", map[string]string{"BEARERKIT_TOKEN": token}, "", nil, "cold cached none malformed signature"},
		{"one token on standard input", nil, token + "\n", []string{"--token-file", "-"}, "cold cached none malformed signature"},
		{"an opaque token", nil, "c2VjcmV0", []string{"--token-file", "-", "--expect", "401"}, "cold cached none malformed"},
		{"an expired token", nil, expired, []string{"--token-file", "-"}, "none malformed expired"},
		{"some kinds", nil, token, []string{"--token-file", "-", "--kind", "signature,none", "--kind", "cached"}, "cached none signature"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			env := cli.Env{Stdin: strings.NewReader(test.stdin), Getenv: func(name string) string { return test.env[name] }}
			got := run(t.Context(), env, append(test.args, "--json", "-n", "3", target.URL)...)
			var kinds []string
			for _, k := range got.parse(t).Kinds {
				kinds = append(kinds, k.Kind)
			}
			if got.code != cli.ExitOK || strings.Join(kinds, " ") != test.want {
				t.Errorf("exit code %d, kinds %q, want %q; %s", got.code, kinds, test.want, got.stderr)
			}
		})
	}
}

// TestUsage checks wrong usage: nothing is sent, and the message names the flag.
func TestUsage(t *testing.T) {
	t.Parallel()
	target := serve(t, httptest.NewServer, status(http.StatusOK))
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	bound := issuer.AccessToken().BoundTo(bearertest.NewProofKey("ES256")).Sign()
	justExpired := issuer.AccessToken().Set("exp", time.Now().Add(-time.Minute).Unix()).Sign()
	for _, test := range []struct {
		name   string
		args   []string
		tokens string
		want   string
	}{
		{"no URL", []string{}, "", "0 arguments, expected one"},
		{"too long", []string{"-d", "11m", target.URL}, "", "--duration is 11m0s, expected 0 to 10m0s"},
		{"negative", []string{"-d", "-1s", target.URL}, "", "--duration is -1s"},
		{"too many requests", []string{"-n", "10000001", target.URL}, "", "--requests is 10000001"},
		{"too many connections", []string{"-c", "257", target.URL}, "", "--concurrency is 257"},
		{"too fast", []string{"--rate", "100001", target.URL}, "", "--rate is 100001"},
		{"too patient", []string{"--timeout", "2m", target.URL}, "", "--timeout is 2m0s"},
		{"several faults", []string{"--rate", "-1", "-c", "-1", target.URL}, "", "--concurrency is -1, expected 0 to 256\n--rate is -1"},
		{"a status", []string{"--expect", "99", target.URL}, "", "status is 99"},
		{"a method", []string{"--method", "DELETE", target.URL}, "", `--method is "DELETE"`},
		{"an unknown kind", []string{"--kind", "all", target.URL}, "", `--kind is "all", expected some of cold`},
		{"no tokens for a kind", []string{"--kind", "cached,expired", target.URL}, "", "--kind cached: there is no valid token"},
		{"one token for distinct", []string{"--kind", "distinct", target.URL}, "a.b.c", "there is one valid token, expected several"},
		{"an opaque token to forge", []string{"--kind", "signature", target.URL}, "opaque", "--kind signature: no valid token is a JWT"},
		{"not a token", []string{target.URL}, "first\nsecond third\nBearer fourth", "line 2: the line is not a token"},
		{"a long token", []string{target.URL}, strings.Repeat("x", 16<<10+1), "line 1: the token has 16385 bytes"},
		{"too many tokens", []string{target.URL}, manyTokens(10_001), "line 10001: more than 10000 tokens"},
		{"a long file", []string{target.URL}, strings.Repeat("#\n", 4<<20+1), "more than 8388608 bytes"},
		{"a bound token", []string{target.URL}, bound, "bound to a key or certificate (cnf)"},
		{"a token that expired a minute ago", []string{target.URL}, justExpired, "line 1: the token expired 1m"},
		{"too many tokens to get", []string{"--fetch", "101", target.URL}, "", "--fetch is 101, expected 0 to 100"},
		{"no client", []string{"--fetch", "1", target.URL}, "", "BEARERKIT_CLIENT_ID or CROSSAUTH_OAUTH_CLIENT_ID is required"},
		{"no such file", []string{"--ca-file", "/nonexistent", target.URL}, "", "--ca-file: the file cannot be opened"},
		{"not a certificate", []string{"--ca-file", "command_test.go", target.URL}, "", "has no certificate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := test.args
			if test.tokens != "" {
				args = append([]string{"--token-file", "-"}, args...)
			}
			got := run(t.Context(), cli.Env{Stdin: strings.NewReader(test.tokens)}, args...)
			if got.code != cli.ExitUsage || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q, want %q", got.code, got.stdout, got.stderr, test.want)
			}
			for token := range strings.FieldsSeq(test.tokens) {
				if len(token) > 3 && strings.Contains(got.stderr, token) {
					t.Errorf("stderr contains the token: %s", got.stderr)
				}
			}
		})
	}
	t.Cleanup(func() {
		if target.total() > 0 {
			t.Errorf("%d requests were sent", target.total())
		}
	})
}

// manyTokens returns a file with different tokens.
func manyTokens(count int) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, "t%d\n", i)
	}
	return text.String()
}

// TestFetch gets tokens with the client credentials grant. A fault in the token file, or in the flags, is found before that.
func TestFetch(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	target := serve(t, httptest.NewServer, guarded(t, issuer))
	for _, test := range []struct {
		name     string
		response func(number int) map[string]any
		args     []string
		code     int
		kinds    string
		stderr   string
		requests int
	}{
		{"several", func(number int) map[string]any {
			return map[string]any{"access_token": issuer.AccessToken().Set("jti", fmt.Sprint(number)).Sign(), "token_type": "Bearer"}
		}, nil, cli.ExitOK, "cold:3 cached:5 distinct:5 none:5 malformed:5 signature:5", "", 3},
		{"always the same", func(int) map[string]any {
			return map[string]any{"access_token": "same", "token_type": "Bearer"}
		}, []string{"--kind", "cold", "--expect", "401"}, cli.ExitOK, "cold:1", "returned the same token each time", 3},
		{"an error", func(int) map[string]any { return map[string]any{"error": "unauthorized_client"} }, nil, cli.ExitFailed, "", "'bearerkit token' with the same flags", 1},
		{"a token for a header of its own", func(int) map[string]any {
			return map[string]any{"access_token": "a b", "token_type": "Bearer"}
		}, nil, cli.ExitFailed, "", "not a token", 1},
		{"a fault in the token file", nil, []string{"--token-file", "-"}, cli.ExitUsage, "", "line 1: ", 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				requests++
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(test.response(requests))
			}))
			defer server.Close()
			env := cli.Env{Stdin: strings.NewReader("not a token"), Environ: func() []string {
				return []string{
					"BEARERKIT_ISSUER=" + server.URL, "BEARERKIT_CLIENT_ID=bench", "BEARERKIT_CLIENT_SECRET=hush-hush",
					"BEARERKIT_ENDPOINTS=token_endpoint=" + server.URL,
				}
			}}
			got := run(t.Context(), env, append(test.args, "--json", "--fetch", "3", "-n", "5", target.URL)...)
			var kinds []string
			if got.stdout != "" {
				for _, k := range got.parse(t).Kinds {
					kinds = append(kinds, fmt.Sprintf("%s:%d", k.Kind, k.Sent))
				}
			}
			if got.code != test.code || strings.Join(kinds, " ") != test.kinds || !strings.Contains(got.stderr, test.stderr) {
				t.Errorf("exit code %d, kinds %q, stderr %q, want %d, %q and %q", got.code, kinds, got.stderr, test.code, test.kinds, test.stderr)
			}
			if requests != test.requests {
				t.Errorf("%d token requests, want %d", requests, test.requests)
			}
		})
	}
}

// TestUnexpected checks that unexpected statuses are reported, lead to exit code 1, and cause no storm of requests.
func TestUnexpected(t *testing.T) {
	t.Parallel()
	const most = 20 + 4 // failures in a row, and one request of each connection
	for _, test := range []struct {
		name    string
		handler http.Handler
		args    []string
		want    string // in the text
		skipped bool   // the second kind
	}{
		{"an open route", status(http.StatusOK), []string{"--kind", "none,malformed"}, "The API accepts what it must reject.", false},
		{"a rejected token", status(http.StatusUnauthorized), []string{"--kind", "cold,cached"}, "The API rejects the token.", false},
		{"no scope", status(http.StatusForbidden), []string{"--kind", "cached,none"}, "The token lacks something", false},
		{"a wrong path", status(http.StatusNotFound), []string{"--kind", "cached,none"}, "Check the path", false},
		{"unavailable", status(http.StatusServiceUnavailable), []string{"--kind", "cached,none"}, "unavailable or overloaded.", true},
		{"a rate limit", status(http.StatusTooManyRequests), []string{"--kind", "cached,none"}, "Set --rate.", true},
		{"another status", status(http.StatusConflict), []string{"--kind", "cached,none"}, "set --expect.", false},
		{"another rejection", status(http.StatusForbidden), []string{"--kind", "none,malformed"}, "set --expect-rejected.", false},
		{"no response", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), []string{"--kind", "cached,none"}, "the connection ended before the end of the response", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			target := serve(t, httptest.NewServer, test.handler)
			env := cli.Env{Getenv: func(name string) string { return map[string]string{"BEARERKIT_TOKEN": "a.b.c"}[name] }}
			got := run(t.Context(), env, append(test.args, "-n", "1000", "-c", "4", target.URL)...)
			if got.code != cli.ExitFailed || !strings.Contains(got.stdout, test.want) {
				t.Errorf("exit code %d, want %q in:\n%s%s", got.code, test.want, got.stdout, got.stderr)
			}
			if !strings.Contains(got.stdout, "stopped early") && !strings.Contains(test.args[1], "cold") {
				t.Errorf("did not stop early:\n%s", got.stdout)
			}
			limit := 2 * most
			if test.skipped {
				limit = most
			}
			if strings.Contains(got.stdout, "skipped") != test.skipped || target.total() > limit {
				t.Errorf("%d requests, want at most %d; skipped is to be %v:\n%s", target.total(), limit, test.skipped, got.stdout)
			}
		})
	}
}

// TestSomeUnexpected checks that single failures are counted, and do not end the run.
func TestSomeUnexpected(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	number := 0
	target := serve(t, httptest.NewServer, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if number++; number%10 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	got := run(t.Context(), cli.Env{}, "--json", "--kind", "none", "-n", "50", "-c", "1", target.URL)
	k := got.parse(t).Kinds[0]
	if diff := cmp.Diff(map[string]int{"401": 45, "500": 5}, k.Statuses); diff != "" || k.Stopped || got.code != cli.ExitFailed {
		t.Errorf("exit code %d, stopped %v, statuses (-want +got):\n%s", got.code, k.Stopped, diff)
	}
}

// TestRedirect checks that a redirect is not followed, so that no other server receives the token.
func TestRedirect(t *testing.T) {
	t.Parallel()
	other := serve(t, httptest.NewServer, status(http.StatusOK))
	target := serve(t, httptest.NewServer, http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	env := cli.Env{Getenv: func(name string) string { return map[string]string{"BEARERKIT_TOKEN": "secret"}[name] }}
	got := run(t.Context(), env, "-n", "5", "--kind", "cached", target.URL)
	if got.code != cli.ExitFailed || !strings.Contains(got.stdout, "Redirects are not followed") {
		t.Errorf("exit code %d:\n%s", got.code, got.stdout)
	}
	if other.total() > 0 || target.total() != 5 {
		t.Errorf("%d requests to the other server, %d to the target, want 0 and 5", other.total(), target.total())
	}
}

// TestProxy checks that the variables for proxies have no effect.
func TestProxy(t *testing.T) { //nolint:paralleltest // t.Setenv
	proxy := serve(t, httptest.NewServer, status(http.StatusOK))
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}
	target := serve(t, httptest.NewServer, status(http.StatusUnauthorized))
	got := run(t.Context(), cli.Env{Getenv: os.Getenv}, "-n", "5", "--kind", "none", target.URL)
	if got.code != cli.ExitOK || proxy.total() > 0 || target.total() != 5 {
		t.Errorf("exit code %d, %d requests to the proxy, %d to the target: %s", got.code, proxy.total(), target.total(), got.stderr)
	}
}

// TestTLS checks that the certificate of the target is verified.
func TestTLS(t *testing.T) {
	t.Parallel()
	target := serve(t, httptest.NewTLSServer, status(http.StatusUnauthorized))
	target.Config.ErrorLog = log.New(io.Discard, "", 0)
	file := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: target.Certificate().Raw})
	if err := os.WriteFile(file, block, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := run(t.Context(), cli.Env{}, "-n", "5", "--kind", "none", "--ca-file", file, target.URL); got.code != cli.ExitOK {
		t.Errorf("with the certificate: exit code %d: %s%s", got.code, got.stdout, got.stderr)
	}
	before := target.total()
	got := run(t.Context(), cli.Env{}, "-n", "5", "--kind", "none", target.URL)
	if got.code != cli.ExitFailed || target.total() != before || !strings.Contains(got.stderr, "TLS handshake") {
		t.Errorf("without the certificate: exit code %d, %d requests: %s%s", got.code, target.total()-before, got.stdout, got.stderr)
	}
}

// TestInterrupted checks that an interrupted run reports what it measured, and exits with 1.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	number := 0
	target := serve(t, httptest.NewServer, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		number++
		last := number == 10
		mu.Unlock()
		if last {
			cancel()
			<-r.Context().Done() // the response never comes
		}
		w.WriteHeader(http.StatusUnauthorized)
	}))
	got := run(ctx, cli.Env{}, "--json", "-c", "1", target.URL)
	parsed := got.parse(t)
	if got.code != cli.ExitFailed || !parsed.Interrupted || len(parsed.Kinds) != 1 || parsed.Kinds[0].Responses != 9 || parsed.Kinds[0].Failures != 0 {
		t.Errorf("exit code %d: %s", got.code, got.stdout)
	}
}

// TestNoServer checks the message if nothing listens at the target.
func TestNoServer(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(status(http.StatusOK))
	target.Close()
	got := run(t.Context(), cli.Env{}, target.URL)
	if got.code != cli.ExitFailed || !strings.Contains(got.stderr, "bench: no connection to the target") || got.stdout != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q", got.code, got.stdout, got.stderr)
	}
}

// TestText checks the table, the plot, and the progress on a terminal.
func TestText(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	target := serve(t, httptest.NewServer, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-release
		w.WriteHeader(http.StatusUnauthorized)
	}))
	stderr := newSignal("1/2 none")
	go func() { // the first response comes after the progress has been shown
		<-stderr.seen
		close(release)
	}()
	var stdout bytes.Buffer
	env := &cli.Env{Stdout: &stdout, Stderr: stderr, Columns: func(w io.Writer) int {
		if w == stderr {
			return 80
		}
		return 0
	}}
	code := cli.Run(t.Context(), env, []string{"bench", "-n", "5", target.URL + "/a?b=c"}, bench.Command)
	for _, want := range []string{
		"GET " + target.URL + "/a at " + strings.TrimPrefix(target.URL, "http://") + ", 8 connections\n",
		"kind", "p50", "p90", "p99", "max", "401: 5\n", "Responses per second", "┤", " none ", " malformed\n",
	} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("stdout lacks %q:\n%s", want, &stdout)
		}
	}
	if code != cli.ExitOK || strings.Contains(stdout.String(), "\x1b") || strings.Contains(stdout.String(), "Problems") {
		t.Errorf("exit code %d:\n%s", code, &stdout)
	}
}

// signal is a writer that closes seen when a text has been written.
type signal struct {
	text string
	seen chan struct{}
	once sync.Once
}

func newSignal(text string) *signal { return &signal{text: text, seen: make(chan struct{})} }

func (s *signal) Write(data []byte) (int, error) {
	if strings.Contains(string(data), s.text) {
		s.once.Do(func() { close(s.seen) })
	}
	return len(data), nil
}

// TestQueryIsHidden checks that the query of the URL is sent, and is not part of any output, because it may contain a secret.
func TestQueryIsHidden(t *testing.T) {
	t.Parallel()
	var queries sync.Map
	target := serve(t, httptest.NewServer, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		queries.Store(r.URL.RawQuery, true)
		w.WriteHeader(http.StatusOK) // a problem, so that the report has all of its parts
	}))
	for _, more := range [][]string{nil, {"--json"}} {
		var stdout, stderr bytes.Buffer
		env := &cli.Env{Stdout: &stdout, Stderr: &stderr, Columns: func(io.Writer) int { return 80 }}
		code := cli.Run(t.Context(), env, append([]string{"bench", "-n", "2", target.URL + "/a?key=s3cret"}, more...), bench.Command)
		if code != cli.ExitFailed || strings.Contains(stdout.String()+stderr.String(), "s3cret") || !strings.Contains(stdout.String(), target.URL+"/a") {
			t.Errorf("%q: exit code %d:\n%s%s", more, code, &stdout, &stderr)
		}
	}
	if _, sent := queries.Load("key=s3cret"); !sent {
		t.Error("no request has the query")
	}
}
