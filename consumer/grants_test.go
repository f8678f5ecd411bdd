package consumer_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bearerkit/bearerkit/consumer"
)

// newProfile returns the profile of cfg.
func newProfile(t testing.TB, cfg consumer.ProfileConfig) consumer.Profile {
	t.Helper()
	p, err := consumer.NewProfile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestCaseT11_ScopeClaims(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	type claims map[string]any
	permissions := newProfile(t, consumer.ProfileConfig{Name: "p", ScopeClaims: []string{"permissions", "scope"}})
	for name, test := range map[string]struct {
		profile  consumer.Profile
		setting  []string
		claims   claims
		want     []string
		rejected bool
	}{
		"array in scopes": {setting: []string{"scopes"}, claims: claims{"scopes": []string{"a", "b"}}, want: []string{"a", "b"}},
		"string in permissions": {
			setting: []string{"permissions"}, claims: claims{"permissions": "a  b"}, want: []string{"a", "b"},
		},
		"first present claim": {
			setting: []string{"permissions", "scope"},
			claims:  claims{"permissions": []string{"a"}, "scope": "b"}, want: []string{"a"},
		},
		"second claim": {setting: []string{"permissions", "scope"}, claims: claims{"scope": "b"}, want: []string{"b"}},
		"of the profile": {
			profile: permissions, claims: claims{"permissions": []string{"a"}, "scope": "b"}, want: []string{"a"},
		},
		"setting replaces profile": {
			profile: permissions, setting: []string{"scp"},
			claims: claims{"permissions": []string{"a"}, "scp": "b"}, want: []string{"b"},
		},
		"unlisted claim":       {claims: claims{"scopes": []string{"a"}, "permissions": []string{"b"}}},
		"case differs":         {setting: []string{"scopes"}, claims: claims{"Scopes": []string{"a"}}},
		"unlisted scope":       {setting: []string{"scopes"}, claims: claims{"scope": "a"}},
		"numbers":              {setting: []string{"scopes"}, claims: claims{"scopes": []int{1}}, rejected: true},
		"object":               {setting: []string{"scopes"}, claims: claims{"scopes": claims{"a": true}}, rejected: true},
		"spaces in an array":   {setting: []string{"scopes"}, claims: claims{"scopes": []string{"a b"}}, want: []string{"a b"}},
		"scope before scp":     {claims: claims{"scp": "b", "scope": "a"}, want: []string{"a"}},
		"scp, as an array":     {claims: claims{"scp": []string{"a"}}, want: []string{"a"}},
		"no scopes whatsoever": {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, issuer)
			cfg.Profile, cfg.ScopeClaims = test.profile, test.setting
			token := issuer.AccessToken()
			for claim, value := range test.claims {
				token.Set(claim, value)
			}
			if test.rejected {
				reject(t, newConsumer(t, cfg), token.Sign(), consumer.ReasonClaims)
				return
			}
			got := accept(t, newConsumer(t, cfg), token.Sign())
			if diff := cmp.Diff(test.want, got.Scopes(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Scopes (-want +got):\n%s", diff)
			}
			for _, scope := range []string{"a", "b", "a b"} {
				want := len(test.want) > 0 && test.want[0] == scope || len(test.want) > 1 && test.want[1] == scope
				if got.HasScope(scope) != want {
					t.Errorf("HasScope(%q) is %v", scope, !want)
				}
			}
		})
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	type object = map[string]any
	both := newProfile(t, consumer.ProfileConfig{
		Name: "p", RoleClaims: [][]string{{"realm_access", "roles"}, {"com.example/a.b", "x.y", "roles"}, {"group"}},
	})
	none := newProfile(t, consumer.ProfileConfig{Name: "none"})
	for name, test := range map[string]struct {
		profile consumer.Profile
		claims  object
		want    []string
	}{
		"roles of RFC 9068":       {claims: object{"roles": []string{"a", "b"}}, want: []string{"a", "b"}},
		"a string is one role":    {claims: object{"roles": "a b"}, want: []string{"a b"}},
		"other elements":          {claims: object{"roles": []any{1, nil, "a", "", []string{"b"}, object{"value": "c"}}}, want: []string{"a"}},
		"number":                  {claims: object{"roles": 1}},
		"object":                  {claims: object{"roles": object{"a": true}}},
		"null":                    {claims: object{"roles": nil}},
		"case differs":            {claims: object{"Roles": []string{"a"}}},
		"absent":                  {},
		"nested, several places":  {profile: both, claims: object{"realm_access": object{"roles": []string{"a"}}, "group": "b"}, want: []string{"a", "b"}},
		"names with dots":         {profile: both, claims: object{"com.example/a.b": object{"x.y": object{"roles": []string{"a"}}}}, want: []string{"a"}},
		"a value in the way":      {profile: both, claims: object{"realm_access": "roles", "com.example/a.b": object{"x.y": []string{"roles"}}}},
		"path of another profile": {profile: both, claims: object{"roles": []string{"a"}}},
		"without RoleClaims":      {profile: none, claims: object{"roles": []string{"a"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := offline(t, issuer)
			cfg.Profile = test.profile
			token := issuer.AccessToken()
			for claim, value := range test.claims {
				token.Set(claim, value)
			}
			got := accept(t, newConsumer(t, cfg), token.Sign())
			if diff := cmp.Diff(test.want, got.Roles(), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("Roles (-want +got):\n%s", diff)
			}
			for _, role := range test.want {
				if !got.HasRole(role) {
					t.Errorf("HasRole(%q) is false", role)
				}
			}
			if got.HasRole("") || got.HasRole("c") {
				t.Error("HasRole is true for a role that the token does not have")
			}
			if roles := got.Roles(); len(roles) > 0 {
				roles[0] = "admin"
				if got.HasRole("admin") {
					t.Error("Roles does not return a copy")
				}
			}
		})
	}
}
