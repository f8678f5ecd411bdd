package ssf_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/ssf"
	"github.com/bearerkit/bearerkit/store"
)

const (
	audience = "https://api.test" // of the API and of the receiver
	lifetime = time.Hour
)

var errDown = errors.New("down")

type object = map[string]any

// world is a transmitter, which also issues access tokens, an API, and a receiver. They share a Storage.
type world struct {
	issuer   *bearertest.Issuer
	keys     jwks.Static
	storage  *switchable
	api      *consumer.Consumer
	receiver *ssf.Receiver
	log      *log

	mu         sync.Mutex // guards receptions
	receptions []ssf.Reception
}

func newWorld(t testing.TB, change func(*ssf.Config)) *world {
	t.Helper()
	w := &world{
		issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}}),
		log:    new(log), storage: &switchable{Storage: store.NewMemory(10_000)},
	}
	var err error
	if w.keys, err = jwks.ParseJWKS(w.issuer.JWKS()); err != nil {
		t.Fatal(err)
	}
	w.api, err = consumer.New(consumer.Config{
		Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w.keys, Status: store.DenyList{Storage: w.storage},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.receiver = w.newReceiver(t, change)
	return w
}

// newReceiver returns another receiver with the same Storage, as in another process.
func (w *world) newReceiver(t testing.TB, change func(*ssf.Config)) *ssf.Receiver {
	t.Helper()
	cfg := ssf.Config{
		Issuer: w.issuer.URL(), Audience: []string{audience}, Keys: w.keys, Storage: w.storage, TokenLifetime: lifetime,
		OnReceived: w.note, Logger: slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	r, err := ssf.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) note(_ context.Context, reception ssf.Reception) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.receptions = append(w.receptions, reception)
}

// outcomes returns the outcomes since the last call.
func (w *world) outcomes() (outcomes []ssf.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, reception := range w.receptions {
		outcomes = append(outcomes, reception.Outcome)
	}
	w.receptions = nil
	return outcomes
}

// set returns a SET with one event, which can be changed.
func (w *world) set(event string, subject any, content object) *bearertest.Token {
	if content == nil {
		content = object{}
	}
	claims := object{
		"iss": w.issuer.URL(), "aud": audience, "jti": "set-1", "iat": time.Now().Unix(), "events": object{event: content},
	}
	if subject != nil {
		claims["sub_id"] = subject
	}
	return w.issuer.Token("secevent+jwt", claims)
}

// alice is the subject of the access tokens of bearertest.
func (w *world) alice() object {
	return object{"format": "iss_sub", "iss": w.issuer.URL(), "sub": "alice"}
}

// accepts reports whether the API accepts a token, whose status it cannot have cached.
func (w *world) accepts(t testing.TB, raw string) bool {
	t.Helper()
	_, err := w.api.Verify(context.Background(), raw)
	if e, ok := errors.AsType[*consumer.Error](err); err != nil && (!ok || e.Reason != consumer.ReasonRevoked) {
		t.Fatalf("the API rejects the token for another reason: %v", err)
	}
	return err == nil
}

func (w *world) receive(t testing.TB, set *bearertest.Token) {
	t.Helper()
	if err := w.receiver.Receive(t.Context(), set.Sign()); err != nil {
		t.Fatal(err)
	}
}

// switchable is a Storage that can be made to fail.
type switchable struct {
	store.Storage

	mu                   sync.Mutex // guards the fields below
	failLookup, failSave error
	saves                int
}

func (s *switchable) set(lookup, save error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failLookup, s.failSave = lookup, save
}

func (s *switchable) saved() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.saves
}

func (s *switchable) Lookup(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
	s.mu.Lock()
	err := s.failLookup
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return s.Storage.Lookup(ctx, keys...)
}

func (s *switchable) Save(ctx context.Context, key string, entry store.Entry) error {
	s.mu.Lock()
	err := s.failSave
	s.saves++
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return s.Storage.Save(ctx, key, entry)
}

// log collects the lines of a logger.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// roundTripper is an http.RoundTripper.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// respond returns a response with a JSON body.
func respond(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// keysOf returns the published keys of an issuer.
func keysOf(t testing.TB, issuer *bearertest.Issuer) jwks.Static {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// pause waits until d has passed and all other goroutines of the bubble are blocked, so that a test can read what they have written.
func pause(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
