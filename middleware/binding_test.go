package middleware_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// withCertificate adds a client certificate to r.
func withCertificate(r *http.Request, der string) *http.Request {
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{{Raw: []byte(der)}}}
	return r
}

// A token that is bound to a key and to a certificate needs both. A member of cnf that the Guard cannot check rejects it.
func TestM4_Attack26_EachMemberNeedsItsProof(t *testing.T) {
	t.Parallel()
	type settings struct{ dpop, mtls bool }
	both := settings{true, true}
	for name, test := range map[string]struct {
		bind        func(*bearertest.Token, *bearertest.ProofKey) *bearertest.Token
		cfg         settings
		proof, cert bool
		want        outcome
	}{
		"both, both shown":              {bindBoth, both, true, true, accepted},
		"both, no certificate":          {bindBoth, both, true, false, bindingRejected},
		"both, no proof":                {bindBoth, both, false, true, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"both, no MTLS":                 {bindBoth, settings{dpop: true}, true, true, bindingRejected},
		"key alone":                     {bindKey, both, true, false, accepted},
		"key, and an unasked-for cert":  {bindKey, both, true, true, accepted},
		"key, certificate only":         {bindKey, both, false, true, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"certificate alone":             {bindCertificate, both, false, true, accepted},
		"certificate, no certificate":   {bindCertificate, both, false, false, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"certificate, scheme DPoP":      {bindCertificate, both, true, true, bindingRejected},
		"unknown member":                {bindUnknown, both, true, true, bindingRejected},
		"unknown member, Bearer":        {bindUnknown, both, false, true, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"key and an unknown member":     {bindKeyAndUnknown, both, true, true, bindingRejected},
		"not bound, both proofs, DPoP":  {bindNothing, both, true, true, bindingRejected},
		"not bound, certificate shown":  {bindNothing, both, false, true, accepted},
		"other key":                     {bindOtherKey, both, true, true, proofRejected},
		"thumbprint of wrong length":    {bindShort, both, true, true, proofRejected},
		"empty cnf":                     {bindEmpty, both, true, true, bindingRejected},
		"certificate, MTLS alone":       {bindCertificate, settings{mtls: true}, false, true, accepted},
		"key and certificate, no DPoP":  {bindBoth, settings{mtls: true}, false, true, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"certificate, DPoP alone":       {bindCertificate, settings{dpop: true}, false, true, bearerRejected(401, "invalid_token", consumer.ReasonBinding)},
		"not bound, Bearer, DPoP alone": {bindNothing, settings{dpop: true}, false, false, accepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			cfg := k.config(middleware.Config{})
			if !test.cfg.dpop {
				cfg.DPoP = nil
			}
			if test.cfg.mtls {
				cfg.MTLS = &middleware.MTLSConfig{}
			}
			k.handler = newGuard(t, cfg).Handler(hello)
			token := test.bind(k.issuer.AccessToken(), k.key).Sign()
			r := get("Bearer "+token, "")
			if test.proof {
				r = get("DPoP "+token, k.proof(token).Sign())
			}
			if test.cert {
				r = withCertificate(r, "der")
			}
			want := test.want
			if cfg.DPoP == nil && len(want.Challenges) > 1 {
				want.Challenges = want.Challenges[:1]
			}
			k.expect(r, want)
		})
	}
}

func bindNothing(t *bearertest.Token, _ *bearertest.ProofKey) *bearertest.Token { return t }
func bindKey(t *bearertest.Token, k *bearertest.ProofKey) *bearertest.Token     { return t.BoundTo(k) }

func bindCertificate(t *bearertest.Token, _ *bearertest.ProofKey) *bearertest.Token {
	return t.BoundToCertificate([]byte("der"))
}

func bindBoth(t *bearertest.Token, k *bearertest.ProofKey) *bearertest.Token {
	return t.BoundTo(k).BoundToCertificate([]byte("der"))
}

func bindUnknown(t *bearertest.Token, _ *bearertest.ProofKey) *bearertest.Token {
	return t.Set("cnf", map[string]any{"kid": "x"})
}

func bindKeyAndUnknown(t *bearertest.Token, k *bearertest.ProofKey) *bearertest.Token {
	return t.Set("cnf", map[string]any{"jkt": k.Thumbprint(), "kid": "x"})
}

func bindOtherKey(t *bearertest.Token, _ *bearertest.ProofKey) *bearertest.Token {
	return t.BoundTo(bearertest.NewProofKey("ES256"))
}

func bindShort(t *bearertest.Token, k *bearertest.ProofKey) *bearertest.Token {
	return t.Set("cnf", map[string]any{"jkt": k.Thumbprint()[:42]})
}

func bindEmpty(t *bearertest.Token, _ *bearertest.ProofKey) *bearertest.Token {
	return t.Set("cnf", map[string]any{})
}

// Nested handlers of one Guard check and record the proof once. The certificate is compared each time.
func TestX2_NestedHandlers(t *testing.T) {
	t.Parallel()
	store := &marks{}
	k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{Replays: store}})
	read, write := k.guard.With(middleware.Scopes("orders:read")), k.guard.With(middleware.Scopes("orders:write"))
	k.handler = k.guard.Handler(read(k.guard.Handler(hello)))
	k.expect(k.good(), accepted)
	k.handler = k.guard.Handler(read(write(hello)))
	k.expect(k.good(), outcome{403, consumer.ReasonScope, []string{
		dpopBare + `, error="insufficient_scope", scope="orders:read orders:write"`, bearerBare,
	}})
	if len(store.calls) != 2 {
		t.Errorf("%d proofs were recorded for two requests", len(store.calls))
	}
}

// A handler may send further requests with the context of its own request. Each of them is a request of its own, unless it
// is the same one: the same proof for the same method and URL.
func TestX2_RequestsFromTheSameContext(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(k *keyed, r *http.Request)
		want   int
	}{
		"the same request": {func(*keyed, *http.Request) {}, 200},
		"other path":       {func(_ *keyed, r *http.Request) { r.URL.Path, r.RequestURI = "/admin", "/admin" }, 401},
		"other method":     {func(_ *keyed, r *http.Request) { r.Method = http.MethodDelete }, 401},
		"no proof":         {func(_ *keyed, r *http.Request) { r.Header.Del("DPoP") }, 401},
		"scheme Bearer": {func(k *keyed, r *http.Request) {
			r.Header.Set("Authorization", "Bearer"+r.Header.Get("Authorization")[4:])
		}, 401},
		"other token, the same proof": {func(k *keyed, r *http.Request) {
			r.Header.Set("Authorization", "DPoP "+k.token())
		}, 401},
		"other key": {func(k *keyed, r *http.Request) {
			key := bearertest.NewProofKey("ES256")
			r.Header.Set("DPoP", key.Proof("GET", ordersURL, r.Header.Get("Authorization")[5:]).Sign())
		}, 401},
		"a new proof": {func(k *keyed, r *http.Request) {
			r.Header.Set("DPoP", k.proof(r.Header.Get("Authorization")[5:]).Sign())
		}, 200},
		"a new proof for another path": {func(k *keyed, r *http.Request) {
			r.URL.Path, r.RequestURI = "/admin", "/admin"
			r.Header.Set("DPoP", k.key.Proof("GET", "https://api.test/admin", r.Header.Get("Authorization")[5:]).Sign())
		}, 200},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			inner := k.guard.Handler(hello)
			k.handler = k.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				second := r.Clone(r.Context())
				test.change(k, second)
				inner.ServeHTTP(w, second)
			}))
			if w := serve(k.handler, k.good()); w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
		})
	}
}

