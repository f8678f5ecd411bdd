package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// policyGroup returns a Group with a Consumer of issuer for each change of a Config. The returned function returns the
// number of the policy that the last token was verified by, or "" if there is none, and the reason of a rejection.
func policyGroup(t testing.TB, issuer *bearertest.Issuer, changes ...func(*consumer.Config)) (*consumer.Group, func(raw string) string) {
	t.Helper()
	keys := publishedKeys(t, issuer)
	last := ""
	consumers := make([]*consumer.Consumer, len(changes))
	for i, change := range changes {
		cfg := consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys}
		change(&cfg)
		cfg.OnVerify = func(_ context.Context, v consumer.Verification) { last += fmt.Sprint(i, v.Reason) }
		consumers[i] = newConsumer(t, cfg)
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: consumers})
	return g, func(raw string) string {
		last = ""
		token, err := g.Verify(t.Context(), raw)
		if (token == nil) != (err != nil) {
			t.Errorf("token %v and error %v", token, err)
		}
		return last
	}
}

// forAudience accepts another audience.
func forAudience(names ...string) func(*consumer.Config) {
	return func(c *consumer.Config) { c.Audience = names }
}

// The policies of an issuer are tried in order. If all of them reject the token, the error is that of the one that got
// furthest.
func TestCaseT16_PoliciesOfOneIssuer(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("ES256", "EdDSA")
	both := func(changes ...func(*consumer.Config)) func(*consumer.Config) {
		return func(c *consumer.Config) {
			for _, change := range changes {
				change(c)
			}
		}
	}
	strict := func(c *consumer.Config) { c.Profile = consumer.ProfileRFC9068 }
	small := func(c *consumer.Config) { c.MaxTokenBytes = 100 }
	edwards := func(c *consumer.Config) { c.Algorithms = []string{"EdDSA"} }
	lenient := func(c *consumer.Config) { c.ClockSkew = 5 * time.Minute }
	client := func(c *consumer.Config) { c.ClientIDs = []string{"other"} }
	tenant := func(c *consumer.Config) { c.RequiredClaims = []string{"tenant"} }
	revoked := func(c *consumer.Config) { c.Status = &answers{} }
	unchecked := func(c *consumer.Config) { c.Check = func(context.Context, *consumer.Token) error { return errCheck } }
	down := func(c *consumer.Config) { c.Keys = fixedSource{err: jwks.ErrUnavailable} }
	foreign := func(c *consumer.Config) { c.Keys = publishedKeys(t, newIssuer("ES256", "EdDSA")) }
	type policies = []func(*consumer.Config)
	a, b, x := forAudience("a"), forAudience("b"), forAudience("x")
	now := time.Now().Unix()

	draft := func() *bearertest.Token { return issuer.AccessToken().Set("aud", "a") }
	for _, test := range []struct {
		name     string
		policies policies
		token    *bearertest.Token
		want     string
	}{
		{"first", policies{a, b}, draft(), "0"},
		{"second", policies{b, a}, draft(), "1"},
		{"fourth", policies{b, x, b, a}, draft(), "3"},
		{"both: the first", policies{a, a}, draft(), "0"},
		{"profile of the audience", policies{both(b, strict), a}, draft().SetHeader("typ", "JWT"), "1"},
		{"profile of the other audience", policies{both(a, strict), b}, draft().SetHeader("typ", "JWT"), "1audience"},
		{"algorithm of the second", policies{both(a, edwards), a}, draft(), "1"},
		{"size of the second", policies{both(a, small), a}, draft(), "1"},
		{"key set of the second", policies{both(a, foreign), a}, draft(), "1"},
		{"first is down, second accepts", policies{both(a, down), a}, draft(), "1"},
		{"revoked by the first, accepted by the second", policies{both(a, revoked), a}, draft(), "1"},
		{"checked by the first, accepted by the second", policies{both(a, unchecked), a}, draft(), "1"},

		{"equally far: the first", policies{b, x}, draft(), "0audience"},
		{"size, audience", policies{small, b}, draft(), "1audience"},
		{"audience, size", policies{b, small}, draft(), "0audience"},
		{"algorithm, required claim", policies{both(b, edwards), both(b, tenant)}, draft(), "1claims"},
		{"typ, required claim", policies{both(b, strict), both(b, tenant)}, draft().SetHeader("typ", "JWT"), "1claims"},
		{"required claim, audience", policies{both(a, tenant), b}, draft(), "1audience"},
		{"audience, expired", policies{b, a}, draft().Set("exp", now-60), "1expired"},
		{"expired, audience", policies{a, b}, draft().Set("exp", now-60), "0expired"},
		{"audience, not yet valid", policies{b, a}, draft().Set("nbf", now+3600), "1not_yet_valid"},
		{"audience, ID token", policies{b, a}, draft().Set("at_hash", "x"), "1type"},
		{"audience, client", policies{b, both(a, client)}, draft(), "1claims"},
		{"expired with a small skew, client", policies{a, both(a, client, lenient)}, draft().Set("exp", now-60), "1claims"},
		{"client, signature", policies{both(a, client), a}, draft().EditSignature(flipped), "1signature"},
		{"signature, client", policies{a, both(a, client)}, draft().EditSignature(flipped), "0signature"},
		{"signature of two key sets", policies{a, both(a, foreign)}, draft().EditSignature(flipped), "0signature"},
		{"unknown key, audience", policies{a, b}, draft().SetHeader("kid", "other"), "0unknown_key"},
		{"signature, revoked", policies{both(a, foreign), both(a, revoked)}, draft(), "1revoked"},
		{"Check, revoked", policies{both(a, unchecked), both(a, revoked)}, draft(), "1revoked"},
		{"audience, revoked", policies{b, both(a, revoked)}, draft(), "1revoked"},
		{"down, revoked: the token may be valid", policies{both(a, down), both(a, revoked)}, draft(), "0keys_unavailable"},
		{"revoked, down: the token may be valid", policies{both(a, revoked), both(a, down)}, draft(), "1keys_unavailable"},
		{"down, but the audience excludes that policy", policies{both(b, down), both(a, revoked)}, draft(), "1revoked"},
		{"down, but the audience excludes both", policies{both(b, down), x}, draft(), "0audience"},
		{"forged and down", policies{both(a, down), a}, draft().EditSignature(flipped), "0keys_unavailable"},
		{"wrong for all", policies{a, b, x, both(a, tenant)}, draft().Set("aud", "c"), "0audience"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, verify := policyGroup(t, issuer, test.policies...)
			raw := test.token.Sign()
			for range 2 { // the second time, accepted tokens are in the cache
				if got := verify(raw); got != test.want {
					t.Errorf("verified by %q, want %q", got, test.want)
				}
			}
		})
	}
}

