package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// through is a consumer of issuer's tokens that reaches it through n.
func through(t *testing.T, n *network, issuer *bearertest.Issuer) *consumer.Consumer {
	t.Helper()
	cfg := online(issuer)
	cfg.HTTPClient = n.client()
	return newConsumer(t, cfg)
}

// lasting is a token for tests that let days go by.
func lasting(issuer *bearertest.Issuer) *bearertest.Token {
	return issuer.AccessToken().Set("exp", time.Now().Add(1000*time.Hour).Unix())
}

// With a usable key set, an invalid token is rejected with the right reason and a valid one is accepted.
func TestK22_Attack32_IssuerDownWithKeysHeld(t *testing.T) {
	t.Parallel()
	a := theArena()
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(a.issuer)
		c := through(t, n, a.issuer)
		good := lasting(a.issuer).Sign()
		accept(t, c, good)
		n.fail(true)
		for _, age := range []time.Duration{time.Second, time.Hour, 22 * time.Hour} {
			time.Sleep(age)
			accept(t, c, good)
			accept(t, c, lasting(a.issuer).Sign())
			for _, row := range a.attacks() {
				if reject(t, c, a.token(row), row.want); t.Failed() {
					t.Fatalf("case %s, %v after the last step", row.name, age)
				}
			}
		}
		time.Sleep(time.Hour)
		for range 2 {
			reject(t, c, good, consumer.ReasonKeysUnavailable)
			reject(t, c, lasting(a.issuer).EditSignature(flipped).Sign(), consumer.ReasonKeysUnavailable)
			reject(t, c, lasting(a.issuer).Set("iss", "https://other.test").Sign(), consumer.ReasonIssuer)
		}
		n.fail(false)
		time.Sleep(time.Minute) // the longest back-off
		accept(t, c, good)
	})
}

func TestK20_Attack39_FetchIsRetriedAfterTheFirstFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		n.fail(true)
		c := through(t, n, issuer)
		raw := issuer.AccessToken().Sign()
		for range 100 {
			e := reject(t, c, raw, consumer.ReasonKeysUnavailable)
			if e.Issuer != issuerURL || e.Unwrap() == nil {
				t.Errorf("error %+v", e)
			}
		}
		if asked := n.asked(); asked > 10 {
			t.Errorf("%d requests for 100 tokens in no time", asked)
		}
		n.fail(false)
		time.Sleep(time.Minute)
		accept(t, c, raw)
	})
}

// If a caller leaves, the fetch continues for the others.
func TestK8_K9_Attack38_CallerLeavesDuringTheFirstFetch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		n.delay(500 * time.Millisecond)
		c := through(t, n, issuer)
		raw := issuer.AccessToken().Sign()
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			token, err := c.Verify(ctx, raw)
			wantError(t, token, err, raw, consumer.ReasonCanceled)
		})
		for range 20 {
			group.Go(func() { accept(t, c, issuer.AccessToken().Sign()) })
		}
		time.Sleep(100 * time.Millisecond)
		cancel()
		group.Wait()
		if asked := n.asked(); asked > 3 {
			t.Errorf("%d requests for one set of keys", asked)
		}
	})
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		c := through(t, newNetwork(issuer), issuer)
		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancelLate := context.WithDeadline(t.Context(), time.Now())
		defer cancelLate()
		raw := issuer.AccessToken().Sign()
		token, err := c.Verify(canceled, raw)
		e := wantError(t, token, err, raw, consumer.ReasonCanceled)
		if !errors.Is(e, context.Canceled) {
			t.Errorf("error %v does not wrap the context's", e)
		}
		token, err = c.Verify(late, raw)
		wantError(t, token, err, raw, consumer.ReasonKeysUnavailable)
		bad := issuer.AccessToken().SignWith("none", nil).Sign()
		token, err = c.Verify(canceled, bad)
		wantError(t, token, err, bad, consumer.ReasonAlgorithm)
		time.Sleep(time.Minute)
		accept(t, c, raw)
		if _, err := c.Verify(canceled, raw); err != nil {
			t.Errorf("a cached token with keys held, in a canceled context: %v", err)
		}
	})
}

// A slow issuer holds a request for three seconds at most.
func TestK8_SlowIssuer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		n.delay(time.Hour)
		c := through(t, n, issuer)
		start := time.Now()
		reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if waited := time.Since(start); waited > 3*time.Second {
			t.Errorf("waited %v", waited)
		}
		time.Sleep(time.Minute) // so that the fetch ends within the bubble
	})
}

