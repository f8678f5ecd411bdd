package jwks_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// issuer serves a key set in the process. Its response can be changed while it is in use.
type issuer struct {
	mu      sync.Mutex
	answer  func(*http.Request) (*http.Response, error)
	delay   time.Duration
	fetches int
}

const issuerURL = "https://issuer.example/keys"

func (i *issuer) RoundTrip(r *http.Request) (*http.Response, error) {
	i.mu.Lock()
	i.fetches++
	answer, delay := i.answer, i.delay
	i.mu.Unlock()
	select {
	case <-time.After(delay):
		return answer(r)
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
}

func (i *issuer) answers(f func(*http.Request) (*http.Response, error)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.answer = f
}

// serves makes the issuer respond with 200 and a set of keys.
func (i *issuer) serves(keys ...jwk) { i.says(200, keySet(keys...)) }

// says makes the issuer respond with status, body and headers, which alternate between names and values.
func (i *issuer) says(status int, body string, headers ...string) {
	i.answers(func(*http.Request) (*http.Response, error) { return response(status, body, headers...), nil })
}

func (i *issuer) isDown() {
	i.answers(func(*http.Request) (*http.Response, error) { return nil, errDown })
}

func (i *issuer) slow(delay time.Duration) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.delay = delay
}

func (i *issuer) count() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.fetches
}

var errDown = errors.New("the issuer is down")

func response(status int, body string, headers ...string) *http.Response {
	h := make(http.Header)
	for pair := range slices.Chunk(headers, 2) {
		h.Add(pair[0], pair[1])
	}
	return &http.Response{StatusCode: status, Header: h, ContentLength: -1, Body: io.NopCloser(strings.NewReader(body))}
}

// remote returns a Remote that reads from i.
func (i *issuer) remote(t *testing.T, cfg jwks.Config) *jwks.Remote {
	t.Helper()
	cfg.URL = issuerURL
	cfg.HTTPClient = &http.Client{Transport: i}
	r, err := jwks.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// jwk is a JSON Web Key before it is written.
type jwk map[string]any

// with returns a copy of k with name set to value, or without name if value is nil.
func (k jwk) with(name string, value any) jwk {
	c := make(jwk, len(k)+1)
	for n, v := range k {
		c[n] = v
	}
	c[name] = value
	if value == nil {
		delete(c, name)
	}
	return c
}

func (k jwk) String() string {
	text, err := json.Marshal(map[string]any(k))
	if err != nil {
		panic(err)
	}
	return string(text)
}

func keySet(keys ...jwk) string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = k.String()
	}
	return `{"keys":[` + strings.Join(texts, ",") + `]}`
}

// public writes a key of the standard library, and so is an oracle for whatever reads it.
func public(kid string, key any) jwk {
	k := jwk{}
	switch key := key.(type) {
	case *rsa.PublicKey:
		k = jwk{"kty": "RSA", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := key.Bytes()
		if err != nil {
			panic(err)
		}
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		k = jwk{"kty": "EC", "crv": key.Curve.Params().Name, "x": b64(x), "y": b64(y)}
	case ed25519.PublicKey:
		k = jwk{"kty": "OKP", "crv": "Ed25519", "x": b64(key)}
	}
	if kid != "" {
		k["kid"] = kid
	}
	return k
}

func b64(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }

// The keys of the tests, made once.
var (
	rsaKey                        = sync.OnceValue(func() *rsa.PublicKey { return newRSA(2048) })
	otherRSA                      = sync.OnceValue(func() *rsa.PublicKey { return newRSA(2048) })
	thirdRSA, fourthRSA, fifthRSA = sync.OnceValue(moreRSA), sync.OnceValue(moreRSA), sync.OnceValue(moreRSA)

	weakRSA = sync.OnceValue(func() *rsa.PublicKey { return newRSA(1024) })
	p256    = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P256()) })
	otherEC = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P256()) })
	thirdEC = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P256()) })
	p224    = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P224()) })
	p384    = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P384()) })
	p521    = sync.OnceValue(func() *ecdsa.PublicKey { return newEC(elliptic.P521()) })
	ed      = sync.OnceValue(newEd25519)
)

func moreRSA() *rsa.PublicKey { return newRSA(2048) }

func newRSA(bits int) (public *rsa.PublicKey) {
	fips140.WithoutEnforcement(func() { // a weak key, for the kit to reject
		key, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			panic(err)
		}
		public = &key.PublicKey
	})
	return public
}

func newEC(curve elliptic.Curve) *ecdsa.PublicKey {
	key, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		panic(err)
	}
	return &key.PublicKey
}

func newEd25519() ed25519.PublicKey {
	key, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

// wantKey fails the test unless s returns exactly one key, whose public key is want.
func wantKey(t *testing.T, s jwks.Source, kid, alg string, want any) {
	t.Helper()
	wantKeys(t, s, kid, alg, want)
}

// wantKeys fails the test unless s returns keys with these public keys, in this order.
func wantKeys(t *testing.T, s jwks.Source, kid, alg string, want ...any) {
	t.Helper()
	got, err := s.Keys(t.Context(), kid, alg)
	if err != nil {
		t.Errorf("Keys(%q, %q): %v", kid, alg, err)
		return
	}
	if len(got) != len(want) {
		t.Errorf("Keys(%q, %q) = %v, want %d keys", kid, alg, got, len(want))
		return
	}
	for i, key := range got {
		if !key.Equal(jwks.Key{ID: key.ID, Algorithm: key.Algorithm, Public: want[i]}) {
			t.Errorf("Keys(%q, %q): key %d is %v with another public key", kid, alg, i, key)
		}
	}
}

// wantNoKey fails the test unless s returns an error that matches want and is of one class only.
func wantNoKey(t *testing.T, s jwks.Source, kid, alg string, want error) {
	t.Helper()
	got, err := s.Keys(t.Context(), kid, alg)
	if !errors.Is(err, want) {
		t.Errorf("Keys(%q, %q) = %v, %v; want an error matching %v", kid, alg, got, err, want)
	}
	if errors.Is(err, jwks.ErrKeyNotFound) && errors.Is(err, jwks.ErrUnavailable) {
		t.Errorf("Keys(%q, %q): %v is of both classes", kid, alg, err)
	}
	if len(got) > 0 {
		t.Errorf("Keys(%q, %q): keys came with the error", kid, alg)
	}
}

func wantFetches(t *testing.T, i *issuer, want int) {
	t.Helper()
	synctest.Wait()
	if got := i.count(); got != want {
		t.Errorf("%d fetches so far, want %d", got, want)
	}
}

// pass waits for d, and then until all goroutines of the bubble are idle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// refreshes collects the calls of OnRefresh.
type refreshes struct {
	mu  sync.Mutex
	all []jwks.Refresh
}

func (r *refreshes) hook(_ context.Context, event jwks.Refresh) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, event)
}

func (r *refreshes) last(t *testing.T) jwks.Refresh {
	t.Helper()
	synctest.Wait() // OnRefresh is called when the keys are in use already
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		t.Fatal("OnRefresh was not called")
	}
	return r.all[len(r.all)-1]
}
