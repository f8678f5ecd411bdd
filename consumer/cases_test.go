package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
)

// fleet is a Group whose Resolve accepts n tenants, and the network that they are on.
type fleet struct {
	*consumer.Group
	*network
	tenants []*bearertest.Issuer
}

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	f := &fleet{network: newNetwork()}
	byURL := make(map[string]bool)
	for i := range n {
		tenant := newTenant(fmt.Sprintf("https://%d.test", i))
		byURL[tenant.URL()] = true
		f.connect(tenant.URL(), tenant)
		f.tenants = append(f.tenants, tenant)
	}
	f.Group = newGroup(t, consumer.GroupConfig{
		MaxResolved: 100,
		Resolve: func(_ context.Context, issuer string) (*consumer.Consumer, error) {
			if !byURL[issuer] {
				return nil, errUnknownTenant
			}
			return consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}, HTTPClient: f.client()})
		},
	})
	return f
}

// attack sends 1280 forged tokens in 30 s that name all tenants in turn.
func (f *fleet) attack(t *testing.T) {
	t.Helper()
	for i := range 1280 {
		tenant := f.tenants[i%len(f.tenants)]
		token, err := f.Verify(t.Context(), tenant.AccessToken().EditSignature(flipped).Sign())
		if token != nil || err == nil {
			t.Fatal("a forged token was accepted")
		}
		time.Sleep(30 * time.Second / 1280)
	}
}

func TestCaseX5_ForgedTokensEvictNoTenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 130)
		for _, tenant := range f.tenants[:100] {
			accept(t, f, tenant.AccessToken().Sign())
		}
		before := f.asked()
		f.attack(t)
		// A wrong signature causes a fetch of the keys of a tenant in use, once in MinRefetch (10 s).
		if got := f.asked() - before; got > 2*30+3*100 {
			t.Errorf("%d requests to issuers, want at most 2 for each of the 30 other tenants and 3 for each of 100", got)
		}
		f.fail(true)
		for i, tenant := range f.tenants[:100] {
			if _, err := f.Verify(t.Context(), tenant.AccessToken().Sign()); err != nil {
				t.Fatalf("tenant %d was evicted: %v", i, err)
			}
		}
	})
}

// The time of the last fetch outlives the Consumer, so a tenant that was evicted is not fetched again and again.
func TestCaseX5_FetchesAreBoundedBeforeAnyTenantHasVerifiedAToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 130)
		f.attack(t)
		if got := f.asked(); got > 2*130 {
			t.Errorf("%d requests to issuers in 30 s, want at most 2 for each of 130 tenants", got)
		}
		time.Sleep(30 * time.Second)
		for i, tenant := range f.tenants[:100] {
			if _, err := f.Verify(t.Context(), tenant.AccessToken().Sign()); err != nil {
				t.Fatalf("tenant %d: %v", i, err)
			}
		}
	})
}

// An attacker who can have more tenants than fit cannot keep a tenant out whose tokens are in use: cached tokens count as
// use, too.
func TestCaseX5_CachedTokensKeepATenant(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 300)
		first := f.tenants[0].AccessToken().Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
		token := accept(t, f, first)
		for _, tenant := range f.tenants[1:] { // each one verifies a token, and so may evict others
			accept(t, f, tenant.AccessToken().Sign())
			if accept(t, f, first) != token {
				t.Fatal("the tenant in use was evicted")
			}
		}
	})
}

// Forget reaches a Consumer that was evicted while it verified a token.
func TestCaseX5_ForgetDuringAResolution(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := newTenant("https://a.test"), newTenant("https://b.test")
		n := newNetwork(a, b)
		resolved := 0
		g := newGroup(t, consumer.GroupConfig{
			MaxResolved: 1,
			Resolve: func(_ context.Context, issuer string) (*consumer.Consumer, error) {
				resolved++
				return consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}, HTTPClient: n.client()})
			},
		})
		n.delay(time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			accept(t, g, a.AccessToken().Sign())
		}()
		synctest.Wait()
		go func() { _, _ = g.Verify(t.Context(), b.AccessToken().EditSignature(flipped).Sign()) }()
		synctest.Wait() // b has evicted a, whose keys are on their way
		g.Forget(a.URL())
		<-done
		before := resolved
		accept(t, g, a.AccessToken().Sign())
		if resolved == before {
			t.Error("a Consumer was used after Forget")
		}
	})
}

