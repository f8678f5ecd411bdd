package consumer_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// switchable is a Source whose keys can be exchanged.
type switchable struct {
	mu     sync.Mutex // guards source
	source jwks.Source
}

func (s *switchable) set(source jwks.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.source = source
}

func (s *switchable) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.source.Keys(ctx, kid, alg)
}

// A cached token is trusted no more than a new one: what rejects a new token also rejects a cached one.
func TestAttack33_Attack45_CachedTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		keys func(t *testing.T) jwks.Source
		want consumer.Reason
	}{
		{"key removed", func(t *testing.T) jwks.Source {
			t.Helper()
			other := newIssuer()
			other.Rotate()
			other.Retire()
			return publishedKeys(t, other)
		}, consumer.ReasonUnknownKey},
		{"another key under the same kid", func(t *testing.T) jwks.Source {
			t.Helper()
			return publishedKeys(t, newIssuer())
		}, consumer.ReasonSignature},
		{"the kid is of another algorithm now", func(t *testing.T) jwks.Source {
			t.Helper()
			_, public := newIssuer("EdDSA").Key("EdDSA")
			return jwks.Static{{ID: "es256-1", Algorithm: "EdDSA", Public: public}}
		}, consumer.ReasonAlgorithm},
		{"keys too old", func(*testing.T) jwks.Source {
			return fixedSource{err: jwks.ErrUnavailable}
		}, consumer.ReasonKeysUnavailable},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer()
			keys := &switchable{source: publishedKeys(t, issuer)}
			c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
			member := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
			g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{member}})
			raw := issuer.AccessToken().Sign()
			for _, v := range []consumer.Verifier{c, g} {
				if !remembers(t, v, raw) {
					t.Fatal("the token was not cached")
				}
			}
			keys.set(test.keys(t))
			for range 2 {
				reject(t, c, raw, test.want)
				reject(t, g, raw, test.want)
			}
			keys.set(publishedKeys(t, issuer))
			accept(t, c, raw)
			accept(t, g, raw)
		})
	}
}

// The issuer's rotation reaches cached tokens through discovery and the fetched set, too.
func TestAttack33_RotationEndsCachedTokens(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		c := newConsumer(t, online(issuer))
		old := issuer.AccessToken().Set("exp", time.Now().Add(time.Hour).Unix()).Sign()
		accept(t, c, old)
		issuer.Rotate()
		time.Sleep(time.Minute)
		accept(t, c, issuer.AccessToken().Sign()) // its kid is unknown, so the set is fetched
		accept(t, c, old)                         // whose key is still published
		issuer.Rotate()
		issuer.Retire()
		time.Sleep(time.Minute)
		accept(t, c, issuer.AccessToken().Sign())
		reject(t, c, old, consumer.ReasonUnknownKey)
	})
}

func TestAttack45_CachedTokenEndsWithExp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		var told journal
		cfg := offline(t, issuer)
		cfg.OnVerify = told.write
		c := newConsumer(t, cfg)
		raw := issuer.AccessToken().Sign()
		first := accept(t, c, raw)
		if told.last(t).Cached {
			t.Error("a new token was reported as cached")
		}
		time.Sleep(time.Minute)
		if accept(t, c, raw) != first || !told.last(t).Cached {
			t.Errorf("the token was not cached: %+v", told.last(t))
		}
		if got := time.Since(first.VerifiedAt()); got != time.Minute {
			t.Errorf("verified %v ago, want a minute", got)
		}
		time.Sleep(4*time.Minute + 10*time.Second)
		reject(t, c, raw, consumer.ReasonExpired)
		if last := told.last(t); last.Cached || last.Reason != consumer.ReasonExpired {
			t.Errorf("reported %+v", last)
		}
	})
}

// answers is a TokenStatus that returns a fixed result and counts its calls.
type answers struct {
	mu     sync.Mutex // guards what follows
	active bool
	err    error
	asked  []consumer.StatusToken
}

func (a *answers) set(active bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.active, a.err = active, err
}

func (a *answers) Active(_ context.Context, token consumer.StatusToken) (bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked = append(a.asked, token)
	return a.active, a.err
}

var errStore = errors.New("store is down")