// The keys of one policy never verify a token for the audience of another: no token passes by the checks of two policies
// together.
func TestCaseT16_PoliciesAreNotMixed(t *testing.T) {
	t.Parallel()
	first, second := newIssuer(), newIssuer() // the same URL and kids, other keys
	withKeys := func(issuer *bearertest.Issuer, aud string) *consumer.Consumer {
		cfg := offline(t, issuer)
		cfg.Audience = []string{aud}
		return newConsumer(t, cfg)
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{withKeys(first, "a"), withKeys(second, "b")}})
	accept(t, g, first.AccessToken().Set("aud", "a").Sign())
	accept(t, g, second.AccessToken().Set("aud", "b").Sign())
	for range 2 {
		reject(t, g, first.AccessToken().Set("aud", "b").Sign(), consumer.ReasonSignature)
		reject(t, g, second.AccessToken().Set("aud", "a").Sign(), consumer.ReasonSignature)
	}
	accept(t, g, first.AccessToken().Set("aud", []string{"a", "b"}).Sign())
	reject(t, g, first.AccessToken().Set("aud", "c").Sign(), consumer.ReasonAudience)
}

// Each issuer keeps its own policies.
func TestCaseT16_PoliciesBelongToTheirIssuer(t *testing.T) {
	t.Parallel()
	a, b := newTenant("https://a.test"), newTenant("https://b.test")
	forB := offline(t, b)
	forB.Audience = []string{"b"}
	more := offline(t, b)
	more.Audience = []string{"more"}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{
		newConsumer(t, forB), newConsumer(t, offline(t, a)), newConsumer(t, more),
	}})
	accept(t, g, a.AccessToken().Sign())
	accept(t, g, b.AccessToken().Set("aud", "more").Sign())
	reject(t, g, a.AccessToken().Set("aud", "more").Sign(), consumer.ReasonAudience)
	reject(t, g, a.AccessToken().Set("iss", b.URL()).Set("aud", "more").Sign(), consumer.ReasonSignature)
	reject(t, g, b.AccessToken().Set("iss", a.URL()).Sign(), consumer.ReasonSignature)
}

