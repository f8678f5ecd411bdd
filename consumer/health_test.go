package consumer_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

func TestK21_Health(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		cfg := online(issuer)
		cfg.HTTPClient, cfg.CacheSize = n.client(), 1
		c := newConsumer(t, cfg)
		if h := c.Health(); h.Ready || h.Issuer != issuerURL || h.Keys.Keys != 0 || n.asked() != 0 {
			t.Errorf("before the first request: %+v after %d requests", h, n.asked())
		}

		n.fail(true)
		reject(t, c, issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if h := c.Health(); h.Ready || h.Metadata.ConsecutiveFailures != 1 || h.Metadata.LastError == nil {
			t.Errorf("while the issuer is down: %+v", h)
		}

		n.fail(false)
		time.Sleep(time.Minute)
		accept(t, c, issuer.AccessToken().Sign())
		accept(t, c, issuer.AccessToken().Set("jti", "other").Sign())
		h := c.Health()
		if !h.Ready || h.Keys.Keys != 1 || h.Metadata.LastError != nil || h.Metadata.LastSuccess.IsZero() {
			t.Errorf("with keys: %+v", h)
		}
		if want := (consumer.CacheHealth{Size: 1, Entries: 1, Evictions: 1}); h.Cache != want {
			t.Errorf("cached %+v, want %+v", h.Cache, want)
		}

		n.fail(true)
		time.Sleep(24*time.Hour + time.Second)
		if h := c.Health(); h.Ready || h.Keys.Keys != 0 || h.Keys.Age < 24*time.Hour {
			t.Errorf("past StaleFor: %+v", h)
		}
	})
}

func TestGroupHealth(t *testing.T) {
	t.Parallel()
	issuer, other := newIssuer(), newIssuer()
	cfg := offline(t, other)
	cfg.Issuer = "https://a.example" // before the other
	cold := newConsumer(t, online(issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{cold, newConsumer(t, cfg)}})
	h := g.Health()
	if h.Ready || len(h.Members) != 2 || h.Members[0].Issuer != "https://a.example" || !h.Members[0].Ready || h.Members[1].Ready {
		t.Errorf("one of two is ready: %+v", h)
	}
	if err := cold.Warm(t.Context()); err != nil {
		t.Fatal(err)
	}
	accept(t, g, issuer.AccessToken().Sign())
	if h := g.Health(); !h.Ready || h.Cache.Entries != 1 {
		t.Errorf("both are ready: %+v", h)
	}
}