func TestK5_K6_Attack28_UnknownKidFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		accept(t, c, issuer.AccessToken().Sign())
		before := n.asked()
		draft := unsignedDraft(issuer)
		for i := range 2000 {
			token, err := c.Verify(t.Context(), draft.SetHeader("kid", fmt.Sprint(i)).Sign())
			wantError(t, token, err, "", consumer.ReasonUnknownKey)
		}
		if asked := n.asked() - before; asked > 3 {
			t.Errorf("%d requests, want at most 3", asked)
		}
		accept(t, c, issuer.AccessToken().Sign())
		issuer.Rotate()
		time.Sleep(10 * time.Second) // the default of MinRefetch
		accept(t, c, issuer.AccessToken().Sign())
	})
}

// unsignedDraft saves the time that signing takes.
func unsignedDraft(issuer *bearertest.Issuer) *bearertest.Token {
	return issuer.AccessToken().SignWith("none", nil).SetHeader("alg", "ES256")
}

func TestK7_Attack29_BadSignatureFlood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		accept(t, c, issuer.AccessToken().Sign())
		before := n.asked()
		draft := unsignedDraft(issuer)
		for i := range 2000 {
			token, err := c.Verify(t.Context(), draft.Set("jti", fmt.Sprint(i)).Sign())
			wantError(t, token, err, "", consumer.ReasonSignature)
		}
		if asked := n.asked() - before; asked != 1 {
			t.Errorf("%d requests for wrong signatures, want 1 in MinRefetch", asked)
		}
	})
}