// Each Guard that a request passes records the proof. With memories of their own, both accept it. In a shared store it is
// not new for the second one.
func TestG7_TwoGuards(t *testing.T) {
	t.Parallel()
	for name, shared := range map[string]*replays{"own": nil, "shared": newReplays()} {
		k := newKeyed(t, middleware.Config{})
		config := func() middleware.Config {
			cfg := &middleware.DPoPConfig{}
			if shared != nil {
				cfg.Replays = shared
			}
			return k.config(middleware.Config{DPoP: cfg})
		}
		k.handler = newGuard(t, config()).Handler(newGuard(t, config()).Handler(hello))
		want := accepted
		if shared != nil {
			want = proofRejected
		}
		got, _ := k.send(k.good())
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// replays is a ReplayStore that forgets nothing.
type replays struct{ used chan map[string]bool }

func newReplays() *replays {
	r := &replays{used: make(chan map[string]bool, 1)}
	r.used <- map[string]bool{}
	return r
}

// Mark implements middleware.ReplayStore.
func (r *replays) Mark(_ context.Context, key, id string, _, _ time.Time) (bool, error) {
	used := <-r.used
	defer func() { r.used <- used }()
	first := !used[key+id]
	used[key+id] = true
	return first, nil
}

// Replace keeps the proofs that were used and the key of the nonces, also if DPoP is off for a while.
func TestG7_Replace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newNonced(t, middleware.DPoPConfig{})
		nonce := k.nonce()
		used := k.goodWith(nonce)
		k.expect(used, accepted)
		off := k.config(middleware.Config{})
		off.DPoP = nil
		for name, cfg := range map[string]middleware.Config{
			"the same":        k.config(middleware.Config{DPoP: &middleware.DPoPConfig{RequireNonce: true}}),
			"other realm":     k.config(middleware.Config{Realm: "other", DPoP: &middleware.DPoPConfig{RequireNonce: true}}),
			"without nonces":  k.config(middleware.Config{DPoP: &middleware.DPoPConfig{}}),
			"off":             off,
			"the same window": k.config(middleware.Config{DPoP: &middleware.DPoPConfig{Window: time.Minute, MaxReplays: 100_000}}),
		} {
			if err := k.guard.Replace(cfg); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got, _ := k.send(used.Clone(t.Context())); got.Status != http.StatusUnauthorized {
				t.Errorf("%s: a used proof has the outcome %+v", name, got)
			}
		}
		if err := k.guard.Replace(k.config(middleware.Config{DPoP: &middleware.DPoPConfig{RequireNonce: true}})); err != nil {
			t.Fatal(err)
		}
		k.expect(used.Clone(t.Context()), proofRejected)
		k.expect(k.goodWith(nonce), accepted)

		for field, cfg := range map[string]*middleware.DPoPConfig{
			"Window": {Window: 2 * time.Minute}, "MaxReplays": {MaxReplays: 5},
		} {
			err := k.guard.Replace(k.config(middleware.Config{DPoP: cfg}))
			if err == nil || !strings.Contains(err.Error(), "Config.DPoP."+field) {
				t.Errorf("a changed %s: %v", field, err)
			}
		}
		k.expect(k.goodWith(nonce), accepted)
	})
}

