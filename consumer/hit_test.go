package consumer_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// stricter are policies that reject a token which another Consumer of the same process has cached.
var stricter = []struct {
	name   string
	change func(cfg *consumer.Config)
	want   consumer.Reason
}{
	{"audience", func(cfg *consumer.Config) { cfg.Audience = []string{"https://other.test"} }, consumer.ReasonAudience},
	{"algorithms", func(cfg *consumer.Config) { cfg.Algorithms = []string{"RS256"} }, consumer.ReasonAlgorithm},
	{"profile", func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileKeycloak }, consumer.ReasonType},
	{"token type", func(cfg *consumer.Config) { cfg.TokenType = "access" }, consumer.ReasonType},
	{"required claims", func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"roles"} }, consumer.ReasonClaims},
	{"clients", func(cfg *consumer.Config) { cfg.ClientIDs = []string{"another"} }, consumer.ReasonClaims},
	{"length", func(cfg *consumer.Config) { cfg.MaxTokenBytes = 64 }, consumer.ReasonTooLarge},
	{"no skew", func(cfg *consumer.Config) { cfg.ClockSkew = -1 }, consumer.ReasonExpired},
	{"check", func(cfg *consumer.Config) { cfg.Check = refuseAll }, consumer.ReasonClaims},
	{"status", func(cfg *consumer.Config) { cfg.Status = &answers{} }, consumer.ReasonRevoked},
	{"issuer", func(cfg *consumer.Config) { cfg.Issuer = "https://other.test" }, consumer.ReasonIssuer},
	{"no keys", func(cfg *consumer.Config) {
		cfg.Keys = fixedSource{err: jwks.ErrUnavailable}
	}, consumer.ReasonKeysUnavailable},
}

func refuseAll(context.Context, *consumer.Token) error { return errCheck }

// A policy is a Consumer, and what one Consumer caches no other gets to see: not a stricter one, not an equal one,
// and not the Group it is a member of.
func TestX1_Attack45_EveryPolicyVerifiesForItself(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	ended := time.Now().Add(-time.Minute).Unix() // within the skew
	raw := issuer.AccessToken().Set("exp", ended).Sign()
	cfg := offline(t, issuer)
	cfg.ClockSkew = 5 * time.Minute
	first := newConsumer(t, cfg)
	known := accept(t, first, raw)
	for _, row := range stricter {
		other := cfg
		row.change(&other)
		c := newConsumer(t, other)
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
		for range 2 {
			if reject(t, c, raw, row.want); row.name != "issuer" {
				reject(t, g, raw, row.want)
			}
		}
		if t.Failed() {
			t.Fatalf("case %s", row.name)
		}
	}
	equal := newConsumer(t, cfg)
	own := accept(t, equal, raw)
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{first}})
	h := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{first}})
	ofG, ofH := accept(t, g, raw), accept(t, h, raw)
	if own == known || ofG == known || ofH == known || ofG == own || ofH == own || ofG == ofH {
		t.Error("a cached token is shared")
	}
	for v, token := range map[consumer.Verifier]*consumer.Token{first: known, equal: own, g: ofG, h: ofH} {
		if accept(t, v, raw) != token {
			t.Error("a cached token was evicted")
		}
	}
}

// counting is a Source that counts its calls.
type counting struct {
	jwks.Source
	asked *atomic.Int64
}

func (s counting) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	s.asked.Add(1)
	return s.Source.Keys(ctx, kid, alg)
}

// obstacle stands in the way of a good token for a while.
type obstacle struct {
	name string
	want consumer.Reason
	put  func(t *testing.T, o *outside)
}

// outside is what a verification depends on besides the token.
type outside struct {
	keys   *switchable
	status *answers
	closed atomic.Bool // refused by Config.Check
}

var obstacles = []obstacle{
	{"revoked", consumer.ReasonRevoked, func(_ *testing.T, o *outside) { o.status.set(false, nil) }},
	{"store down", consumer.ReasonStatusUnavailable, func(_ *testing.T, o *outside) { o.status.set(true, errStore) }},
	{"no keys", consumer.ReasonKeysUnavailable, func(_ *testing.T, o *outside) {
		o.keys.set(fixedSource{err: jwks.ErrUnavailable})
	}},
	{"unknown key", consumer.ReasonUnknownKey, func(t *testing.T, o *outside) {
		t.Helper()
		other := newIssuer()
		other.Rotate()
		other.Retire()
		o.keys.set(publishedKeys(t, other))
	}},
	{"wrong key", consumer.ReasonSignature, func(t *testing.T, o *outside) {
		t.Helper()
		o.keys.set(publishedKeys(t, newIssuer()))
	}},
	{"check", consumer.ReasonClaims, func(_ *testing.T, o *outside) { o.closed.Store(true) }},
	{"too early", consumer.ReasonNotYetValid, func(*testing.T, *outside) {}}, // the first minute is, see below
}

// A rejection is not cached. The token is verified again on each request, and accepted as soon as the obstacle is gone. Until
// then it is never reported as cached.
func TestAttack39_Attack45_RejectionsAreNotCached(t *testing.T) {
	t.Parallel()
	for _, row := range obstacles {
		for _, kind := range []string{"consumer", "group"} {
			t.Run(row.name+" "+kind, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { obstruct(t, row, kind == "group") })
			})
		}
	}
}