// The lifetime of a cached token ends with its exp by either clock, however the wall clock is set.
func TestCaseX11_NoJumpExtendsACachedToken(t *testing.T) { //nolint:paralleltest // the wall clock is shifted
	for name, test := range map[string]struct {
		jump, wait time.Duration
		want       consumer.Reason
	}{
		"machine slept":      {72 * time.Hour, 0, consumer.ReasonExpired},
		"clock set back":     {-time.Hour, 6 * time.Minute, consumer.ReasonExpired}, // nbf is not set, and iat is an hour ago
		"nothing happened":   {0, 6 * time.Minute, consumer.ReasonExpired},
		"set back, in time":  {-time.Hour, time.Minute, ""},
		"set forward a bit":  {time.Minute, time.Minute, ""},
		"set forward enough": {4 * time.Minute, 2 * time.Minute, consumer.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				c := newConsumer(t, offline(t, issuer))
				g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
				raw := issuer.AccessToken().Set("iat", time.Now().Add(-2*time.Hour).Unix()).Sign() // ends in 5 minutes
				accept(t, c, raw)
				accept(t, g, raw)
				clock.ShiftWall(t, test.jump)
				time.Sleep(test.wait)
				for _, v := range []consumer.Verifier{c, g} {
					if test.want == "" {
						accept(t, v, raw)
						continue
					}
					reject(t, v, raw, test.want)
				}
			})
		})
	}
}

// After the wall clock was set back, a cached token can be from the future again, like a new one.
func TestCaseX11_CachedTokenFromTheFuture(t *testing.T) { //nolint:paralleltest // the wall clock is shifted
	for claim, want := range map[string]consumer.Reason{"nbf": consumer.ReasonNotYetValid, "iat": consumer.ReasonIssuedInFuture} {
		t.Run(claim, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer()
				c := newConsumer(t, offline(t, issuer))
				now := time.Now()
				raw := issuer.AccessToken().Set("iat", now.Add(-2*time.Hour).Unix()).Set("exp", now.Add(2*time.Hour).Unix()).Set(claim, now.Unix()).Sign()
				accept(t, c, raw)
				clock.ShiftWall(t, -time.Hour)
				reject(t, c, raw, want)
			})
		})
	}
}

func TestCaseX11_NoJumpExtendsAStatusResult(t *testing.T) { //nolint:paralleltest // the wall clock is shifted
	for name, test := range map[string]struct {
		jump, wait time.Duration
	}{
		"machine slept":  {72 * time.Hour, 0},
		"clock set back": {-72 * time.Hour, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				issuer, status := newIssuer(), &answers{active: true}
				cfg := offline(t, issuer)
				cfg.Status, cfg.StatusTTL = status, time.Minute
				c := newConsumer(t, cfg)
				raw := issuer.AccessToken().Set("iat", 1).Set("exp", time.Now().Add(100*time.Hour).Unix()).Sign()
				accept(t, c, raw)
				status.set(false, nil)
				accept(t, c, raw) // still cached
				clock.ShiftWall(t, test.jump)
				time.Sleep(test.wait)
				reject(t, c, raw, consumer.ReasonRevoked)
			})
		})
	}
}

// A process that starts during an outage rejects what cannot become good, and requests no keys for it.
func TestCaseX17_ColdStartDuringAnOutage(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for name, test := range map[string]struct {
		token *bearertest.Token
		want  consumer.Reason
	}{
		"good":             {issuer.AccessToken(), consumer.ReasonKeysUnavailable},
		"forged":           {issuer.AccessToken().EditSignature(flipped), consumer.ReasonKeysUnavailable},
		"expired":          {issuer.AccessToken().Set("exp", 1), consumer.ReasonExpired},
		"forged, expired":  {issuer.AccessToken().Set("exp", 1).EditSignature(flipped), consumer.ReasonExpired},
		"without exp":      {issuer.AccessToken().Set("exp", bearertest.Absent), consumer.ReasonClaims},
		"another audience": {issuer.AccessToken().Set("aud", "https://other.test"), consumer.ReasonAudience},
		"ID token":         {issuer.AccessToken().Set("nonce", "n"), consumer.ReasonType},
		"refresh token":    {issuer.AccessToken().Set("token_use", "refresh"), consumer.ReasonType},
		"another typ":      {issuer.AccessToken().SetHeader("typ", "logout+jwt"), consumer.ReasonType},
		"another client":   {issuer.AccessToken().Set("client_id", "other"), consumer.ReasonClaims},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork()
			n.fail(true)
			checked := false
			cfg := consumer.Config{
				Issuer: issuerURL, Audience: []string{audience}, ClientIDs: []string{"client"}, HTTPClient: n.client(),
				Check: func(context.Context, *consumer.Token) error { checked = true; return nil },
			}
			g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}})
			raw := test.token.Sign()
			for _, v := range []consumer.Verifier{newConsumer(t, cfg), g} {
				reject(t, v, raw, test.want)
			}
			if early := test.want != consumer.ReasonKeysUnavailable; early && n.asked() != 0 {
				t.Errorf("%d requests for keys", n.asked())
			}
			if checked {
				t.Error("Config.Check was called with a token that was not verified")
			}
		})
	}
}

