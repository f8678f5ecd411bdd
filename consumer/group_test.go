package consumer_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// pair returns two issuers that use the same kids, and a Group with a Consumer for each.
func pair(t *testing.T) (a, b *bearertest.Issuer, g *consumer.Group) {
	t.Helper()
	a = newTenant("https://a.test")
	b = newTenant("https://b.test")
	g = newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{
		newConsumer(t, offline(t, a)), newConsumer(t, offline(t, b)),
	}})
	return a, b, g
}

func newTenant(url string) *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Audience: audience, Algorithms: []string{"ES256"}})
}

// The keys of one issuer never verify a token that names another (RFC 8725bis §3.8).
func TestJ7_Attack23_KeysBelongToTheirIssuer(t *testing.T) {
	t.Parallel()
	a, b, g := pair(t)
	if token := accept(t, g, a.AccessToken().Sign()); token.Issuer() != a.URL() {
		t.Errorf("issuer %q", token.Issuer())
	}
	if token := accept(t, g, b.AccessToken().Sign()); token.Issuer() != b.URL() {
		t.Errorf("issuer %q", token.Issuer())
	}
	for range 2 {
		e := reject(t, g, a.AccessToken().Set("iss", b.URL()).Sign(), consumer.ReasonSignature)
		if e.Issuer != b.URL() {
			t.Errorf("judged by %q, want %q", e.Issuer, b.URL())
		}
		reject(t, g, b.AccessToken().Set("iss", a.URL()).Sign(), consumer.ReasonSignature)
	}
	a.Rotate()
	reject(t, g, a.AccessToken().Set("iss", b.URL()).Sign(), consumer.ReasonUnknownKey)
}

// Each issuer has its own policy.
func TestJ1_GroupKeepsPoliciesApart(t *testing.T) {
	t.Parallel()
	issuers := make([]*bearertest.Issuer, 2)
	consumers := make([]*consumer.Consumer, 2)
	for i, url := range []string{"https://a.test", "https://b.test"} {
		issuers[i] = bearertest.NewIssuer(bearertest.IssuerConfig{
			URL: url, Audience: audience, Algorithms: []string{"ES256", "EdDSA"},
		})
		cfg := offline(t, issuers[i])
		if i == 1 {
			cfg.Algorithms, cfg.Audience, cfg.Profile = []string{"EdDSA"}, []string{"b"}, consumer.ProfileRFC9068
			cfg.MaxTokenBytes, cfg.ClockSkew, cfg.RequiredClaims = 1024, -1, []string{"tenant"}
		}
		consumers[i] = newConsumer(t, cfg)
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: consumers})
	forB := func() *bearertest.Token {
		return issuers[1].AccessToken().Algorithm("EdDSA").Set("aud", "b").Set("tenant", "t")
	}
	accept(t, g, issuers[0].AccessToken().Sign())
	accept(t, g, forB().Sign())
	for want, token := range map[consumer.Reason]*bearertest.Token{
		consumer.ReasonAlgorithm: forB().Algorithm("ES256"), consumer.ReasonAudience: forB().Set("aud", audience),
		consumer.ReasonType: forB().SetHeader("typ", "JWT"), consumer.ReasonClaims: forB().Set("tenant", bearertest.Absent),
		consumer.ReasonTooLarge: forB().Set("x", strings.Repeat("x", 1024)),
		consumer.ReasonExpired:  forB().Set("exp", time.Now().Add(-time.Second).Unix()),
	} {
		reject(t, g, token.Sign(), want)
	}
	lenient := issuers[0].AccessToken().SetHeader("typ", "JWT").Set("x", strings.Repeat("x", 1024)).
		Set("exp", time.Now().Add(-time.Second).Unix())
	accept(t, g, lenient.Sign())
}

// A member may allow longer tokens than others have.
func TestGroupMaxTokenBytesOfEachMember(t *testing.T) {
	t.Parallel()
	a, b := newTenant("https://a.test"), newTenant("https://b.test")
	cfg := offline(t, b)
	cfg.MaxTokenBytes = 64 << 10
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, a)), newConsumer(t, cfg)}})
	long := strings.Repeat("x", 20<<10)
	accept(t, g, b.AccessToken().Set("x", long).Sign())
	reject(t, g, a.AccessToken().Set("x", long).Sign(), consumer.ReasonTooLarge)
}

// An unknown issuer never causes a network request.
func TestAttack30_Attack31_UnknownIssuersCauseNoFetch(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	n := newNetwork(issuer)
	cfg := online(issuer)
	cfg.HTTPClient = n.client()
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}})
	draft := issuer.AccessToken()
	for i := range 10_000 {
		raw := unsigned(draft.Set("iss", fmt.Sprintf("https://%d.attacker.test", i)).Set("jti", i))
		if _, err := g.Verify(t.Context(), raw); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Fatalf("error %v", err)
		}
	}
	if asked := n.asked(); asked != 0 {
		t.Errorf("%d requests", asked)
	}
	reject(t, g, draft.Set("iss", "https://attacker.test").Sign(), consumer.ReasonIssuer)
	accept(t, g, issuer.AccessToken().Sign())
}