func obstruct(t *testing.T, row obstacle, grouped bool) {
	t.Helper()
	issuer := newIssuer()
	o := &outside{keys: &switchable{source: publishedKeys(t, issuer)}, status: &answers{active: true}}
	var asked atomic.Int64
	var told journal
	c := newConsumer(t, consumer.Config{
		Issuer: issuerURL, Audience: []string{audience}, Keys: counting{o.keys, &asked}, Status: o.status,
		OnVerify: told.write,
		Check: func(context.Context, *consumer.Token) error {
			if o.closed.Load() {
				return errCheck
			}
			return nil
		},
	})
	v := consumer.Verifier(c)
	if grouped {
		v = newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
	}
	token := issuer.AccessToken()
	if row.want == consumer.ReasonNotYetValid {
		token.Set("nbf", time.Now().Add(time.Minute).Unix())
	}
	raw := token.Sign()
	row.put(t, o)
	for n := range int64(3) {
		reject(t, v, raw, row.want)
		if last := told.last(t); last.Cached || last.Reason != row.want {
			t.Errorf("reported %+v", last)
		}
		want := n + 1
		if row.want == consumer.ReasonNotYetValid { // the claims alone exclude the token
			want = 0
		}
		if asked.Load() != want {
			t.Errorf("%d requests for a key in %d verifications, want %d", asked.Load(), n+1, want)
		}
		time.Sleep(time.Second)
	}
	o.status.set(true, nil)
	o.keys.set(publishedKeys(t, issuer))
	o.closed.Store(false)
	time.Sleep(time.Minute)
	accept(t, v, raw)
	if told.last(t).Cached {
		t.Error("a token that was always rejected was reported as cached")
	}
	time.Sleep(time.Second)
	accept(t, v, raw)
	if !told.last(t).Cached {
		t.Error("the token was not cached")
	}
}

// Cached is true exactly when nothing was verified: Config.Check is a witness, since it only sees new tokens. More
// tokens than are cached come in no order, and now and then another key stands under the same kid.
func TestOnVerifyReportsCacheHits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuers := []*testIssuer{{raws: nil}, {raws: nil}}
		for _, i := range issuers {
			i.issue(t, 6)
		}
		keys := &switchable{}
		var told journal
		verified := 0
		c := newConsumer(t, consumer.Config{
			Issuer: issuerURL, Audience: []string{audience}, Keys: keys, CacheSize: 4, OnVerify: told.write,
			Check: func(context.Context, *consumer.Token) error { verified++; return nil },
		})
		pick := rand.New(rand.NewPCG(1, 2))
		hits := 0
		for round := range 20 {
			present := issuers[round%2]
			keys.set(present.keys)
			for range 30 {
				before := verified
				accept(t, c, present.raws[pick.IntN(len(present.raws))])
				if told.last(t).Cached != (verified == before) {
					t.Fatalf("reported %+v of %d verifications", told.last(t), verified-before)
				}
				hits += 1 - (verified - before)
				time.Sleep(time.Nanosecond) // so that nothing happens at the same time
			}
			reject(t, c, issuers[(round+1)%2].raws[0], consumer.ReasonSignature)
			if told.last(t).Cached {
				t.Fatal("a rejection was reported as a cache hit")
			}
		}
		if hits == 0 || hits == 600 {
			t.Errorf("%d hits of 600 show nothing", hits)
		}
	})
}

// testIssuer is one that signs under the same kid as any other.
type testIssuer struct {
	keys jwks.Static
	raws []string
}

func (i *testIssuer) issue(t *testing.T, n int) {
	t.Helper()
	issuer := newIssuer()
	i.keys = publishedKeys(t, issuer)
	for range n {
		i.raws = append(i.raws, issuer.AccessToken().Sign())
	}
}

// hotClaims counts its decodings and has nothing else to copy.
type hotClaims struct {
	Subject string  `json:"sub"`
	Client  string  `json:"client_id"`
	Scope   counted `json:"scope"`
}

// The claims of a cached token are there: nothing is decoded, and what a request gets of them costs the same
// whatever else the token says.
func TestClaimsAsOfACachedToken(t *testing.T) { //nolint:paralleltest // allocations and decodings are counted
	issuer := newIssuer()
	few := issuer.AccessToken().Set("scope", "orders:read").Sign()
	draft := issuer.AccessToken().Set("scope", "orders:read")
	for i := range 20 {
		draft.Set(fmt.Sprintf("claim-%d", i), map[string]any{"text": "\u00e9", "list": []int{i}})
	}
	many, ctx := draft.Sign(), t.Context()
	c := newConsumer(t, offline(t, issuer))
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	for _, v := range []consumer.Verifier{c, g} {
		for _, raw := range []string{few, many} {
			read := func() {
				token, err := v.Verify(ctx, raw)
				if err != nil {
					t.Fatal(err)
				}
				claims, err := consumer.ClaimsAs[hotClaims](token)
				if err != nil || claims.Subject != "alice" || claims.Client != "client" || claims.Scope.Text != "orders:read" {
					t.Fatalf("claims %+v, %v", claims, err)
				}
			}
			read()
			before := decodings.Load()
			if got := testing.AllocsPerRun(100, read); got > hotClaimsCeiling {
				t.Errorf("%v allocations, want at most %d", got, hotClaimsCeiling)
			}
			if n := decodings.Load() - before; n != 0 {
				t.Errorf("decoded %d times more", n)
			}
		}
	}
}

// hotClaimsCeiling is for a copy of the claims: one that was kept, one to fill, one to return.
const hotClaimsCeiling = 3
