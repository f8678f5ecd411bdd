package consumer_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// named returns a match for tokens with the given jti.
func named(jti string) func(consumer.StatusToken) bool {
	return func(token consumer.StatusToken) bool { return token.ID() == jti }
}

// dropper is what Consumer and Group have in common here.
type dropper interface {
	consumer.Verifier
	Drop(match func(consumer.StatusToken) bool) int
}

// droppers returns a Consumer with cfg, and Groups that use it in different ways. Results of Config.Status are cached for an hour.
func droppers(t *testing.T, cfg consumer.Config) map[string]dropper {
	t.Helper()
	second := cfg
	second.Audience = []string{"https://other.test"}
	return map[string]dropper{
		"Consumer": newConsumer(t, cfg),
		"Group":    newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}}),
		"Group with two policies": newGroup(t, consumer.GroupConfig{
			Consumers: []*consumer.Consumer{newConsumer(t, second), newConsumer(t, cfg)},
		}),
		"Group with Resolve": newGroup(t, consumer.GroupConfig{
			Resolve: func(context.Context, string) (*consumer.Consumer, error) { return consumer.New(cfg) },
		}),
	}
}

func TestDrop_DroppedTokensAreCheckedAgain(t *testing.T) {
	t.Parallel()
	issuer, status := newIssuer(), &answers{active: true}
	var checks atomic.Int32
	cfg := offline(t, issuer)
	cfg.Status, cfg.StatusTTL = status, time.Hour
	cfg.Check = func(context.Context, *consumer.Token) error { checks.Add(1); return nil }
	a, b := issuer.AccessToken().Set("jti", "a").Sign(), issuer.AccessToken().Set("jti", "b").Sign()
	for name, v := range droppers(t, cfg) {
		t.Run(name, func(t *testing.T) {
			status.set(true, nil)
			accept(t, v, a)
			accept(t, v, b)
			status.set(false, nil)
			before, checked := status.count(), checks.Load()
			accept(t, v, a) // cached
			if removed := v.Drop(named("c")); removed != 0 {
				t.Errorf("Drop of a token that is not cached = %d, want 0", removed)
			}
			accept(t, v, a)
			if got := status.count() - before; got != 0 {
				t.Errorf("Status was called %d times for cached results", got)
			}
			if removed := v.Drop(named("a")); removed != 2 {
				t.Errorf("Drop = %d, want 2: the token and its result", removed)
			}
			reject(t, v, a, consumer.ReasonRevoked)
			accept(t, v, b) // still cached
			if got := checks.Load() - checked; got != 1 {
				t.Errorf("Check was called %d times after Drop, want 1", got)
			}
			if removed := v.Drop(nil); removed < 2 {
				t.Errorf("Drop(nil) = %d, want at least the token b and its result", removed)
			}
			reject(t, v, b, consumer.ReasonRevoked)
		})
	}
}

// hookStatus calls during while Active runs.
type hookStatus struct{ during func() }

func (h hookStatus) Active(context.Context, consumer.StatusToken) (bool, error) {
	h.during()
	return true, nil
}

// A request that called Status before a token was revoked must not cache the result after the drop.
func TestDrop_ResultsOfRunningRequestsAreNotCached(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	raw := issuer.AccessToken().Sign()
	for _, drops := range []bool{true, false} {
		t.Run(fmt.Sprint("drops ", drops), func(t *testing.T) {
			t.Parallel()
			var c *consumer.Consumer
			calls := 0
			cfg := offline(t, issuer)
			cfg.StatusTTL = time.Hour
			cfg.Status = hookStatus{func() {
				if calls++; calls == 1 && drops {
					c.Drop(nil)
				}
			}}
			c = newConsumer(t, cfg)
			first := accept(t, c, raw)
			second := accept(t, c, raw)
			if want := map[bool]int{true: 2, false: 1}[drops]; calls != want {
				t.Errorf("Status was called %d times, want %d", calls, want)
			}
			if (first == second) == drops {
				t.Errorf("the token of the running request is cached: %v, want %v", first == second, !drops)
			}
		})
	}
}

// The result of such a request does not enter the cache for a moment either, where another request could find it. So it
// evicts no other token.
func TestDrop_ResultsOfRunningRequestsEvictNothing(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	a, b := issuer.AccessToken().Set("jti", "a").Sign(), issuer.AccessToken().Set("jti", "b").Sign()
	var c *consumer.Consumer
	checks := make(map[string]int)
	cfg := offline(t, issuer)
	cfg.CacheSize = 1
	cfg.Check = func(_ context.Context, token *consumer.Token) error {
		if checks[token.ID()]++; token.ID() == "a" {
			c.Drop(named("a"))
			accept(t, c, b)
		}
		return nil
	}
	c = newConsumer(t, cfg)
	accept(t, c, a)
	accept(t, c, b)
	if checks["b"] != 1 {
		t.Errorf("Check was called %d times for the cached token, want 1", checks["b"])
	}
}

// An opaque Verifier with a cache of its own.
type droppingVerifier struct{ dropped *int }

func (droppingVerifier) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, errStore
}

func (d droppingVerifier) Drop(match func(consumer.StatusToken) bool) int {
	if match != nil {
		*d.dropped++
	}
	return 7
}

func TestDrop_DropReachesOpaque(t *testing.T) {
	t.Parallel()
	dropped := 0
	c := newConsumer(t, offline(t, newIssuer()))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}, Opaque: droppingVerifier{&dropped}})
	if removed := g.Drop(nil); removed != 7 || dropped != 1 {
		t.Errorf("Drop = %d with %d calls of Opaque.Drop, want 7 and 1", removed, dropped)
	}
	g = newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}, Opaque: opaqueFunc(func() (*consumer.Token, error) { return nil, errStore })})
	if removed := g.Drop(nil); removed != 0 {
		t.Errorf("Drop = %d, want 0", removed)
	}
}

func TestDrop_WithoutCaches(t *testing.T) {
	t.Parallel()
	cfg := offline(t, newIssuer())
	cfg.CacheSize = -1
	if removed := newConsumer(t, cfg).Drop(nil); removed != 0 {
		t.Errorf("Drop = %d, want 0", removed)
	}
}