// A request waits for metadata and for keys, but not for each of them for as long as for both.
func TestCaseX18_ColdRequestWaitsThreeSecondsAtMost(t *testing.T) {
	t.Parallel()
	for slow, want := range map[time.Duration]time.Duration{
		time.Second:             2 * time.Second,
		1400 * time.Millisecond: 2800 * time.Millisecond,
		2 * time.Second:         3 * time.Second,
		2900 * time.Millisecond: 3 * time.Second,
		time.Hour:               3 * time.Second,
	} {
		for _, kid := range []string{"", "unknown"} {
			synctest.Test(t, func(t *testing.T) {
				issuer := newTenant("https://a.test")
				n := newNetwork(issuer)
				n.delay(slow)
				c := newConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: n.client()})
				token := issuer.AccessToken()
				if kid != "" {
					token.SetHeader("kid", kid)
				}
				began := time.Now()
				_, err := c.Verify(t.Context(), token.Sign())
				waited := time.Since(began)
				if kid != "" && waited < 3*time.Second {
					waited = want // the unknown kid causes one more fetch, within the limit
				}
				if waited != want {
					t.Errorf("kid %q, responses after %v: waited %v (%v), want %v", kid, slow, waited, err, want)
				}
				time.Sleep(time.Minute)
			})
		}
	}
}

// These are implementations whose nil value is not a pointer.
type (
	keyFunc    func(kid string) ([]jwks.Key, error)
	keyMap     map[string][]jwks.Key
	statusFunc func() bool
	opaqueFunc func() (*consumer.Token, error)
)

func (f keyFunc) Keys(_ context.Context, kid, _ string) ([]jwks.Key, error) { return f(kid) }

func (m keyMap) Keys(_ context.Context, kid, _ string) ([]jwks.Key, error) { return m[kid], nil }

func (f opaqueFunc) Verify(context.Context, string) (*consumer.Token, error) { return f() }

func (f statusFunc) Active(context.Context, consumer.StatusToken) (bool, error) { return f(), nil }

// An interface that contains a nil value is not nil, and would panic at the first request. A zero Consumer would reject
// every token.
func TestCaseX20_NilValuesAreRejected(t *testing.T) {
	t.Parallel()
	for _, keys := range []jwks.Source{
		(*jwks.Remote)(nil), (*jwks.FileSource)(nil), jwks.Static(nil), keyFunc(nil), keyMap(nil),
	} {
		cfg := offline(t, newIssuer())
		cfg.Keys = keys
		if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.Keys") {
			t.Errorf("Keys %T: error %v", keys, err)
		}
	}
	for _, status := range []consumer.TokenStatus{(*answers)(nil), statusFunc(nil)} {
		cfg := offline(t, newIssuer())
		cfg.Status = status
		if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.Status") {
			t.Errorf("Status %T: error %v", status, err)
		}
	}
	good := newConsumer(t, offline(t, newIssuer()))
	for _, opaque := range []consumer.Verifier{(*consumer.Consumer)(nil), opaqueFunc(nil)} {
		cfg := consumer.GroupConfig{Consumers: []*consumer.Consumer{good}, Opaque: opaque}
		if _, err := consumer.NewGroup(cfg); err == nil || !strings.Contains(err.Error(), "GroupConfig.Opaque") {
			t.Errorf("Opaque %T: error %v", opaque, err)
		}
	}
	for _, zero := range []*consumer.Consumer{nil, {}} {
		cfg := consumer.GroupConfig{Consumers: []*consumer.Consumer{good, zero}}
		if _, err := consumer.NewGroup(cfg); err == nil || !strings.Contains(err.Error(), "GroupConfig.Consumers[1]") {
			t.Errorf("Consumers %v: error %v", zero, err)
		}
	}
}