// unsigned is a cheap token for floods: it has the algorithm's name and no signature.
func unsigned(token *bearertest.Token) string {
	return token.SignWith("none", nil).SetHeader("alg", "ES256").Sign()
}

// opaque accepts one text.
type opaque struct {
	token *consumer.Token
	asked []string
}

var errOpaque = errors.New("not active")

func (o *opaque) Verify(_ context.Context, raw string) (*consumer.Token, error) {
	o.asked = append(o.asked, raw)
	if raw == "opaque" {
		return o.token, nil
	}
	return nil, errOpaque
}

// What does not look like a JWT goes to Opaque, what does never.
func TestGroupOpaque(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	o := &opaque{token: accept(t, c, issuer.AccessToken().Sign())}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}, Opaque: o})
	if accept(t, g, "opaque") != o.token {
		t.Error("Verify did not return the token of Opaque")
	}
	others := []string{"", "abc", "a.b", "a.b.c", "v2.local.AAAA", "a.b.c.d.e", "abc~def", "eyJhbGciOiJFUzI1NiJ9"}
	for _, raw := range others {
		if token, err := g.Verify(t.Context(), raw); token != nil || !errors.Is(err, errOpaque) {
			t.Errorf("%q: %v, %v", raw, token, err)
		}
	}
	if len(o.asked) != len(others)+1 {
		t.Errorf("called %d times, want %d", len(o.asked), len(others)+1)
	}
	accept(t, g, issuer.AccessToken().Sign())
	reject(t, g, issuer.AccessToken().EditSignature(flipped).Sign(), consumer.ReasonSignature)
	reject(t, g, issuer.AccessToken().EditClaims(with("!")).Sign(), consumer.ReasonMalformed)
	reject(t, g, issuer.AccessToken().Set("iss", "https://other.test").Sign(), consumer.ReasonIssuer)
	reject(t, g, strings.Repeat("a", 16<<10+1), consumer.ReasonTooLarge)
	if len(o.asked) != len(others)+1 {
		t.Errorf("Opaque was called with a JWT: %q", o.asked[len(others)+1:])
	}
	without := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}})
	for _, raw := range append(others, "opaque") {
		reject(t, without, raw, consumer.ReasonMalformed)
	}
}

// A server may accept a JWT that was changed in a way that it ignores. Such a token must not escape the checks of the Consumer,
// such as its Status, by a detour through Opaque.
func TestGroupOpaque_ChangedJWTs(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	cfg := offline(t, issuer)
	cfg.Status = statusFunc(func() bool { return false }) // it was revoked
	o := new(opaque)
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}, Opaque: o})
	raw := issuer.AccessToken().Sign()
	header, rest, _ := strings.Cut(raw, ".")
	for _, changed := range []string{
		raw, raw + "=", raw + "==", raw + ".", raw + "..", "." + raw, ".." + raw, raw + ".AAAA", header + "=." + rest, header + "==." + rest,
		header + "~." + rest, "~" + raw, header[:5] + "~" + header[5:] + "." + rest, header + ".." + rest, header + "/." + rest,
		"ICB7" + "." + rest, // white space before the object
	} {
		if token, err := g.Verify(t.Context(), changed); token != nil || errors.Is(err, errOpaque) {
			t.Errorf("%.20q… was passed to Opaque: %v", changed, err)
		}
	}
	jwe := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RSA-OAEP","enc":"A128GCM"}`))
	for _, other := range []string{jwe + ".a.b.c.d", "e30.a", "a.e30.e30", "at.e30.e30.x", header, header + "." + header} {
		if _, err := g.Verify(t.Context(), other); !errors.Is(err, errOpaque) {
			t.Errorf("%.20q… was not passed to Opaque: %v", other, err)
		}
	}
}

func TestGroupConfig(t *testing.T) {
	t.Parallel()
	c := newConsumer(t, offline(t, newIssuer()))
	twin := newConsumer(t, offline(t, newIssuer()))
	resolve := func(context.Context, string) (*consumer.Consumer, error) { return nil, nil }
	for _, test := range []struct {
		name string
		cfg  consumer.GroupConfig
		want []string // nil: good
	}{
		{"one consumer", consumer.GroupConfig{Consumers: []*consumer.Consumer{c}}, nil},
		{"Resolve alone", consumer.GroupConfig{Resolve: resolve}, nil},
		{"nothing", consumer.GroupConfig{}, []string{"Consumers is required"}},
		{"nil", consumer.GroupConfig{Consumers: []*consumer.Consumer{c, nil}}, []string{"Consumers[1] is nil"}},
		{"two of one issuer", consumer.GroupConfig{Consumers: []*consumer.Consumer{c, twin}}, nil},
		{"twice", consumer.GroupConfig{Consumers: []*consumer.Consumer{c, twin, c}}, []string{"Consumers[2] is in the list twice"}},
		{"negative", consumer.GroupConfig{Resolve: resolve, MaxResolved: -1}, []string{"MaxResolved is negative"}},
		{
			"all together",
			consumer.GroupConfig{Consumers: []*consumer.Consumer{nil, c, c}, MaxResolved: -1},
			[]string{"Consumers[0] is nil", "twice", "MaxResolved is negative"},
		},
	} {
		g, err := consumer.NewGroup(test.cfg)
		if (err != nil) != (test.want != nil) || (g == nil) != (test.want != nil) {
			t.Errorf("%s: %v, %v", test.name, g, err)
		}
		for _, part := range test.want {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%s: error %v does not say %q", test.name, err, part)
			}
		}
	}
}