// A failed Replace leaves no trace: the first valid Config chooses Window and MaxReplays.
func TestG7_FailedReplace(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{})
	off := k.config(middleware.Config{})
	off.DPoP = nil
	g := newGuard(t, off)
	broken := k.config(middleware.Config{DPoP: &middleware.DPoPConfig{Window: 2 * time.Minute, MaxReplays: 7}})
	broken.Verifier = nil
	if g.Replace(broken) == nil {
		t.Fatal("no error for a Config without a Verifier")
	}
	if err := g.Replace(k.config(middleware.Config{})); err != nil {
		t.Error(err)
	}
}

// Nested handlers share the proof even if the Config is replaced between them. The new Config decides nevertheless.
func TestG7_ReplaceBetweenHandlers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		next middleware.DPoPConfig
		want int
	}{
		"the same":           {middleware.DPoPConfig{}, 200},
		"Required":           {middleware.DPoPConfig{Required: true}, 200},
		"other URL":          {middleware.DPoPConfig{URL: "https://other.test"}, 401},
		"requires nonces":    {middleware.DPoPConfig{RequireNonce: true}, 401},
		"without algorithms": {middleware.DPoPConfig{Algorithms: []string{"RS256"}}, 401},
	} {
		k := newKeyed(t, middleware.Config{})
		inner := k.guard.Handler(hello)
		k.handler = k.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := k.guard.Replace(k.config(middleware.Config{DPoP: &test.next})); err != nil {
				t.Error(err)
			}
			inner.ServeHTTP(w, r)
		}))
		if w := serve(k.handler, k.good()); w.Code != test.want {
			t.Errorf("%s: status %d, want %d", name, w.Code, test.want)
		}
	}
}