// A response that is not a usable key set never replaces the keys that are held.
func TestK10_K12_Attack32_PoisonedKeySets(t *testing.T) {
	t.Parallel()
	secret := bearertest.JWK("es256-1", "HS256", []byte(strings.Repeat("s", 32)))
	for name, document := range map[string]string{
		"empty": "", "no keys": `{"keys":[]}`, "no member": `{}`, "null": `{"keys":null}`, "HTML": "<html>down</html>",
		"array": `[]`, "giant": `{"keys":[],"x":"` + strings.Repeat("x", 512<<10) + `"}`, "cut": `{"keys":[{"kty":"EC"`,
		"duplicate": `{"keys":[],"Keys":[]}`, "a secret": fmt.Sprintf(`{"keys":[{"kty":"oct","kid":"es256-1","k":%q}]}`, secret["k"]),
		"unknown kty": `{"keys":[{"kty":"AKP","kid":"es256-1"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				c := through(t, newNetwork(issuer), issuer)
				raw := lasting(issuer).Sign()
				accept(t, c, raw)
				issuer.SetJWKS([]byte(document))
				if document == "" {
					issuer.SetJWKS([]byte{})
				}
				reject(t, c, issuer.AccessToken().SetHeader("kid", "other").Sign(), consumer.ReasonUnknownKey)
				time.Sleep(2 * time.Hour)
				accept(t, c, raw)
				reject(t, c, issuer.AccessToken().SignWith("HS256", []byte(strings.Repeat("s", 32))).Sign(), consumer.ReasonAlgorithm)
				time.Sleep(24 * time.Hour)
				reject(t, c, raw, consumer.ReasonKeysUnavailable)
			})
		})
	}
}

// The place of the keys may move, and is found again.
func TestK24_KeysMove(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		old := lasting(issuer).Sign()
		accept(t, c, old)

		elsewhere := newTenant("https://keys.test")
		elsewhere.Rotate()
		elsewhere.Retire()
		moved := bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuerURL, Algorithms: []string{"ES256"}, Metadata: map[string]any{"jwks_uri": "https://keys.test/jwks"},
		})
		moved.SetJWKS(issuer.JWKS())
		n.connect(issuerURL, moved)
		time.Sleep(time.Hour)
		accept(t, c, old) // the old keys are held until the new ones have been read
		time.Sleep(time.Hour)
		accept(t, c, old)

		n.connect(elsewhere.URL(), elsewhere)
		renewed := lasting(elsewhere).Set("iss", issuerURL).Sign()
		for range 10 {
			time.Sleep(time.Hour)
			_, _ = c.Verify(t.Context(), renewed) // the request that notices is not held
		}
		accept(t, c, renewed)
		reject(t, c, old, consumer.ReasonUnknownKey)
	})
}

// Metadata of another issuer gives no keys (RFC 8414 §3.3).
func TestD2_Attack22_MetadataOfAnotherIssuer(t *testing.T) {
	t.Parallel()
	for _, named := range []string{"https://other.test", issuerURL + "/", "https://ISSUER.test", ""} {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuerURL, Algorithms: []string{"ES256"}, Metadata: map[string]any{"issuer": named},
		})
		c := newConsumer(t, online(issuer))
		reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if asked := issuer.Requests()["/jwks"]; asked != 0 {
			t.Errorf("issuer %q: keys were fetched", named)
		}
	}
}

func TestAttack31_RedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	issuer, elsewhere := newIssuer(), newTenant("https://elsewhere.test")
	n := newNetwork(elsewhere)
	n.connect(issuerURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/jwks" {
			http.Redirect(w, r, "https://elsewhere.test/jwks", http.StatusFound)
			return
		}
		issuer.ServeHTTP(w, r)
	}))
	c := through(t, n, issuer)
	reject(t, c, elsewhere.AccessToken().Set("iss", issuerURL).Sign(), consumer.ReasonKeysUnavailable)
	reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
	if asked := elsewhere.Requests(); len(asked) != 0 {
		t.Errorf("the redirect was followed: %v", asked)
	}
}

// Where the issuer is not the operator's choice, its name may resolve to the operator's own network.
func TestJ9_Attack31_PrivateAddressesAreNotContacted(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := newTenant("https://" + server.Listener.Addr().String())
	server.Config.Handler = issuer
	server.StartTLS()
	t.Cleanup(server.Close)
	cfg := online(issuer)
	cfg.HTTPClient = server.Client()
	cfg.PublicAddressesOnly = true
	reject(t, newConsumer(t, cfg), issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
	if asked := issuer.Requests(); len(asked) != 0 {
		t.Errorf("requests %v, want none", asked)
	}
	cfg.PublicAddressesOnly = false
	accept(t, newConsumer(t, cfg), issuer.AccessToken().Sign())
}

// Discovery honors Retry-After, even if only one of the two locations sends it.
func TestK16_RetryAfterOfMetadata(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, n := newIssuer(), newNetwork()
		n.connect(issuerURL, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/openid-configuration") {
				w.Header().Set("Retry-After", "240")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			http.NotFound(w, r)
		}))
		c := through(t, n, issuer)
		for range 239 {
			reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
			time.Sleep(time.Second)
		}
		if n.asked() != 2 {
			t.Errorf("%d requests, want one for each location", n.asked())
		}
		n.connect(issuerURL, issuer)
		time.Sleep(time.Second)
		accept(t, c, issuer.AccessToken().Sign())
	})
}

func TestK21_Warm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		if n.asked() != 0 {
			t.Fatal("New has sent a request")
		}
		n.fail(true)
		err := c.Warm(t.Context())
		wantError(t, nil, err, "", consumer.ReasonKeysUnavailable)
		n.fail(false)
		time.Sleep(time.Minute)
		if err := c.Warm(t.Context()); err != nil {
			t.Errorf("not ready: %v", err)
		}
		before := n.asked()
		if err := c.Warm(t.Context()); err != nil || n.asked() != before {
			t.Errorf("Warm with keys held: %v, %d requests", err, n.asked()-before)
		}
		accept(t, c, issuer.AccessToken().Sign())
		if n.asked() != before {
			t.Error("Warm has not fetched the keys")
		}
		if err := newConsumer(t, offline(t, issuer)).Warm(t.Context()); err != nil {
			t.Errorf("given keys are not ready: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		wantError(t, nil, through(t, n, issuer).Warm(ctx), "", consumer.ReasonCanceled)
		time.Sleep(time.Minute)
	})
}

func TestK23_Run(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if err := c.Run(ctx); err != nil {
				t.Errorf("Run: %v", err)
			}
		})
		time.Sleep(5 * time.Hour)
		before := n.asked()
		accept(t, c, issuer.AccessToken().Sign())
		if n.asked() != before || before < 10 {
			t.Errorf("%d requests in five hours, %d more for a token", before, n.asked()-before)
		}
		cancel()
		group.Wait()
		static, cancelStatic := context.WithTimeout(t.Context(), time.Minute)
		defer cancelStatic()
		start := time.Now()
		if err := newConsumer(t, offline(t, issuer)).Run(static); err != nil || time.Since(start) != time.Minute {
			t.Errorf("with given keys: %v after %v", err, time.Since(start))
		}
	})
}
