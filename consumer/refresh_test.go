package consumer_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// After Refresh, the tokens of a withdrawn key are rejected at once.
func TestK11_Attack33_RefreshRevokesRemovedKeysAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		c := newConsumer(t, online(issuer))
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
		old := issuer.AccessToken().Sign()
		accept(t, c, old)
		accept(t, g, old)
		issuer.Rotate()
		issuer.Retire()
		accept(t, c, old) // the Consumer has not fetched the new keys yet
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		reject(t, c, old, consumer.ReasonUnknownKey)
		reject(t, g, old, consumer.ReasonUnknownKey)
		accept(t, c, issuer.AccessToken().Sign())
	})
}

func TestRefreshFollowsAChangedJWKSURI(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer, elsewhere := newIssuer(), newTenant("https://keys.test")
		n := newNetwork(issuer, elsewhere)
		c := through(t, n, issuer)
		accept(t, c, issuer.AccessToken().Sign())
		n.connect(issuerURL, bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuerURL, Metadata: map[string]any{"jwks_uri": "https://keys.test/jwks"},
		}))
		if err := c.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		accept(t, c, elsewhere.AccessToken().Set("iss", issuerURL).Sign())
		reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonSignature)
	})
}

// A refresh that fails takes nothing away.
func TestK10_FailedRefresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		c := through(t, n, issuer)
		raw := issuer.AccessToken().Sign()
		accept(t, c, raw)
		n.fail(true)
		wantError(t, nil, c.Refresh(t.Context()), "", consumer.ReasonKeysUnavailable)
		accept(t, c, raw)
		n.fail(false)
		if err := c.Refresh(t.Context()); err != nil {
			t.Errorf("Refresh waited for the backoff: %v", err)
		}
		issuer.SetJWKS([]byte(`{"keys":[]}`))
		wantError(t, nil, c.Refresh(t.Context()), "", consumer.ReasonKeysUnavailable)
		accept(t, c, raw)

		before := n.asked()
		static := newConsumer(t, offline(t, newIssuer()))
		if err := static.Refresh(t.Context()); err != nil || n.asked() != before {
			t.Errorf("given keys: %v", err)
		}
		time.Sleep(time.Minute)
	})
}

// A Consumer rejects metadata without a usable jwks_uri.
func TestD3_MetadataWithoutKeys(t *testing.T) {
	t.Parallel()
	for _, place := range []any{"", nil, 1, "http://issuer.test/jwks", "/jwks", "https://issuer.test/jwks#keys"} {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: issuerURL, Algorithms: []string{"ES256"}, Metadata: map[string]any{"jwks_uri": place},
		})
		c := newConsumer(t, online(issuer))
		reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if err := c.Warm(t.Context()); !errors.Is(err, consumer.ErrUnavailable) {
			t.Errorf("jwks_uri %v: ready, %v", place, err)
		}
		if asked := issuer.Requests()["/jwks"]; asked != 0 {
			t.Errorf("jwks_uri %v: keys were fetched", place)
		}
	}
}

// A result of Resolve can be dropped before it expires.
func TestAttack45_GroupForget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known := newIssuer()
		all := newTenants(t, "https://a.test", "https://b.test")
		g := newGroup(t, consumer.GroupConfig{
			Consumers: []*consumer.Consumer{newConsumer(t, offline(t, known))}, Resolve: all.resolve,
		})
		ofA := all.issuers["https://a.test"].AccessToken().Sign()
		ofB := all.issuers["https://b.test"].AccessToken().Sign()
		ofKnown := known.AccessToken().Sign()
		accept(t, g, ofA)
		accept(t, g, ofKnown)
		b := all.consumers["https://b.test"]
		all.close("https://a.test")
		all.close("https://b.test")
		accept(t, g, ofA) // its Consumer is cached
		reject(t, g, ofB, consumer.ReasonIssuer)
		all.open(b)
		reject(t, g, ofB, consumer.ReasonIssuer) // the denial is cached

		for _, issuer := range []string{"https://a.test", "https://b.test", issuerURL, "https://unheard-of.test"} {
			g.Forget(issuer)
		}
		reject(t, g, ofA, consumer.ReasonIssuer)
		accept(t, g, ofB)
		accept(t, g, ofKnown)

		alone := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, known))}})
		alone.Forget(issuerURL)
		accept(t, alone, ofKnown)
	})
}

// A result of Resolve from before a call of Forget is used only for requests from before that call.
func TestAttack45_ForgetDuringAResolution(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := newTenants(t, "https://a.test")
		raw := all.issuers["https://a.test"].AccessToken().Sign()
		g := newGroup(t, consumer.GroupConfig{
			Resolve: func(ctx context.Context, issuer string) (*consumer.Consumer, error) {
				c, err := all.resolve(ctx, issuer)
				time.Sleep(time.Second)
				return c, err
			},
		})
		asked := make(chan error)
		go func() {
			_, err := g.Verify(t.Context(), raw)
			asked <- err
		}()
		synctest.Wait() // for Resolve to have seen the tenant
		all.close("https://a.test")
		g.Forget("https://a.test")
		reject(t, g, raw, consumer.ReasonIssuer)
		if err := <-asked; err != nil {
			t.Errorf("the call that began before Forget: %v", err)
		}
		reject(t, g, raw, consumer.ReasonIssuer)
	})
}