// Every check of the policy that verified a token is repeated for a cached token. If that policy rejects it, another one
// may accept it, but only by its own checks.
func TestCaseT16_RevokedByOnePolicy(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	first, second := &answers{active: true}, &answers{active: true}
	status := func(s consumer.TokenStatus, more ...string) func(*consumer.Config) {
		return func(c *consumer.Config) { c.Status, c.Audience = s, append(c.Audience, more...) }
	}
	_, verify := policyGroup(t, issuer, status(first), status(second, "b"))
	raw := issuer.AccessToken().Sign()
	for _, step := range []struct {
		first, second bool
		want          string
	}{
		{true, true, "0"},
		{true, false, "0"},
		{false, true, "1"},
		{false, true, "1"},
		{false, false, "0revoked"},
		{true, true, "0"}, // a policy that comes first is not replaced by a later one
		{false, false, "0revoked"},
	} {
		first.set(step.first, nil)
		second.set(step.second, nil)
		if got := verify(raw); got != step.want {
			t.Errorf("%+v: verified by %q", step, got)
		}
	}
	if got := verify(issuer.AccessToken().Set("aud", "b").Sign()); got != "1revoked" {
		t.Errorf("a token for the second policy only: verified by %q", got)
	}
	before := len(second.asked)
	first.set(true, nil)
	verify(raw)
	if len(second.asked) != before {
		t.Error("the status of the second policy was read for a token that the first accepts")
	}
}

// A token that a later policy accepted is cached only if the earlier policies will reject it again.
func TestCaseT16_CacheKeepsTheOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		exact := func(c *consumer.Config) { c.ClockSkew = -1 }
		lenient := func(c *consumer.Config) { c.ClockSkew = time.Minute }
		_, verify := policyGroup(t, issuer, exact, lenient)
		in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
		raw := issuer.AccessToken().Set("nbf", in(30*time.Second)).Set("exp", in(time.Minute)).Sign()
		for _, want := range []string{"1", "1", "0", "1", "1", "0expired"} { // one every 25 seconds
			for range 2 {
				if got := verify(raw); got != want {
					t.Errorf("verified by %q, want %q", got, want)
				}
			}
			time.Sleep(25 * time.Second)
		}
	})
}

// With an AudienceFunc, the tenant of each request decides which policy accepts a token.
func TestCaseT16_Q6_AudienceOfTheRequest(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	keys := publishedKeys(t, issuer)
	var last string
	policy := func(name string, cfg consumer.Config) *consumer.Consumer {
		cfg.Issuer, cfg.Keys = issuer.URL(), keys
		cfg.OnVerify = func(_ context.Context, v consumer.Verification) { last = name + string(v.Reason) }
		return newConsumer(t, cfg)
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{
		policy("tenant", consumer.Config{AudienceFunc: audienceOfTenant}),
		policy("shared", consumer.Config{Audience: []string{"shared"}}),
	}})
	own := issuer.AccessToken().Set("aud", "https://a.test").Sign()
	wide := issuer.AccessToken().Set("aud", []string{"https://a.test", "shared"}).Sign()
	for range 2 {
		for _, test := range []struct{ tenant, raw, want string }{
			{"a", own, "tenant"},
			{"b", own, "tenantaudience"},
			{"b", wide, "shared"},
			{"a", wide, "tenant"},
			{"none", wide, "shared"},
			{"none", own, "tenantaudience"},
		} {
			_, _ = g.Verify(forTenant(t, test.tenant), test.raw)
			if last != test.want {
				t.Errorf("tenant %q: verified by %q, want %q", test.tenant, last, test.want)
			}
		}
	}
}