// NewGroup has copied its Config, and its cache is its own.
func TestGroupCache(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		group, consumer int
		remembered      bool
	}{{0, 0, true}, {-1, 0, false}, {0, -1, false}, {5, 5, true}} {
		issuer := newIssuer()
		cfg := offline(t, issuer)
		cfg.CacheSize = test.consumer
		consumers := []*consumer.Consumer{newConsumer(t, cfg)}
		g := newGroup(t, consumer.GroupConfig{Consumers: consumers, CacheSize: test.group})
		consumers[0] = nil
		raw := issuer.AccessToken().Sign()
		if remembers(t, g, raw) != test.remembered {
			t.Errorf("sizes %d and %d: want cached %v", test.group, test.consumer, test.remembered)
		}
	}
}

func TestGroupPassesTheIssuerToOnVerify(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := newTenant("https://a.test"), newTenant("https://b.test")
		var toldA, toldB journal
		cfgA, cfgB := offline(t, a), offline(t, b)
		cfgA.OnVerify, cfgB.OnVerify = toldA.write, toldB.write
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfgA), newConsumer(t, cfgB)}})
		raw := a.AccessToken().Sign()
		accept(t, g, raw)
		time.Sleep(time.Second)
		accept(t, g, raw)
		reject(t, g, b.AccessToken().EditSignature(flipped).Sign(), consumer.ReasonSignature)
		if told := toldA.read(); len(told) != 2 || told[0].Cached || !told[1].Cached || told[1].Issuer != a.URL() {
			t.Errorf("reported a: %+v", told)
		}
		if told := toldB.read(); len(told) != 1 || told[0].Reason != consumer.ReasonSignature || told[0].Issuer != b.URL() {
			t.Errorf("reported b: %+v", told)
		}
	})
}

func TestGroupWarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := newTenant("https://a.test"), newTenant("https://b.test")
		n := newNetwork(a) // b cannot be reached
		cfgA, cfgB := online(a), online(b)
		cfgA.HTTPClient, cfgB.HTTPClient = n.client(), n.client()
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfgA), newConsumer(t, cfgB)}})
		if err := g.Warm(t.Context()); !errors.Is(err, consumer.ErrUnavailable) {
			t.Errorf("error %v", err)
		}
		accept(t, g, a.AccessToken().Sign())
		reject(t, g, b.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		n.connect(b.URL(), b)
		time.Sleep(time.Minute)
		if err := g.Warm(t.Context()); err != nil {
			t.Errorf("not ready: %v", err)
		}
		before := n.asked()
		accept(t, g, b.AccessToken().Sign())
		if n.asked() != before {
			t.Error("Warm has not fetched the keys")
		}
	})
}

func TestGroupRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newTenant("https://a.test")
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, online(a))}})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
		defer cancel()
		start := time.Now()
		if err := g.Run(ctx); err != nil || time.Since(start) != 3*time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if asked := a.Requests()["/jwks"]; asked < 10 {
			t.Errorf("keys were fetched %d times in three hours", asked)
		}
	})
}

// opaqueIssuer is a Verifier of opaque tokens that names its issuer.
type opaqueIssuer struct{ consumer.Verifier }

func (opaqueIssuer) Issuer() string { return "https://opaque.test" }

// Issuers lists each issuer once, in the order of the Config, and the one of Opaque last.
func TestGroup_Issuers(t *testing.T) {
	t.Parallel()
	a, b := newIssuer(), bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test"})
	first := newConsumer(t, offline(t, b))
	for name, test := range map[string]struct {
		opaque consumer.Verifier
		want   []string
	}{
		"no Opaque":          {nil, []string{b.URL(), a.URL()}},
		"Opaque":             {opaqueIssuer{first}, []string{b.URL(), a.URL(), "https://opaque.test"}},
		"Opaque, also a JWT": {newConsumer(t, offline(t, a)), []string{b.URL(), a.URL()}},
	} {
		g, err := consumer.NewGroup(consumer.GroupConfig{
			Consumers: []*consumer.Consumer{first, newConsumer(t, offline(t, a)), newConsumer(t, offline(t, b))}, Opaque: test.opaque,
		})
		if err != nil {
			t.Fatal(err)
		}
		got := g.Issuers()
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		clear(got) // the caller may change it
		if !slices.Equal(g.Issuers(), test.want) {
			t.Errorf("%s: a change of the list has an effect", name)
		}
	}
}