// Recheck ends a stream whose token is no longer bound in the same way, or whose binding is no longer accepted.
func TestM4_Recheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cnf  string // of the second result of the Verifier; empty: the same
		next func(cfg *middleware.Config)
		want consumer.Reason
	}{
		"nothing":              {"", nil, ""},
		"bound to another key": {`{"jkt":"` + strings.Repeat("a", 43) + `"}`, nil, consumer.ReasonBinding},
		"not bound any more":   {"none", nil, consumer.ReasonBinding},
		"DPoP switched off":    {"", func(cfg *middleware.Config) { cfg.DPoP = nil }, consumer.ReasonBinding},
		"another realm":        {"", func(cfg *middleware.Config) { cfg.Realm = "x" }, ""},
		"Required":             {"", func(cfg *middleware.Config) { cfg.DPoP.Required = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				k := newKeyed(t, middleware.Config{})
				var cnf atomic.Value
				cnf.Store(fmt.Sprintf(`{"jkt":%q}`, k.key.Thumbprint()))
				verifier := verifierFunc(func(context.Context, string) (*consumer.Token, error) {
					text := fmt.Sprintf(`{"sub":"alice","exp":%d,"cnf":%s}`, time.Now().Add(time.Hour).Unix(), cnf.Load())
					text = strings.Replace(text, `,"cnf":none`, "", 1)
					return consumer.NewToken("https://issuer.test", json.RawMessage(text))
				})
				k.guard = newGuard(t, k.config(middleware.Config{Verifier: verifier}))
				var ctx context.Context
				w := serve(k.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					var stop context.CancelFunc
					ctx, stop = middleware.Recheck(r.Context(), time.Minute)
					t.Cleanup(stop)
				})), get("DPoP x", k.proof("x").Sign()))
				if ctx == nil {
					t.Fatalf("rejected with %d", w.Code)
				}
				if test.cnf != "" {
					cnf.Store(test.cnf)
				}
				if test.next != nil {
					cfg := k.config(middleware.Config{Verifier: verifier})
					test.next(&cfg)
					if err := k.guard.Replace(cfg); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(3 * time.Minute)
				if got := reasonOf(ctx); got != test.want {
					t.Errorf("the stream ended with reason %q, want %q", got, test.want)
				}
			})
		})
	}
}

// Recheck ends a stream that a bearer token began, once the Config requires bound tokens.
func TestM4_X2_RecheckOfABearerToken(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		dpop *middleware.DPoPConfig
		want consumer.Reason
	}{
		"nothing":      {&middleware.DPoPConfig{URL: "https://api.test"}, ""},
		"DPoP removed": {nil, ""},
		"Required":     {&middleware.DPoPConfig{URL: "https://api.test", Required: true}, consumer.ReasonBinding},
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKeyed(t, middleware.Config{})
			var ctx context.Context
			serve(k.guard.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				var stop context.CancelFunc
				ctx, stop = middleware.Recheck(r.Context(), time.Minute)
				t.Cleanup(stop)
			})), get("Bearer "+k.issuer.AccessToken().Set("exp", time.Now().Add(time.Hour).Unix()).Sign(), ""))
			if ctx == nil {
				t.Fatalf("%s: rejected", name)
			}
			cfg := k.config(middleware.Config{})
			cfg.DPoP = test.dpop
			if err := k.guard.Replace(cfg); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * time.Minute)
			if got := reasonOf(ctx); got != test.want {
				t.Errorf("%s: the stream ended with reason %q, want %q", name, got, test.want)
			}
		})
	}
}

