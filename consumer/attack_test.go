package consumer_test

import (
	"errors"
	"slices"
	"sync"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// attack is a token that must be rejected: a valid access token after spoil, or raw.
type attack struct {
	name  string
	want  consumer.Reason
	early bool // rejected before keys are requested
	spoil edit
	raw   string
}

type edit func(token *bearertest.Token) *bearertest.Token

// arena has a trusted issuer, and an impostor with keys of its own under the same kids, whose tokens may name the issuer.
type arena struct {
	issuer, impostor *bearertest.Issuer
}

// theArena is shared, because it never changes and RSA keys take time to make.
var theArena = sync.OnceValue(func() *arena {
	return &arena{issuer: newIssuer(asymmetric...), impostor: newIssuer(asymmetric...)}
})

func (a *arena) token(row attack) string {
	if row.spoil == nil {
		return row.raw
	}
	return row.spoil(a.issuer.AccessToken()).Sign()
}

func (a *arena) attacks() []attack {
	return slices.Concat(algorithmAttacks(a), keyAttacks(a), formAttacks(), jsonAttacks(), claimAttacks(), kindAttacks())
}

func TestJ4_Attack48_EveryAttackIsRejectedWithoutAToken(t *testing.T) {
	t.Parallel()
	a := theArena()
	c := newConsumer(t, offline(t, a.issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, a.issuer))}})
	accept(t, c, a.issuer.AccessToken().Sign())
	accept(t, g, a.issuer.AccessToken().Sign())
	for _, row := range a.attacks() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			raw := a.token(row)
			if raw == "" && row.spoil != nil {
				t.Fatal("the token could not be made")
			}
			reject(t, c, raw, row.want)
			reject(t, c, raw, row.want) // the rejection does not depend on the cache
			reject(t, g, raw, row.want)
		})
	}
}

// Without keys, a token that can be rejected without them still gets 401, and nothing is fetched for it. All other tokens
// get 503.
func TestCaseX17_K22_Attack48_EveryAttackDuringAnOutage(t *testing.T) {
	t.Parallel()
	a := theArena()
	for _, row := range a.attacks() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			n := newNetwork()
			n.fail(true)
			c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, HTTPClient: n.client()})
			if !row.early {
				reject(t, c, a.token(row), consumer.ReasonKeysUnavailable)
				return
			}
			reject(t, c, a.token(row), row.want)
			if asked := n.asked(); asked != 0 {
				t.Errorf("%d requests for a token that no key is needed to reject", asked)
			}
		})
	}
}

// OnVerify reports attacks with the configured issuer and one of a few reasons, so metrics stay small.
func TestAttack44_ReasonsAreAClosedSet(t *testing.T) {
	t.Parallel()
	a := theArena()
	known := []consumer.Reason{
		consumer.ReasonMalformed, consumer.ReasonTooLarge, consumer.ReasonAlgorithm, consumer.ReasonCritical,
		consumer.ReasonType, consumer.ReasonIssuer, consumer.ReasonUnknownKey, consumer.ReasonSignature,
		consumer.ReasonClaims, consumer.ReasonAudience, consumer.ReasonExpired, consumer.ReasonNotYetValid,
		consumer.ReasonIssuedInFuture,
	}
	var told journal
	cfg := offline(t, a.issuer)
	cfg.OnVerify = told.write
	c := newConsumer(t, cfg)
	for _, row := range a.attacks() {
		_, err := c.Verify(t.Context(), a.token(row))
		var e *consumer.Error
		if !errors.As(err, &e) || e.Issuer != issuerURL {
			t.Errorf("%s: error %v is not by the configured issuer", row.name, err)
		}
	}
	if got, want := len(told.read()), len(a.attacks()); got != want {
		t.Fatalf("reported %d verifications, want %d", got, want)
	}
	for _, v := range told.read() {
		if !slices.Contains(known, v.Reason) || v.Issuer != issuerURL || v.Cached || v.Duration < 0 {
			t.Errorf("reported %+v", v)
		}
	}
}
