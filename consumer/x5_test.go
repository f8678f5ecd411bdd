package consumer_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// estate has a Group whose Resolve accepts any tenant. All tenants sign with one secret, because verifying is then cheap.
type estate struct {
	*consumer.Group
	signer *bearertest.Issuer

	mu       sync.Mutex
	resolved map[string]int // calls of Resolve by issuer
}

func newEstate(t *testing.T, cfg consumer.GroupConfig) *estate {
	t.Helper()
	e := &estate{signer: newIssuer("HS256"), resolved: make(map[string]int)}
	secret, ok := second(e.signer.Key("HS256")).([]byte)
	if !ok {
		t.Fatal("the key of HS256 is not a secret")
	}
	keys, err := jwks.Secret(secret, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Resolve = func(_ context.Context, issuer string) (*consumer.Consumer, error) {
		e.mu.Lock()
		e.resolved[issuer]++
		e.mu.Unlock()
		if !strings.HasPrefix(issuer, "https://tenant-") {
			return nil, errUnknownTenant
		}
		return consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}, Keys: keys})
	}
	e.Group = newGroup(t, cfg)
	return e
}

func second[A, B any](_ A, b B) B { return b }

func tenantURL(n int) string { return fmt.Sprintf("https://tenant-%05d.test", n) }

// token returns a token of tenant n, whose kid the secret does not have.
func (e *estate) token(n int) *bearertest.Token {
	return lasting(e.signer).Set("iss", tenantURL(n)).SetHeader("kid", bearertest.Absent)
}

// No forged token evicts an issuer in use, or a cached token of it, however many issuers the forged tokens name. The Group is
// full: each further issuer that verifies a token would replace one.
func TestX5_ForgedTokensEvictNothing(t *testing.T) {
	t.Parallel()
	for _, tenants := range []int{3, 10_000} {
		t.Run(fmt.Sprint(tenants, " issuers"), func(t *testing.T) {
			t.Parallel()
			e := newEstate(t, consumer.GroupConfig{MaxResolved: tenants, CacheSize: 4 * tenants})
			raws, tokens := make([]string, tenants), make([]*consumer.Token, tenants)
			for n := range tenants {
				raws[n] = e.token(n).Sign()
				tokens[n] = accept(t, e, raws[n])
			}
			forged := e.token(0).EditSignature(flipped)
			for n := range 2 * tenants { // half of them are in use, the others are not, but Resolve accepts them
				if token, err := e.Verify(t.Context(), forged.Set("iss", tenantURL(n)).Sign()); token != nil || err == nil {
					t.Fatal("a forged token was accepted")
				}
			}
			for n := range tenants { // Resolve rejects these
				if token, err := e.Verify(t.Context(), forged.Set("iss", fmt.Sprint("https://evil-", n, ".test")).Sign()); token != nil || err == nil {
					t.Fatal("a forged token was accepted")
				}
			}
			again := 0
			for n := range tenants {
				if accept(t, e, raws[n]) != tokens[n] {
					t.Fatalf("the cached token of tenant %d was evicted", n)
				}
				if n%10 == 0 {
					accept(t, e, e.token(n).Sign()) // not cached
				}
				if e.resolved[tenantURL(n)] != 1 {
					again++
				}
			}
			if again > 0 {
				t.Errorf("%d issuers in use were evicted", again)
			}
		})
	}
}

// A Consumer needs an audience, and each issuer of a Group has its own.
func TestX5_AudienceIsRestricted(t *testing.T) {
	t.Parallel()
	if _, err := consumer.New(consumer.Config{Issuer: issuerURL}); err == nil || !strings.Contains(err.Error(), "Config.Audience") {
		t.Errorf("without an audience: %v", err)
	}
	a, b := newTenant("https://a.test"), newTenant("https://b.test")
	forB := offline(t, b)
	forB.Audience = []string{"https://other.test"}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, a)), newConsumer(t, forB)}})
	accept(t, g, a.AccessToken().Sign())
	accept(t, g, b.AccessToken().Set("aud", "https://other.test").Sign())
	for _, aud := range []any{audience, []string{audience, "https://third.test"}, "https://other.test/", "HTTPS://OTHER.TEST", "", []string{}, bearertest.Absent} {
		if token, err := g.Verify(t.Context(), b.AccessToken().Set("aud", aud).Sign()); token != nil || err == nil {
			t.Errorf("aud %v of one issuer is accepted for the API of another", aud)
		}
	}
}
