package benchmarks_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// proofs is the number of proofs in a rotation. When all have been used, a new Guard takes over, for which they are new. A
// Guard accepts at most 1000 proofs of one key at the same time.
const proofs = 900

const dpopURL = "https://api.test/"

// BenchmarkDPoP sends a cached token that is bound to a key, each time with a new proof of that key, through the Guard. With
// path=nonce the proof also has a nonce. The bare peer checks the signatures of the same proofs.
func BenchmarkDPoP(b *testing.B) {
	for _, alg := range []string{"ES256", "EdDSA"} {
		s := newDPoP(b, alg)
		for _, way := range []string{"proof", "nonce"} {
			b.Run("alg="+alg+"/lib=bare/path="+way, func(b *testing.B) { s.bare(b, way) })
			b.Run("alg="+alg+"/lib=bearerkit/path="+way, func(b *testing.B) { s.guarded(b, way) })
		}
	}
}

// dpopSetup is a client with a bound token, and the API that it calls.
type dpopSetup struct {
	alg      string
	key      *bearertest.ProofKey
	token    string
	verifier *consumer.Consumer // of all Guards, so that the token is cached
}

func newDPoP(tb testing.TB, alg string) *dpopSetup {
	tb.Helper()
	c := corpusOf("ES256")
	s := &dpopSetup{alg: alg, key: bearertest.NewProofKey(alg), verifier: bearerkitConsumer(tb, c.trust)}
	s.token = c.token(0).BoundTo(s.key).Sign()
	return s
}

// guard returns a handler behind a new Guard. All Guards have the same key for nonces.
func (s *dpopSetup) guard(tb testing.TB, way string) http.Handler {
	tb.Helper()
	dpop := &middleware.DPoPConfig{URL: strings.TrimSuffix(dpopURL, "/"), Window: 5 * time.Minute}
	if way == "nonce" {
		dpop.RequireNonce, dpop.NonceKeys = true, [][]byte{make([]byte, 32)}
	}
	return must(middleware.New(middleware.Config{Verifier: s.verifier, DPoP: dpop}))(tb).Handler(noContent())
}

// minted returns n distinct proofs. With path=nonce they have the current nonce of the Guard.
func (s *dpopSetup) minted(tb testing.TB, way string, n int) []string {
	tb.Helper()
	nonce := any(bearertest.Absent)
	if way == "nonce" {
		w := httptest.NewRecorder()
		s.guard(tb, way).ServeHTTP(w, s.request(tb.Context(), s.key.Proof(http.MethodGet, dpopURL, s.token).Sign()))
		if nonce = w.Header().Get("DPoP-Nonce"); nonce == "" {
			tb.Fatalf("status %d without a nonce", w.Code)
		}
	}
	raws := make([]string, n)
	for i := range raws {
		raws[i] = s.key.Proof(http.MethodGet, dpopURL, s.token).Set("jti", "proof-"+strconv.Itoa(i)).Set("nonce", nonce).Sign()
	}
	return raws
}

func (s *dpopSetup) request(ctx context.Context, proof string) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, dpopURL, nil)
	r.Header.Set("Authorization", "DPoP "+s.token)
	r.Header.Set("Dpop", proof)
	return r
}

func (s *dpopSetup) bare(b *testing.B, way string) {
	raws := s.minted(b, way, distinct)
	attempts := bareAttempts(b, trust{alg: s.alg, key: publicOf(b, s.key)}, raws)
	path{accepted: true}.measure(b, attempts)
}

// publicOf returns the public key of a proof key.
func publicOf(tb testing.TB, key *bearertest.ProofKey) any {
	tb.Helper()
	set := must(json.Marshal(map[string]any{"keys": []any{key.JWK()}}))(tb)
	return must(jwks.ParseJWKS(set))(tb)[0].Public
}

// guarded measures the Guard. The time for making a new one after each rotation does not count.
func (s *dpopSetup) guarded(b *testing.B, way string) {
	requests := make([]*http.Request, proofs)
	for i, raw := range s.minted(b, way, proofs) {
		requests[i] = s.request(b.Context(), raw)
	}
	h, w := s.guard(b, way), &writer{header: make(http.Header)}
	for _, want := range []int{http.StatusNoContent, http.StatusUnauthorized} { // the second time, the proof is not new
		if h.ServeHTTP(w, requests[0]); w.status != want {
			b.Fatalf("status %d, want %d", w.status, want)
		}
		w.status = 0
	}
	b.ReportAllocs()
	n := 1
	for b.Loop() {
		clear(w.header)
		w.status = 0
		if h.ServeHTTP(w, requests[n]); w.status != http.StatusNoContent {
			b.Fatalf("proof %d: status %d", n, w.status)
		}
		if n++; n == proofs {
			b.StopTimer()
			h, n = s.guard(b, way), 0
			b.StartTimer()
		}
	}
}

// BenchmarkDPoPPairs checks the signature of each proof and then sends the proof to the Guard. The two measurements alternate, so
// that other work on the machine affects both. It reports the ratio of the medians, and the ratio of the values that a tenth
// of the measurements do not exceed, which other work affects least.
func BenchmarkDPoPPairs(b *testing.B) {
	s := newDPoP(b, "ES256")
	for _, way := range []string{"proof", "nonce"} {
		b.Run("alg=ES256/lib=bearerkit/path="+way, func(b *testing.B) {
			raws := s.minted(b, way, proofs)
			checks := bareAttempts(b, trust{alg: s.alg, key: publicOf(b, s.key)}, raws)
			requests := make([]*http.Request, proofs)
			for i, raw := range raws {
				requests[i] = s.request(b.Context(), raw)
			}
			var bare, guarded []time.Duration
			w := &writer{header: make(http.Header)}
			h, n := s.guard(b, way), 0
			for b.Loop() {
				clear(w.header)
				w.status = 0
				began := time.Now()
				err := checks[n]()
				checked := time.Now()
				h.ServeHTTP(w, requests[n])
				guarded = append(guarded, time.Since(checked))
				if bare = append(bare, checked.Sub(began)); err != nil || w.status != http.StatusNoContent {
					b.Fatalf("proof %d: %v, status %d", n, err, w.status)
				}
				if n++; n == proofs {
					h, n = s.guard(b, way), 0
				}
			}
			slices.Sort(bare)
			slices.Sort(guarded)
			for name, part := range map[string]int{"median": 2, "tenth": 10} {
				at := len(bare) / part
				b.ReportMetric(float64(guarded[at])/float64(bare[at]), name+"-guard/bare")
			}
		})
	}
}

// Each proof is accepted once, and not without the key of the token.
func TestDPoP(t *testing.T) {
	t.Parallel()
	s := newDPoP(t, "ES256")
	for _, way := range []string{"proof", "nonce"} {
		good, h := s.minted(t, way, 2), s.guard(t, way)
		forged := bearertest.NewProofKey("ES256").Proof(http.MethodGet, dpopURL, s.token).Sign()
		for i, test := range []struct {
			proof string
			want  int
		}{{good[0], 204}, {good[0], 401}, {good[1], 204}, {forged, 401}, {"", 401}} {
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, s.request(t.Context(), test.proof)); w.Code != test.want {
				t.Errorf("%s, request %d: status %d, want %d", way, i, w.Code, test.want)
			}
		}
	}
}