// countingSource counts the look-ups of keys, one for each check of a signature.
type countingSource struct {
	jwks.Source
	calls atomic.Int64
}

func (s *countingSource) Keys(ctx context.Context, kid, alg string) ([]jwks.Key, error) {
	s.calls.Add(1)
	return s.Source.Keys(ctx, kid, alg)
}

// A signature is checked once for each key set, whether it is valid or not.
func TestCaseT16_OneSignatureCheckPerKeySet(t *testing.T) {
	t.Parallel()
	issuer, rotated := newIssuer(), newIssuer()
	shared := &countingSource{Source: publishedKeys(t, issuer)}
	other := &countingSource{Source: publishedKeys(t, rotated)}
	with := func(source jwks.Source, tenant string) *consumer.Consumer {
		cfg := offline(t, issuer)
		cfg.Keys = source
		cfg.Check = func(_ context.Context, token *consumer.Token) error {
			if value, _ := token.Claim("tenant"); value != tenant {
				return errCheck
			}
			return nil
		}
		return newConsumer(t, cfg)
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{
		with(shared, "a"), with(other, "b"), with(shared, "c"), with(shared, "d"),
	}})
	for name, test := range map[string]struct {
		token         *bearertest.Token
		reason        consumer.Reason // empty: accepted
		shared, other int64
	}{
		"first":        {issuer.AccessToken().Set("tenant", "a"), "", 1, 0},
		"last":         {issuer.AccessToken().Set("tenant", "d"), "", 1, 1},
		"none":         {issuer.AccessToken().Set("tenant", "e"), consumer.ReasonClaims, 1, 1},
		"forged":       {issuer.AccessToken().EditSignature(flipped), consumer.ReasonSignature, 1, 1},
		"own key set":  {rotated.AccessToken().Set("tenant", "b"), "", 1, 1},
		"cheap checks": {issuer.AccessToken().Set("aud", "x"), consumer.ReasonAudience, 0, 0},
	} {
		shared.calls.Store(0)
		other.calls.Store(0)
		judge(t, g, test.token.Sign(), test.reason == "", test.reason)
		if n, m := shared.calls.Load(), other.calls.Load(); n != test.shared || m != test.other {
			t.Errorf("%s: %d and %d signature checks, want %d and %d", name, n, m, test.shared, test.other)
		}
	}
}

// Policies with the same source fetch the key set once. Warm and Run refresh it once.
func TestCaseT16_SharedKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		remote, err := jwks.New(jwks.Config{URL: issuer.URL() + "/jwks", HTTPClient: n.client()})
		if err != nil {
			t.Fatal(err)
		}
		with := func(names ...string) *consumer.Consumer {
			return newConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: names, Keys: remote})
		}
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{with("a"), with("b"), with("c")}})
		accept(t, g, issuer.AccessToken().Set("aud", "c").Sign())
		accept(t, g, issuer.AccessToken().Set("aud", "a").Sign())
		if err := g.Warm(t.Context()); err != nil || n.asked() != 1 {
			t.Errorf("Warm: %v after %d requests, want 1", err, n.asked())
		}
		for range 50 { // unknown kids share the limit of one source
			reject(t, g, issuer.AccessToken().Set("aud", "b").SetHeader("kid", "other").Sign(), consumer.ReasonUnknownKey)
		}
		if n.asked() > 2 {
			t.Errorf("%d requests", n.asked())
		}
		health := g.Health()
		if m := health.Members; !health.Ready || len(m) != 3 || m[0].SharesKeys || !m[1].SharesKeys || !m[2].SharesKeys {
			t.Errorf("health %+v", health)
		}
	})
}

