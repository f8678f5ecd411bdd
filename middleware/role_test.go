package middleware_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// A path is given name by name, so that names may contain dots.
func TestCaseQ5_RolePath(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	roles := func(names ...string) map[string]any { return map[string]any{"roles": names} }
	good := issuer.AccessToken().
		Set("resource_access", map[string]any{
			"com.example.orders":         roles("clerk", "admin"),
			"https://orders.example.com": roles("auditor"),
			"com":                        map[string]any{"example": map[string]any{"orders": roles("decoy")}},
			"off":                        map[string]any{"roles": map[string]any{"on": true, "off": false, "null": nil}},
			"":                           roles("unnamed"),
			"list":                       []any{roles("first")},
		}).
		Set("kubernetes.io", map[string]any{"namespace": "shop", "serviceaccount": map[string]any{"name": "orders"}}).
		Set("kubernetes", map[string]any{"io": map[string]any{"namespace": "decoy"}}).
		Set("https://example.com/roles", []string{"owner"}).
		Set("group", "staff").
		Sign()

	at := func(path ...string) []string { return path }
	tests := []struct {
		name  string
		path  []string
		roles []string
		want  answer
	}{
		{"client id with dots", at("resource_access", "com.example.orders", "roles"), []string{"admin"}, passed},
		{"client id that is a URL", at("resource_access", "https://orders.example.com", "roles"), []string{"admin", "auditor"}, passed},
		{"claim with a dot", at("kubernetes.io", "namespace"), []string{"shop"}, passed},
		{"claim with a dot, deeper", at("kubernetes.io", "serviceaccount", "name"), []string{"orders"}, passed},
		{"claim that is a URL", at("https://example.com/roles"), []string{"owner"}, passed},
		{"claim without dots", at("group"), []string{"staff"}, passed},
		{"object of roles", at("resource_access", "off", "roles"), []string{"on"}, passed},

		{"role that is switched off", at("resource_access", "off", "roles"), []string{"off", "null"}, forbidden("resource_access.off.roles")},
		{"role of another client", at("resource_access", "com.example.orders", "roles"), []string{"auditor"}, forbidden("resource_access.com.example.orders.roles")},
		{"dots are not split", at("resource_access.com.example.orders.roles"), []string{"admin", "decoy"}, forbidden("resource_access.com.example.orders.roles")},
		{"dots of one name are not split", at("resource_access", "com.example.orders", "roles"), []string{"decoy"}, forbidden("resource_access.com.example.orders.roles")},
		{"names are not joined", at("kubernetes", "io", "namespace"), []string{"shop"}, forbidden("kubernetes.io.namespace")},
		{"another case", at("Resource_access", "com.example.orders", "roles"), []string{"admin"}, forbidden("Resource_access.com.example.orders.roles")},
		{"part of a role", at("group"), []string{"sta"}, forbidden("group")},
		{"through a string", at("group", "staff"), []string{"staff"}, forbidden("group.staff")},
		{"through an array", at("resource_access", "list", "roles"), []string{"first"}, forbidden("resource_access.list.roles")},
		{"index of an array", at("resource_access", "list", "0", "roles"), []string{"first"}, forbidden("resource_access.list.0.roles")},
		{"no such claim", at("none", "roles"), []string{"admin"}, forbidden("none.roles")},

		{"no path", nil, []string{"admin"}, brokenPath},
		{"empty name", at("resource_access", "", "roles"), []string{"unnamed"}, brokenPath},
		{"no role", at("group"), nil, brokenPath},
		{"empty role", at("group"), []string{"staff", ""}, brokenPath},
	}
	verifier := newConsumer(t, issuer)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rule := middleware.RolePath(test.path, test.roles...)
			got := observed(t, middleware.Config{Verifier: verifier}, []middleware.Rule{rule}, request(t, good))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

var brokenPath = broken("RolePath needs a path and at least one role; names and roles must not be empty")

// Later changes of the slices do not change the rule.
func TestCaseQ5_RolePathCopiesItsArguments(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	path, roles := []string{"group"}, []string{"staff"}
	h := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)}).With(middleware.RolePath(path, roles...))(hello)
	path[0], roles[0] = "other", "guest"
	if w := serve(h, request(t, issuer.AccessToken().Set("group", "staff").Sign())); w.Code != 200 {
		t.Errorf("status %d", w.Code)
	}
	if w := serve(h, request(t, issuer.AccessToken().Set("other", "guest").Sign())); w.Code != 403 {
		t.Errorf("status %d for the changed arguments", w.Code)
	}
}

// AnyRole reads the roles that the profile names.
func TestAnyRole(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	profile, err := consumer.NewProfile(consumer.ProfileConfig{
		Name: "mine", Types: []string{"at+jwt"}, RoleClaims: [][]string{{"roles"}, {"resource_access", "orders.example.com", "roles"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	silent, err := consumer.NewProfile(consumer.ProfileConfig{Name: "silent", Types: []string{"at+jwt"}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.AccessToken().Set("roles", []string{"clerk"}).
		Set("resource_access", map[string]any{"orders.example.com": map[string]any{"roles": []string{"admin"}}}).
		Set("groups", []string{"staff"}).Sign()
	for _, test := range []struct {
		name    string
		profile consumer.Profile
		roles   []string
		want    answer
	}{
		{"first place", profile, []string{"clerk"}, passed},
		{"second place", profile, []string{"none", "admin"}, passed},
		{"a claim that the profile does not name", profile, []string{"staff"}, forbidden("role")},
		{"part of a role", profile, []string{"cler"}, forbidden("role")},
		{"another case", profile, []string{"Clerk"}, forbidden("role")},
		{"profile without roles", silent, []string{"clerk"}, forbidden("role")},
		{"no role", profile, nil, broken("AnyRole needs at least one role; roles must not be empty")},
		{"empty role", profile, []string{"clerk", ""}, broken("AnyRole needs at least one role; roles must not be empty")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := mustConsumer(t, consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, Keys: keys, Profile: test.profile})
			got := observed(t, middleware.Config{Verifier: c}, []middleware.Rule{middleware.AnyRole(test.roles...)}, request(t, good))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}
