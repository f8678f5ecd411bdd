package consumer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// tenantKey is the key of the tenant in the context of a request.
type tenantKey struct{}

// forTenant returns the context of a request for a tenant.
func forTenant(t testing.TB, tenant string) context.Context {
	return context.WithValue(t.Context(), tenantKey{}, tenant)
}

// audienceOfTenant is an AudienceFunc. Tenant "a" has the audience "https://a.test". The tenant "none" has no audience,
// "empty" has an empty one, and "both" has those of a and b.
func audienceOfTenant(ctx context.Context) []string {
	switch tenant, _ := ctx.Value(tenantKey{}).(string); tenant {
	case "", "none":
		return nil
	case "empty":
		return []string{""}
	case "both":
		return []string{"https://a.test", "https://b.test"}
	default:
		return []string{"https://" + tenant + ".test"}
	}
}

// perTenant describes issuer with an audience that depends on the request.
func perTenant(t testing.TB, issuer *bearertest.Issuer) consumer.Config {
	t.Helper()
	cfg := offline(t, issuer)
	cfg.Audience, cfg.AudienceFunc = nil, audienceOfTenant
	return cfg
}

// outcomeFor returns the reason of the rejection for a tenant, or "" if the token is accepted.
func outcomeFor(t testing.TB, v consumer.Verifier, tenant, raw string) consumer.Reason {
	t.Helper()
	logscan.Token(raw)
	token, err := v.Verify(forTenant(t, tenant), raw)
	if err == nil && token != nil {
		return ""
	}
	var e *consumer.Error
	if !errors.As(err, &e) || token != nil {
		t.Fatalf("%v, %v", token, err)
	}
	return e.Reason
}

// The audience depends on the tenant. A cached token is accepted only for the tenant of the request, in a Consumer and in
// a Group.
func TestCaseQ6_AudiencePerTenant(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	verifiers := map[string]consumer.Verifier{
		"Consumer": newConsumer(t, perTenant(t, issuer)),
		"Group":    newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, perTenant(t, issuer))}}),
		"Resolve": newGroup(t, consumer.GroupConfig{Resolve: func(context.Context, string) (*consumer.Consumer, error) {
			return consumer.New(perTenant(t, issuer))
		}}),
	}
	for _, test := range []struct {
		name     string
		audience any
		accepted []string // tenants
		rejected []string
	}{
		{"one tenant", "https://a.test", []string{"a", "both"}, []string{"b", "none", "empty", "", "A", "a.test"}},
		{"two tenants", []string{"https://a.test", "https://b.test"}, []string{"a", "b", "both"}, []string{"c", "none", "empty", ""}},
		{"another API", audience, nil, []string{"a", "both", "none", "empty", ""}},
		{"empty audience", "", nil, []string{"a", "none", "empty", ""}},
		{"list with an empty audience", []string{""}, nil, []string{"a", "none", "empty", ""}},
		{"no audience", bearertest.Absent, nil, []string{"a", "none", "empty", ""}},
		{"empty list", []string{}, nil, []string{"a", "none", "empty", ""}},
	} {
		raw := issuer.AccessToken().Set("aud", test.audience).Sign()
		for name, v := range verifiers {
			for range 2 { // the second time, accepted tokens are in the cache
				for _, tenant := range test.accepted {
					if reason := outcomeFor(t, v, tenant, raw); reason != "" {
						t.Errorf("%s, %s: rejected for tenant %q: %s", name, test.name, tenant, reason)
					}
				}
				for _, tenant := range test.rejected {
					if reason := outcomeFor(t, v, tenant, raw); reason != consumer.ReasonAudience {
						t.Errorf("%s, %s: reason %q for tenant %q, want audience", name, test.name, reason, tenant)
					}
				}
			}
		}
	}
}

// A rejection for one tenant leaves the token in the cache, and OnVerify reports it.
func TestCaseQ6_CacheServesEachTenant(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var reported journal
	cfg := perTenant(t, issuer)
	cfg.OnVerify = reported.write
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Set("aud", []string{"https://a.test", "https://b.test"}).Sign()
	first, err := c.Verify(forTenant(t, "a"), raw)
	if err != nil {
		t.Fatal(err)
	}
	if reason := outcomeFor(t, c, "c", raw); reason != consumer.ReasonAudience {
		t.Errorf("reason %q", reason)
	}
	if second, err := c.Verify(forTenant(t, "b"), raw); err != nil || second != first {
		t.Errorf("%v, %v, want the cached token", second, err)
	}
	if last := reported.read()[1]; last.Reason != consumer.ReasonAudience {
		t.Errorf("reported %+v", last)
	}
}

// The error names the field and both values.
func TestCaseQ6_ErrorNamesAudienceFunc(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	_, err := newConsumer(t, perTenant(t, issuer)).Verify(forTenant(t, "b"), issuer.AccessToken().Set("aud", "https://a.test").Sign())
	want := `aud ["https://a.test"] does not contain any of ["https://b.test"] (Config.AudienceFunc)`
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %s", err, want)
	}
}

// CheckAudience repeats the check for another request.
func TestCaseQ6_CheckAudience(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	raw := issuer.AccessToken().Set("aud", "https://a.test").Sign()
	token, err := newConsumer(t, perTenant(t, issuer)).Verify(forTenant(t, "a"), raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := token.CheckAudience(forTenant(t, "a")); err != nil {
		t.Errorf("same tenant: %v", err)
	}
	for _, tenant := range []string{"b", "none", "empty", ""} {
		var e *consumer.Error
		if err := token.CheckAudience(forTenant(t, tenant)); !errors.As(err, &e) || e.Reason != consumer.ReasonAudience || e.Issuer != issuer.URL() {
			t.Errorf("tenant %q: %v", tenant, err)
		}
	}
	fixed := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().Sign())
	custom, err := consumer.NewToken(issuer.URL(), []byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []*consumer.Token{fixed, custom, {}} {
		if err := other.CheckAudience(forTenant(t, "b")); err != nil {
			t.Errorf("%v: %v", other, err)
		}
	}
}

// A cache hit with an AudienceFunc allocates nothing.
func TestCaseQ6_Allocations(t *testing.T) { //nolint:paralleltest // allocations are counted
	issuer := newIssuer()
	names := []string{"https://a.test"}
	cfg := perTenant(t, issuer)
	cfg.AudienceFunc = func(context.Context) []string { return names }
	c := newConsumer(t, cfg)
	raw := issuer.AccessToken().Set("aud", "https://a.test").Sign()
	accept(t, c, raw)
	if n := testing.AllocsPerRun(100, func() { _, _ = c.Verify(t.Context(), raw) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