// An issuer that hangs delays a request once, and not once for each key set.
func TestCaseT16_KeySetsThatHang(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		n.delay(time.Hour)
		consumers := make([]*consumer.Consumer, 4)
		for i := range consumers {
			cfg := online(issuer)
			cfg.HTTPClient = n.client()
			consumers[i] = newConsumer(t, cfg)
		}
		start := time.Now()
		reject(t, newGroup(t, consumer.GroupConfig{Consumers: consumers}), issuer.AccessToken().Sign(), consumer.ReasonKeysUnavailable)
		if waited := time.Since(start); waited > 3200*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		// The last policy has keys, and a request that has waited for the first still uses them.
		held := newConsumer(t, offline(t, issuer))
		g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{consumers[0], consumers[1], held}})
		time.Sleep(time.Minute)
		accept(t, g, issuer.AccessToken().Sign())
		time.Sleep(time.Minute) // until the fetches have ended
	})
}

// NewGroup limits the policies of one issuer.
func TestCaseT16_AtMostFourPolicies(t *testing.T) {
	t.Parallel()
	a, b := newTenant("https://a.test"), newTenant("https://b.test")
	list := make([]*consumer.Consumer, 0, 7)
	for range 4 {
		list = append(list, newConsumer(t, offline(t, a)))
	}
	list = append(list, newConsumer(t, offline(t, b)))
	newGroup(t, consumer.GroupConfig{Consumers: list})
	for range 2 {
		list = append(list, newConsumer(t, offline(t, a)))
	}
	_, err := consumer.NewGroup(consumer.GroupConfig{Consumers: list})
	want := `consumer: GroupConfig.Consumers has more than 4 Consumers of issuer "https://a.test"`
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

// A bound token keeps its Confirmation, whichever policy verifies it, so that the Guard rejects it.
func TestCaseT16_BoundTokenStaysBound(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	g, verify := policyGroup(t, issuer, forAudience("a"), forAudience("b"))
	raw := issuer.AccessToken().Set("aud", "b").Set("cnf", map[string]any{"jkt": "thumbprint"}).Sign()
	for range 2 {
		if by := verify(raw); by != "1" {
			t.Errorf("verified by %q", by)
		}
		if c, bound := accept(t, g, raw).Confirmation(); !bound || c.JWKThumbprint != "thumbprint" {
			t.Errorf("confirmation %+v, %v", c, bound)
		}
	}
}

// A canceled request is not reported as a rejection of the token, and stays canceled for all policies.
func TestCaseT16_CanceledRequest(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	waits := func(c *consumer.Config) { c.Keys = fixedSource{err: context.Canceled} }
	g, _ := policyGroup(t, issuer, forAudience("a"), waits, waits)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var e *consumer.Error
	if _, err := g.Verify(ctx, issuer.AccessToken().Sign()); !errors.As(err, &e) || e.Reason != consumer.ReasonCanceled {
		t.Errorf("error %v", err)
	}
}

// A cache hit costs no allocation, and a token of the last policy is cached.
func TestCaseT16_Allocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newIssuer()
	keys := publishedKeys(t, issuer)
	consumers := make([]*consumer.Consumer, 4)
	for i := range consumers {
		consumers[i] = newConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{fmt.Sprint(i)}, Keys: keys})
	}
	g := newGroup(t, consumer.GroupConfig{Consumers: consumers})
	raw := issuer.AccessToken().Set("aud", "3").Sign()
	accept(t, g, raw)
	if n := testing.AllocsPerRun(100, func() { _, _ = g.Verify(t.Context(), raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// The error of a policy is for that policy: it names the value that it expected.
func TestCaseT16_ErrorOfTheClosestPolicy(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	g, _ := policyGroup(t, issuer, forAudience("a"), forAudience("b"))
	_, err := g.Verify(t.Context(), issuer.AccessToken().Set("aud", "b").Set("exp", 1).Sign())
	if err == nil || !strings.Contains(err.Error(), "exp 1970-01-01T00:00:01Z has passed") {
		t.Errorf("error %v", err)
	}
	e := reject(t, g, issuer.AccessToken().Set("aud", "c").Sign(), consumer.ReasonAudience)
	if !strings.Contains(e.Error(), `["a"] (Config.Audience)`) || e.Issuer != issuer.URL() {
		t.Errorf("error %v of issuer %q", e, e.Issuer)
	}
}

// Policies that use discovery in the same way share one key set. It is fetched, refreshed and withdrawn for all of them.
func TestCaseT16_DiscoveredKeysAreFetchedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		n := newNetwork(issuer)
		client := n.client()
		var refreshes atomic.Int64
		with := func(name string) *consumer.Consumer {
			cfg := online(issuer)
			cfg.Audience, cfg.HTTPClient = []string{name}, client
			cfg.KeyCache.OnRefresh = func(context.Context, jwks.Refresh) { refreshes.Add(1) }
			return newConsumer(t, cfg)
		}
		list := []*consumer.Consumer{with("a"), with("b"), with("c"), with("d")}
		g := newGroup(t, consumer.GroupConfig{Consumers: list})
		if err := g.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
		raw := issuer.AccessToken().Set("aud", "d").Sign()
		accept(t, g, raw)
		if asked := n.asked(); asked != 2 || refreshes.Load() != 1 {
			t.Errorf("%d requests and %d refreshes, want one for the metadata and one for the keys", asked, refreshes.Load())
		}
		if h := list[3].Health(); !h.Ready || h.Keys.Keys != 1 {
			t.Errorf("health of the last: %+v", h)
		}
		for range 50 { // forged tokens share the limit of one key set
			reject(t, g, issuer.AccessToken().Set("aud", []string{"a", "b", "c", "d"}).SetHeader("kid", "other").Sign(), consumer.ReasonUnknownKey)
		}
		if asked := n.asked(); asked > 3 {
			t.Errorf("%d requests after forged tokens", asked)
		}
		// A key that was withdrawn is not used by any policy after one of them was refreshed.
		issuer.SetJWKS(newIssuer().JWKS())
		time.Sleep(time.Hour)
		if err := list[1].Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		reject(t, g, issuer.AccessToken().Set("aud", "d").Sign(), consumer.ReasonSignature)
		reject(t, g, issuer.AccessToken().Set("aud", "a").Sign(), consumer.ReasonSignature)
	})
}