// Routes, preflights and a DenyHandler work as with bearer tokens.
func TestG3_Routes(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{
		AllowPreflight: true,
		DenyHandler: func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
			w.WriteHeader(refusal.Status)
			_, _ = fmt.Fprint(w, refusal.Code)
		},
		DPoP: &middleware.DPoPConfig{RequireNonce: true},
	})
	routes, err := k.guard.Routes(map[string][]middleware.Rule{"GET /{name}": {middleware.SenderConstrained()}}, hello)
	if err != nil {
		t.Fatal(err)
	}
	k.handler = routes
	w := k.expect(k.good(), nonceRequired)
	if w.Body.String() != "use_dpop_nonce" || len(w.Header()["Dpop-Nonce"]) != 1 {
		t.Errorf("body %q, header %v", w.Body, w.Header())
	}
	nonce := w.Header().Get("DPoP-Nonce")
	k.expect(k.goodWith(nonce), accepted)
	k.expect(get("Bearer "+k.issuer.AccessToken().Sign(), ""), bearerRejected(401, "invalid_token", consumer.ReasonBinding))

	// The path that the client encoded is that of the proof.
	token := k.token()
	r := get("DPoP "+token, k.key.Proof("GET", "https://api.test/%6Frders", token).Set("nonce", nonce).Sign())
	r.RequestURI, r.URL.RawPath = "/%6frders", "/%6frders"
	k.expect(r, accepted)

	r = get("", "")
	r.Method = http.MethodOptions
	r.Header.Set("Origin", "https://app.test")
	r.Header.Set("Access-Control-Request-Method", "GET")
	if w := serve(k.handler, r); w.Code != http.StatusOK {
		t.Errorf("preflight: status %d", w.Code)
	}
}

// The problem document contains the code, and nothing that says which check failed.
func TestG2_ProblemDocument(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{})
	token := k.token()
	const want = `{"title":"Unauthorized","status":401,"error":"invalid_dpop_proof"}` + "\n"
	for name, r := range map[string]*http.Request{
		"no proof": get("DPoP "+token, ""),
		"method":   get("DPoP "+token, k.proof(token).Set("htm", "PUT").Sign()),
		"key":      get("DPoP "+token, bearertest.NewProofKey("ES256").Proof("GET", ordersURL, token).Sign()),
	} {
		_, w := k.send(r)
		if w.Body.String() != want || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %q", name, w.Header().Get("Content-Type"), w.Body)
		}
	}
	k = newNonced(t, middleware.DPoPConfig{})
	_, w := k.send(k.good())
	if want := strings.Replace(want, "invalid_dpop_proof", "use_dpop_nonce", 1); w.Body.String() != want {
		t.Errorf("nonce: %q", w.Body)
	}
}

// A bearer token costs the same with and without Config.DPoP and Config.MTLS.
func TestHandler_AllocationsOfABearerTokenWithDPoP(t *testing.T) { //nolint:paralleltest // allocations are counted
	w := newWorld(t)
	r := request(t, w.issuer.AccessToken().Sign())
	verifier := newConsumer(t, w.issuer)
	plain := newGuard(t, middleware.Config{Verifier: verifier})
	all := newGuard(t, middleware.Config{
		Verifier: verifier, MTLS: &middleware.MTLSConfig{},
		DPoP: &middleware.DPoPConfig{URL: "https://api.test", RequireNonce: true, ExposeHeaders: true},
	})
	bare := allocations(t, plain.Handler(nothing), r, http.StatusOK)
	with := allocations(t, all.Handler(nothing), r, http.StatusOK)
	if with != bare {
		t.Errorf("%v allocations with DPoP and MTLS, want %v as without", with, bare)
	}
}
