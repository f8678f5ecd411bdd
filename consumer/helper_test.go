package consumer_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/jwks"
)

const (
	issuerURL = "https://issuer.test"
	audience  = "https://api.test"
)

// asymmetric starts with the algorithm that tokens are signed with unless they ask for another.
var asymmetric = []string{
	"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA", "Ed25519",
}

// newIssuer makes an issuer with the given algorithms. Without any it uses ES256, whose keys are the fastest to make.
func newIssuer(algorithms ...string) *bearertest.Issuer {
	if len(algorithms) == 0 {
		algorithms = []string{"ES256"}
	}
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: algorithms})
}

// offline describes issuer with the keys it publishes now.
func offline(t testing.TB, issuer *bearertest.Issuer) consumer.Config {
	t.Helper()
	return consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: publishedKeys(t, issuer)}
}

// online describes issuer with keys found by discovery.
func online(issuer *bearertest.Issuer) consumer.Config {
	return consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: issuer.Client()}
}

func publishedKeys(t testing.TB, issuer *bearertest.Issuer) jwks.Static {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newConsumer(t testing.TB, cfg consumer.Config) *consumer.Consumer {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = logscan.Logger()
	}
	c, err := consumer.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newGroup(t testing.TB, cfg consumer.GroupConfig) *consumer.Group {
	t.Helper()
	g, err := consumer.NewGroup(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func accept(t testing.TB, v consumer.Verifier, raw string) *consumer.Token {
	t.Helper()
	logscan.Token(raw)
	token, err := v.Verify(t.Context(), raw)
	if err != nil {
		t.Fatalf("rejected: %v", err)
	}
	if token == nil {
		t.Fatal("neither a token nor an error")
	}
	return token
}

// caches reports whether v returns the same Token for the same text.
func remembers(t testing.TB, v consumer.Verifier, raw string) bool {
	t.Helper()
	first := accept(t, v, raw)
	return first == accept(t, v, raw)
}

func reject(t testing.TB, v consumer.Verifier, raw string, want consumer.Reason) *consumer.Error {
	t.Helper()
	logscan.Token(raw)
	token, err := v.Verify(t.Context(), raw)
	return wantError(t, token, err, raw, want)
}

var unavailable = []consumer.Reason{
	consumer.ReasonKeysUnavailable, consumer.ReasonStatusUnavailable, consumer.ReasonCanceled, consumer.ReasonInternal,
}

// wantError wants an *Error of the right class, no token beside it, and nothing of raw in its text.
func wantError(t testing.TB, token *consumer.Token, err error, raw string, want consumer.Reason) *consumer.Error {
	t.Helper()
	if token != nil {
		t.Errorf("a token comes with error %v", err)
	}
	var e *consumer.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want reason %s", err, want)
	}
	if e.Reason != want {
		t.Errorf("reason %s (%v), want %s", e.Reason, err, want)
	}
	logscan.Text(err.Error())
	isOutage := slices.Contains(unavailable, e.Reason)
	if errors.Is(err, consumer.ErrUnavailable) != isOutage || errors.Is(err, consumer.ErrInvalidToken) == isOutage {
		t.Errorf("%v is of the wrong class", err)
	}
	for _, part := range strings.Split(raw, ".") {
		if len(part) > 8 && strings.Contains(err.Error(), part) {
			t.Errorf("the error quotes the token: %v", err)
		}
	}
	return e
}

// network connects to several issuers by their hosts and counts the requests.
type network struct {
	mu       sync.Mutex // guards what follows
	hosts    map[string]http.Handler
	down     bool
	slow     time.Duration
	requests int
}

func newNetwork(issuers ...*bearertest.Issuer) *network {
	n := &network{hosts: make(map[string]http.Handler)}
	for _, issuer := range issuers {
		n.connect(issuer.URL(), issuer)
	}
	return n
}

// connect makes handler serve origin.
func (n *network) connect(origin string, handler http.Handler) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.hosts[origin] = handler
}

func (n *network) client() *http.Client { return &http.Client{Transport: n} }

// delay makes every response take d.
func (n *network) delay(d time.Duration) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.slow = d
}

// fail makes every request fail from now on, or no more.
func (n *network) fail(down bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = down
}

// asked returns the number of requests, including failed ones.
func (n *network) asked() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.requests
}

var errDown = errors.New("network is down")

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	n.requests++
	down, slow, handler := n.down, n.slow, n.hosts[r.URL.Scheme+"://"+r.URL.Host]
	n.mu.Unlock()
	if slow > 0 {
		select {
		case <-time.After(slow):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if down || handler == nil {
		return nil, errDown
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// replace and add edit the JSON text of a token.
func replace(old, by string) func([]byte) []byte {
	return func(text []byte) []byte { return bytes.Replace(text, []byte(old), []byte(by), 1) }
}

func add(members string) func([]byte) []byte { return replace("{", "{"+members+",") }

func with(text string) func([]byte) []byte { return func([]byte) []byte { return []byte(text) } }

// journal records the calls of OnVerify.
type journal struct {
	mu      sync.Mutex // guards entries
	entries []consumer.Verification
}

func (j *journal) write(_ context.Context, v consumer.Verification) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, v)
}

func (j *journal) read() []consumer.Verification {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.entries)
}

// last returns the latest entry.
func (j *journal) last(t testing.TB) consumer.Verification {
	t.Helper()
	entries := j.read()
	if len(entries) == 0 {
		t.Fatal("the hook was not called")
	}
	return entries[len(entries)-1]
}

// publish makes issuer publish these keys and no others.
func publish(t testing.TB, issuer *bearertest.Issuer, keys ...map[string]any) {
	t.Helper()
	document, err := json.Marshal(map[string]any{"keys": keys})
	if err != nil {
		t.Fatal(err)
	}
	issuer.SetJWKS(document)
}

// fixedSource returns the same result for every key.
type fixedSource struct {
	key jwks.Key
	err error
}

func (s fixedSource) Keys(context.Context, string, string) ([]jwks.Key, error) {
	return []jwks.Key{s.key}, s.err
}

func encodeSegment(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func decodeSegment(t testing.TB, segment string) []byte {
	t.Helper()
	data, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		t.Fatalf("segment %q: %v", segment, err)
	}
	return data
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu     sync.Mutex // guards buffer
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

// take returns what was written since it was called last.
func (b *lockedBuffer) take() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.buffer.Reset()
	return b.buffer.String()
}