// Policies that fetch in different ways keep their own key sets.
func TestCaseT16_OtherSettingsKeepTheirKeys(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for name, test := range map[string]struct {
		change func(*consumer.Config)
		asked  int // requests of both
	}{
		"equal":        {func(*consumer.Config) {}, 2},
		"profile":      {func(c *consumer.Config) { c.Profile, c.ClockSkew = consumer.ProfileRFC9068, time.Minute }, 2},
		"HTTPClient":   {func(c *consumer.Config) { c.HTTPClient = &http.Client{Transport: c.HTTPClient.Transport} }, 4},
		"KeyCache":     {func(c *consumer.Config) { c.KeyCache.MaxKeys = 7 }, 4},
		"Snapshot":     {func(c *consumer.Config) { c.KeyCache.Snapshot = noSnapshot{} }, 4},
		"MetadataURL":  {func(c *consumer.Config) { c.MetadataURL = issuer.URL() + "/.well-known/openid-configuration" }, 4},
		"timeout":      {func(c *consumer.Config) { c.DiscoveryTimeout = time.Second }, 4},
		"InsecureHTTP": {func(c *consumer.Config) { c.InsecureAllowHTTP = true }, 4},
	} {
		n := newNetwork(issuer)
		client := n.client()
		list := make([]*consumer.Consumer, 2)
		for i := range list {
			cfg := online(issuer)
			cfg.HTTPClient = client
			if i == 1 {
				test.change(&cfg)
			}
			list[i] = newConsumer(t, cfg)
		}
		if err := newGroup(t, consumer.GroupConfig{Consumers: list}).Warm(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if asked := n.asked(); asked != test.asked {
			t.Errorf("%s: %d requests, want %d", name, asked, test.asked)
		}
	}
}

// noSnapshot keeps nothing. It is not a file, because the keys are saved in the background, perhaps after the test has ended.
type noSnapshot struct{}

func (noSnapshot) Load(context.Context) (jwks.SnapshotData, error) { return jwks.SnapshotData{}, nil }
func (noSnapshot) Save(context.Context, jwks.SnapshotData) error   { return nil }

// A Consumer that may contact public addresses only does not use keys that another one fetches from any address.
func TestCaseT16_PublicAddressesOnlyKeepsItsKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ first, second, shared bool }{
		"neither": {false, false, true},
		"both":    {true, true, true},
		"first":   {true, false, false},
		"second":  {false, true, false},
	} {
		client := &http.Client{Transport: new(http.Transport)}
		list := make([]*consumer.Consumer, 2)
		for i, public := range []bool{test.first, test.second} {
			list[i] = newConsumer(t, consumer.Config{
				Issuer: issuerURL, Audience: []string{audience}, HTTPClient: client, PublicAddressesOnly: public,
			})
		}
		members := newGroup(t, consumer.GroupConfig{Consumers: list}).Health().Members
		if members[1].SharesKeys != test.shared {
			t.Errorf("%s: SharesKeys is %t, want %t", name, members[1].SharesKeys, test.shared)
		}
	}
}