func TestAttack45_StatusIsCalledOnEveryRequest(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	status := &answers{active: true}
	cfg := offline(t, issuer)
	cfg.Status = status
	c := newConsumer(t, cfg)
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}})
	raw := issuer.AccessToken().Set("jti", "id-1").Sign()
	for _, v := range []consumer.Verifier{c, g} {
		status.set(true, nil)
		accept(t, v, raw)
		accept(t, v, raw)
		status.set(false, nil)
		reject(t, v, raw, consumer.ReasonRevoked)
		reject(t, v, issuer.AccessToken().Sign(), consumer.ReasonRevoked)
		for _, active := range []bool{false, true} { // an error is never a yes
			status.set(active, errStore)
			e := reject(t, v, raw, consumer.ReasonStatusUnavailable)
			if !errors.Is(e, errStore) {
				t.Errorf("error %v does not wrap that of the store", e)
			}
			reject(t, v, issuer.AccessToken().Sign(), consumer.ReasonStatusUnavailable)
		}
		for _, err := range []error{consumer.ErrInvalidToken, &consumer.Error{Reason: consumer.ReasonSignature}} {
			status.set(true, err)
			reject(t, v, raw, consumer.ReasonStatusUnavailable) // also for an error of the class ErrInvalidToken
		}
		status.set(true, nil)
		accept(t, v, raw)
	}
	asked := status.asked[0]
	iss, _ := asked.Claim("iss")
	if asked.ID() != "id-1" || asked.Issuer() != issuerURL || asked.Subject() != "alice" || iss != issuerURL ||
		asked.IssuedAt().IsZero() || asked.Expiry().IsZero() {
		t.Errorf("Active was called with %v", asked)
	}
	before := len(status.asked)
	for _, spoil := range []edit{signature(flipped), claim("exp", 1), claim("aud", "other"), claim("nonce", "n")} {
		if _, err := c.Verify(t.Context(), spoil(issuer.AccessToken()).Sign()); err == nil {
			t.Error("a bad token is accepted")
		}
	}
	if len(status.asked) != before {
		t.Error("Status was called for an invalid token")
	}
}

func TestCacheSize(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for size, remembered := range map[int]bool{0: true, 1: true, 2000: true, -1: false} {
		cfg := offline(t, issuer)
		cfg.CacheSize = size
		c := newConsumer(t, cfg)
		raw := issuer.AccessToken().Sign()
		if remembers(t, c, raw) != remembered {
			t.Errorf("size %d: want cached %v", size, remembered)
		}
	}
	cfg := offline(t, issuer)
	cfg.CacheSize = 2
	c := newConsumer(t, cfg)
	raws := []string{issuer.AccessToken().Sign(), issuer.AccessToken().Sign(), issuer.AccessToken().Sign()}
	first, second := accept(t, c, raws[0]), accept(t, c, raws[1])
	if accept(t, c, raws[0]) != first {
		t.Error("two tokens do not fit into a cache of two")
	}
	accept(t, c, raws[2])
	if accept(t, c, raws[0]) != first {
		t.Error("the token used last was evicted")
	}
	if accept(t, c, raws[1]) == second {
		t.Error("three tokens fit into a cache of two")
	}
}

// Rejections are not cached, so forged tokens evict nothing.
func TestAttack45_ForgedTokensAreNotCached(t *testing.T) {
	t.Parallel()
	a := theArena()
	cfg := offline(t, a.issuer)
	cfg.CacheSize = 1
	c := newConsumer(t, cfg)
	raw := a.issuer.AccessToken().Sign()
	first := accept(t, c, raw)
	for _, row := range a.attacks() {
		if _, err := c.Verify(t.Context(), a.token(row)); err == nil {
			t.Errorf("%s is accepted", row.name)
		}
	}
	if accept(t, c, raw) != first {
		t.Error("a rejected token has evicted a good one")
	}
}

// A token that one API accepts is not accepted by another API in the same process and of the same issuer.
func TestX1_Attack45_CachesAreNotShared(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	a := newConsumer(t, cfg)
	cfg.Audience = []string{"https://other.test"}
	b := newConsumer(t, cfg)
	cfg.Audience, cfg.Algorithms = []string{audience}, []string{"RS256"}
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Sign()
	accept(t, a, raw)
	reject(t, b, raw, consumer.ReasonAudience)
	reject(t, c, raw, consumer.ReasonAlgorithm)
}

// A cached token is found only if every one of its bytes is equal.
func TestAttack10_Attack45_TokenThatDiffersFromACachedOne(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	raw := issuer.AccessToken().Sign()
	accept(t, c, raw)
	for i := range len(raw) {
		changed := []byte(raw)
		changed[i] ^= 1
		if token, err := c.Verify(t.Context(), string(changed)); err == nil || token != nil {
			t.Errorf("accepted with another byte at %d", i)
		}
	}
	for i := range len(raw) {
		if token, err := c.Verify(t.Context(), raw[:i]); err == nil || token != nil {
			t.Errorf("accepted when cut at %d", i)
		}
	}
	accept(t, c, raw)
}

// If a Consumer leaves the Group, its cached tokens are dropped.
func TestAttack45_GroupForgetsTokensWithTheirConsumer(t *testing.T) {
	t.Parallel()
	tenants := newTenants(t, "https://a.test", "https://b.test")
	g := newGroup(t, consumer.GroupConfig{Resolve: tenants.resolve, MaxResolved: 1})
	raw := tenants.issuers["https://a.test"].AccessToken().Sign()
	first := accept(t, g, raw)
	if accept(t, g, raw) != first || tenants.resolved() != 1 {
		t.Fatalf("the token was not cached; %d resolutions", tenants.resolved())
	}
	accept(t, g, tenants.issuers["https://b.test"].AccessToken().Sign())
	if accept(t, g, raw) == first {
		t.Error("a cached token was accepted after its Consumer was evicted")
	}
	tenants.close("https://a.test")
	accept(t, g, tenants.issuers["https://b.test"].AccessToken().Sign())
	reject(t, g, raw, consumer.ReasonIssuer)
}
