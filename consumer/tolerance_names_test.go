package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func TestCaseT14_Header(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var inCheck any
	cfg := offline(t, issuer)
	cfg.Check = func(_ context.Context, token *consumer.Token) error {
		inCheck, _ = token.Header("kid")
		return nil
	}
	c, g := newConsumer(t, cfg), newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	kid, _ := issuer.Key("ES256")
	raw := issuer.AccessToken().SetHeader("x5t", "t").SetHeader("nested", map[string]any{"a": []int{1}}).SetHeader("nil", nil).Sign()
	for name, v := range map[string]consumer.Verifier{"Consumer": c, "Group": g} {
		for _, lookup := range []string{"verified", "cached"} {
			token := accept(t, v, raw)
			want := map[string]any{
				"kid": kid, "alg": "ES256", "typ": "at+jwt", "x5t": "t", "nested": map[string]any{"a": []any{1.0}}, "nil": nil,
			}
			for parameter, want := range want {
				got, ok := token.Header(parameter)
				if diff := cmp.Diff(want, got); diff != "" || !ok {
					t.Errorf("%s, %s: %s, %v (-want +got):\n%s", name, lookup, parameter, ok, diff)
				}
			}
			for _, parameter := range []string{"KID", "sub", ""} {
				if got, ok := token.Header(parameter); ok || got != nil {
					t.Errorf("%s, %s: %q is %v", name, lookup, parameter, got)
				}
			}
			if nested, _ := token.Header("nested"); nested != nil {
				nested.(map[string]any)["a"] = 2 //nolint:errcheck // checked above
			}
		}
	}
	if inCheck != kid {
		t.Errorf("in Config.Check, kid is %v", inCheck)
	}
	made, err := consumer.NewToken(issuerURL, json.RawMessage(`{"kid":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := made.Header("kid"); ok || got != nil {
		t.Errorf("a Token of NewToken has the header parameter kid %v", got)
	}
}

// The kit compares names byte for byte. It rejects names that differ only in case if it reads one of them.
func TestCaseT15_CaseVariants(t *testing.T) {
	t.Parallel()
	found := []string{"case_variant claims"}
	list := func(items ...any) []any { return items }
	with := func(p consumer.Profile) func(*consumer.Config) { return func(cfg *consumer.Config) { cfg.Profile = p } }
	custom := newProfile(t, consumer.ProfileConfig{
		Name: "p", ClientClaims: []string{"app"}, FixedClaims: map[string][]string{"kind": {"a"}}, ScopeClaims: []string{"can"},
		RoleClaims: [][]string{{"access", "roles"}},
	})
	run(t, []tolerance{
		{name: "Role and role", edits: edits{"Role": "admin", "role": "user"}, quirks: found, check: func(token *consumer.Token) bool {
			upper, _ := token.Claim("Role")
			lower, _ := token.Claim("role")
			return upper == "admin" && lower == "user"
		}},
		{name: "nested", edits: edits{"ext": map[string]any{"A": 1, "a": 2}}, quirks: found},
		{
			name: "in an array", edits: edits{"ext": list(1, map[string]any{"A": 1, "a": 2}, "last")}, quirks: found,
			check: func(token *consumer.Token) bool {
				ext, _ := token.Claim("ext")
				return cmp.Equal(ext, list(1.0, map[string]any{"A": 1.0, "a": 2.0}, "last"))
			},
		},
		{name: "letters outside ASCII", edits: edits{"é": 1, "É": 2}, quirks: found},
		{name: "three spellings", edits: edits{"xy": 1, "Xy": 2, "XY": 3}, quirks: found},
		{
			name: "role claims of another profile", set: with(consumer.ProfileKeycloak), quirks: found,
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "Roles": "a", "roles": "b"},
		},
		{name: "beside read claims", edits: edits{"Role": 1, "role": 2, "scope": "a"}, quirks: found},
		{name: "one spelling only", edits: edits{"Nbf": time.Now().Add(time.Hour).Unix()}},

		{name: "exp", edits: edits{"EXP": 1}, want: consumer.ReasonMalformed},
		{name: "sub", edits: edits{"Sub": "bob"}, want: consumer.ReasonMalformed},
		{name: "long s", edits: edits{"\u017fub": "bob"}, want: consumer.ReasonMalformed},
		{name: "nbf, without nbf", edits: edits{"Nbf": 1, "NBF": 1}, want: consumer.ReasonMalformed},
		{name: "scope", edits: edits{"scope": "a", "Scope": "b"}, want: consumer.ReasonMalformed},
		{name: "nonce", edits: edits{"Nonce": "a", "nonce": nil}, want: consumer.ReasonMalformed},
		{name: "members of cnf", edits: edits{"cnf": map[string]any{"jkt": "a", "JKT": "b"}}, want: consumer.ReasonMalformed},
		{name: "acr", edits: edits{"acr": "1", "ACR": "2"}, want: consumer.ReasonMalformed},
		{
			name: "authorization_details", edits: edits{"authorization_details": list(map[string]any{"type": "a", "Type": "b"})},
			want: consumer.ReasonMalformed,
		},
		{name: "roles", edits: edits{"roles": "a", "Roles": "b"}, want: consumer.ReasonMalformed},
		{
			name: "below a role claim", set: with(consumer.ProfileKeycloak), want: consumer.ReasonMalformed,
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "realm_access": map[string]any{"roles": list("a"), "Roles": list("b")}},
		},
		{
			name: "required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"tenant"} },
			edits: edits{"tenant": "a", "Tenant": "b"}, want: consumer.ReasonMalformed,
		},
		{name: "client of the profile", set: with(custom), edits: edits{"app": "a", "App": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "fixed by the profile", set: with(custom), edits: edits{"kind": "a", "Kind": "b"}, want: consumer.ReasonMalformed},
		{name: "scopes of the profile", set: with(custom), edits: edits{"can": "a", "Can": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "roles of the profile", set: with(custom), edits: edits{"access": "a", "Access": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "header", edits: edits{"header x": 1, "header X": 2}, want: consumer.ReasonMalformed},
		{name: "header typ", edits: edits{"header Typ": "JWT"}, want: consumer.ReasonMalformed},
	})

	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for name, text := range map[string]string{
		"the same name twice": `"role":1,"role":2`, "escaped": `"role":1,"\u0072ole":2`, "nested": `"ext":{"a":1,"a":2}`,
		"variants and the same name": `"a":1,"A":2,"a":3`, "nested variants and the same name": `"B":1,"b":2,"ext":{"a":1,"a":2}`,
	} {
		if reject(t, c, issuer.AccessToken().EditClaims(add(text)).Sign(), consumer.ReasonMalformed); t.Failed() {
			t.Fatal(name)
		}
	}
	type claims struct {
		Role  string `json:"role"`
		Upper string `json:"Role"`
		Ext   []map[string]int
	}
	token := accept(t, c, issuer.AccessToken().EditClaims(add(`"Role":"admin","role":"user","Ext":[{"a":1,"A":2}],"ext":0`)).Sign())
	want := claims{Role: "user", Upper: "admin", Ext: []map[string]int{{"a": 1, "A": 2}}}
	var decoded claims
	if err := token.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	as, err := consumer.ClaimsAs[claims](token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]claims{want, want}, []claims{decoded, as}); diff != "" {
		t.Errorf("Decode, ClaimsAs (-want +got):\n%s", diff)
	}

	if _, err := consumer.NewToken(issuerURL, json.RawMessage(`{"Role":"admin","role":"user"}`)); err != nil {
		t.Errorf("NewToken: %v", err)
	}
	if _, err := consumer.NewToken(issuerURL, json.RawMessage(`{"sub":"a","Sub":"b"}`)); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("NewToken with two spellings of sub: error %v", err)
	}
}

func TestCaseT13_NoIssuer(t *testing.T) {
	t.Parallel()
	allow := func(cfg *consumer.Config) { cfg.InsecureNoIssuer = true }
	run(t, []tolerance{
		{name: "absent", set: allow, edits: edits{"iss": bearertest.Absent}, check: func(token *consumer.Token) bool {
			_, ok := token.Claim("iss")
			return token.Issuer() == issuerURL && !ok
		}},
		{name: "the configured one", set: allow},
		{name: "another one", set: allow, edits: edits{"iss": "https://other.test"}, want: consumer.ReasonIssuer},
		{name: "null", set: allow, edits: edits{"iss": nil}, want: consumer.ReasonIssuer},
		{name: "empty", set: allow, edits: edits{"iss": ""}, want: consumer.ReasonIssuer},
		{name: "number", set: allow, edits: edits{"iss": 0}, want: consumer.ReasonIssuer},
		{name: "array", set: allow, edits: edits{"iss": []string{issuerURL}}, want: consumer.ReasonIssuer},
		{name: "another spelling", set: allow, edits: edits{"iss": bearertest.Absent, "Iss": "https://other.test"}},
		{
			name: "two other spellings", set: allow, edits: edits{"iss": bearertest.Absent, "Iss": "x", "ISS": "x"},
			want: consumer.ReasonMalformed,
		},
		{name: "without the setting", edits: edits{"iss": bearertest.Absent}, want: consumer.ReasonIssuer},
		{name: "still an audience", set: allow, edits: edits{"iss": bearertest.Absent, "aud": "other"}, want: consumer.ReasonAudience},
	})

	issuer := newIssuer()
	static := publishedKeys(t, issuer)
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile, err := jwks.File(file, "")
	if err != nil {
		t.Fatal(err)
	}
	remote, err := jwks.New(jwks.Config{URL: issuerURL + "/jwks"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys jwks.Source
		ok   bool
	}{
		"static": {static, true}, "file": {fromFile, true},
		"discovery": {}, "remote": {keys: remote}, "custom": {keys: fixedSource{}},
		"static and remote": {keys: jwks.Join(static, remote)},
	} {
		cfg := offline(t, issuer)
		cfg.Keys, cfg.InsecureNoIssuer = test.keys, true
		_, err := consumer.New(cfg)
		if test.ok && err != nil || !test.ok && (err == nil || !strings.Contains(err.Error(), "Config.InsecureNoIssuer requires")) {
			t.Errorf("%s: error %v", name, err)
		}
	}

	// A Group selects the Consumer by iss.
	cfg := offline(t, issuer)
	cfg.InsecureNoIssuer = true
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}})
	accept(t, g, issuer.AccessToken().Sign())
	reject(t, g, issuer.AccessToken().Set("iss", bearertest.Absent).Sign(), consumer.ReasonIssuer)
}