// A Consumer that is in two Groups keeps the keys that it shares in the first, also while requests are served.
func TestCaseT16_ConsumerInTwoGroups(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	client := newNetwork(issuer).client()
	with := func(name string) *consumer.Consumer {
		cfg := online(issuer)
		cfg.Audience, cfg.HTTPClient = []string{name}, client
		return newConsumer(t, cfg)
	}
	a, b, c := with("a"), with("b"), with("c")
	var done sync.WaitGroup
	for _, list := range [][]*consumer.Consumer{{a, b}, {c, b}, {b, a, c}} {
		done.Go(func() {
			g := newGroup(t, consumer.GroupConfig{Consumers: list})
			for range 20 {
				accept(t, g, issuer.AccessToken().Set("aud", "b").Sign())
				accept(t, b, issuer.AccessToken().Set("aud", "b").Sign())
				reject(t, g, issuer.AccessToken().Set("aud", "b").EditSignature(flipped).Sign(), consumer.ReasonSignature)
			}
		})
	}
	done.Wait()
}

// One issuer creates tokens for users and for machines. Each kind has its own audience and its own requirements.
func ExampleNewGroup_policies() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	base := consumer.Config{Issuer: issuer.URL(), HTTPClient: issuer.Client()}
	users, machines := base, base
	users.Audience = []string{"https://shop.test"}
	machines.Audience, machines.ClientIDs = []string{"https://batch.test"}, []string{"nightly"}

	var consumers []*consumer.Consumer
	for _, cfg := range []consumer.Config{users, machines} {
		c, err := consumer.New(cfg)
		if err != nil {
			fmt.Println(err)
			return
		}
		consumers = append(consumers, c)
	}
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: consumers}) // they share the keys of the issuer
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, draft := range []*bearertest.Token{
		issuer.AccessToken().Set("aud", "https://shop.test"),
		issuer.AccessToken().Set("aud", "https://batch.test").Set("client_id", "nightly"),
		issuer.AccessToken().Set("aud", "https://batch.test").Set("client_id", "browser"),
	} {
		token, err := group.Verify(context.Background(), draft.Sign())
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(token.Audience(), token.ClientID())
	}
	// Output:
	// [https://shop.test] client
	// [https://batch.test] nightly
	// consumer: claims: client "browser" is not one of ["nightly"] (Config.ClientIDs)
}
