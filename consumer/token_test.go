package consumer_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func TestTokenMethodsReturnTheSignedClaims(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer()
		now := time.Now()
		token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().
			Set("scope", "orders:read").Set("jti", "id-1").Set("nbf", now.Unix()).Set("aud", []string{audience, "b"}).Sign())
		got := []any{
			token.Issuer(), token.Subject(), token.ClientID(), token.ID(), token.Audience(), token.Scopes(),
			token.IssuedAt().Equal(now), token.NotBefore().Equal(now), token.VerifiedAt().Equal(now),
			token.Expiry().Sub(now), token.Principal(),
		}
		want := []any{
			issuerURL, "alice", "client", "id-1",
			[]string{audience, "b"},
			[]string{"orders:read"},
			true, true, true,
			5 * time.Minute, consumer.PrincipalUser,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// One Token serves many requests, so what one of them gets hold of must not reach the others.
func TestTokenCannotBeChanged(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	raw := issuer.AccessToken().Set("aud", []string{audience, "b"}).Set("scope", []string{"a", "b"}).
		Set("roles", []string{"reader"}).Set("realm_access", map[string]any{"roles": []string{"reader"}}).Sign()
	token := accept(t, c, raw)

	token.Audience()[0] = "changed"
	token.Scopes()[0] = "admin"
	_ = append(token.Scopes()[:0], "admin", "admin")
	list(t, token, "roles")[0] = "admin"
	realm, _ := token.Claim("realm_access")
	members, ok := realm.(map[string]any)
	if !ok {
		t.Fatalf("realm_access is a %T", realm)
	}
	members["roles"] = []any{"admin"}

	again := accept(t, c, raw)
	if again != token {
		t.Fatal("the token was not cached")
	}
	if again.HasScope("admin") || again.Audience()[0] != audience || again.Scopes()[0] != "a" {
		t.Errorf("changed: %q %q", again.Scopes(), again.Audience())
	}
	realm, _ = again.Claim("realm_access")
	want := map[string]any{"roles": []any{"reader"}}
	if diff := cmp.Diff([]any{[]any{"reader"}, any(want)}, []any{list(t, again, "roles"), realm}); diff != "" {
		t.Errorf("claims changed (-want +got):\n%s", diff)
	}
}

func list(t *testing.T, token *consumer.Token, name string) []any {
	t.Helper()
	value, _ := token.Claim(name)
	elements, ok := value.([]any)
	if !ok {
		t.Fatalf("%s is a %T", name, value)
	}
	return elements
}

func TestTokenClaim(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().
		Set("n", nil).Set("b", true).Set("x", 1.5).Set("o", map[string]any{"k": []int{1}}).
		Set("big", json.RawMessage("12345678901234567890")).Sign())
	for name, want := range map[string]any{
		"n": nil, "b": true, "x": 1.5, "o": map[string]any{"k": []any{1.0}}, "sub": "alice", "big": 12345678901234567890.0,
	} {
		got, ok := token.Claim(name)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s, there: %v (-want +got):\n%s", name, ok, diff)
		}
	}
	for _, name := range []string{"", "SUB", "Sub", "unknown", "o.k"} {
		if got, ok := token.Claim(name); ok || got != nil {
			t.Errorf("claim %q is %v, %v", name, got, ok)
		}
	}
}

// Groups, roles and entitlements are lists, of strings or of the objects of SCIM (RFC 9068 §2.2.3.1).
func TestP10_GroupsRolesEntitlements(t *testing.T) {
	t.Parallel()
	type entry struct {
		Value   string `json:"value"`
		Display string `json:"display"`
	}
	type claims struct {
		Groups       []entry  `json:"groups"`
		Roles        []string `json:"roles"`
		Entitlements []entry  `json:"entitlements"`
	}
	want := claims{Groups: []entry{{"g1", "Group"}, {"g2", ""}}, Roles: []string{"reader"}, Entitlements: []entry{{"e", "E"}}}
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().
		Set("groups", want.Groups).Set("roles", want.Roles).Set("entitlements", want.Entitlements).Sign())
	got, err := consumer.ClaimsAs[claims](token)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	first, _ := list(t, token, "groups")[0].(map[string]any)
	if first["value"] != "g1" {
		t.Errorf("first group %v", first)
	}
}

func TestT4_TokenDecodeIsByteExact(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	token := accept(t, newConsumer(t, offline(t, issuer)), issuer.AccessToken().
		Set("ADMIN", true).Set("big", json.RawMessage("12345678901234567890")).Sign())
	var claims struct {
		Subject string      `json:"sub"`
		Admin   bool        `json:"admin"`
		Big     json.Number `json:"big"`
	}
	if err := token.Decode(&claims); err != nil {
		t.Fatal(err)
	}
	if claims.Subject != "alice" || claims.Admin || claims.Big != "12345678901234567890" {
		t.Errorf("claims %+v", claims)
	}
	if token.Decode(claims) == nil || token.Decode(nil) == nil {
		t.Error("decoded into nothing")
	}
	if token.Decode(&struct {
		Subject int `json:"sub"`
	}{}) == nil {
		t.Error("a string was decoded into an int")
	}
}

// A client that acts for itself must never pass for the user whose name it bears (RFC 9700 §4.15).
func TestX3_Attack46_Principal(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for _, test := range []struct {
		sub, client string
		idtyp       any
		want        consumer.Principal
	}{
		{"alice", "client", bearertest.Absent, consumer.PrincipalUser},
		{"client", "client", bearertest.Absent, consumer.PrincipalClient},
		{"client@clients", "client", bearertest.Absent, consumer.PrincipalClient},
		{"alice", "client", "app", consumer.PrincipalClient},
		{"alice", "client", "user", consumer.PrincipalUser},
		{"Client", "client", bearertest.Absent, consumer.PrincipalUser},
		{"other@clients", "client", bearertest.Absent, consumer.PrincipalUser},
	} {
		token := accept(t, c, issuer.AccessToken().Set("sub", test.sub).Set("client_id", test.client).
			Set("idtyp", test.idtyp).Sign())
		if token.Principal() != test.want {
			t.Errorf("sub %q, client %q, idtyp %v: principal %v, want %v",
				test.sub, test.client, test.idtyp, token.Principal(), test.want)
		}
	}
}

// Confirmation reports every kind of binding, including unknown ones.
func TestAttack26_Confirmation(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for text, want := range map[string]consumer.Confirmation{
		`{"jkt":"j"}`:                {JWKThumbprint: "j"},
		`{"x5t#S256":"x"}`:           {CertificateThumbprint: "x"},
		`{"jkt":"j","x5t#S256":"x"}`: {JWKThumbprint: "j", CertificateThumbprint: "x"},
		`{"jwk":{}}`:                 {Unknown: true},
		`{"jkt":"j","kid":"k"}`:      {JWKThumbprint: "j", Unknown: true},
		`{"jkt":1}`:                  {Unknown: true},
		`{"jkt":null}`:               {Unknown: true},
		`{"JKT":"j"}`:                {Unknown: true},
		`{"jkt":""}`:                 {Unknown: true},
		`{"jkt":"","x5t#S256":"x"}`:  {CertificateThumbprint: "x", Unknown: true},
		`{}`:                         {Unknown: true},
	} {
		token := accept(t, c, issuer.AccessToken().Set("cnf", json.RawMessage(text)).Sign())
		got, bound := token.Confirmation()
		if diff := cmp.Diff(want, got); diff != "" || !bound {
			t.Errorf("cnf %s, bound: %v (-want +got):\n%s", text, bound, diff)
		}
	}
	got, bound := accept(t, c, issuer.AccessToken().Sign()).Confirmation()
	if bound || got != (consumer.Confirmation{}) {
		t.Errorf("a bearer token is bound to %+v", got)
	}
}

// No way of writing a Token down shows a person, a claim, or what could be used again.
func TestB8_Attack43_TokenIsRedacted(t *testing.T) {
	t.Parallel()
	issuer := newIssuer("HS256")
	_, key := issuer.Key("HS256")
	secret, _ := key.([]byte)
	keys, err := jwks.Secret(secret, "HS256")
	if err != nil {
		t.Fatal(err)
	}
	c := newConsumer(t, consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
	raw := issuer.AccessToken().Set("jti", "hunter-jti").Set("sub", "hunter-sub").Set("email", "hunter@mail.test").Sign()
	token := accept(t, c, raw)

	var text, structured bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("verified", slog.Any("token", token))
	slog.New(slog.NewJSONHandler(&structured, nil)).Info("verified", slog.Any("token", token))
	encoded, err := json.Marshal([]any{token})
	if err != nil {
		t.Fatal(err)
	}
	written := map[string]string{"text log": text.String(), "JSON log": structured.String(), "JSON": string(encoded)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		written[verb] = fmt.Sprintf(verb, token)
		written[verb+" inside"] = fmt.Sprintf(verb, struct{ Token any }{token})
		written[verb+" of the consumer"] = fmt.Sprintf(verb, c)
		written[verb+" of a group"] = fmt.Sprintf(verb, newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{c}}))
		written[verb+" of a field"] = fmt.Sprintf(verb, struct{ verifier consumer.Verifier }{c})
	}
	asNumbers, asHex := fmt.Sprintf("%d", secret[:4]), hex.EncodeToString(secret[:4])
	for how, got := range written {
		for _, part := range append(strings.Split(raw, "."), "hunter", strings.Trim(asNumbers, "[]"), asHex) {
			if strings.Contains(got, part) {
				t.Errorf("%s shows %q: %s", how, part, got)
			}
		}
	}
	for _, how := range []string{"text log", "JSON log"} {
		if got := written[how]; !strings.Contains(got, issuerURL) || !strings.Contains(got, "client") {
			t.Errorf("%s names neither issuer nor client: %s", how, got)
		}
	}
}

// ClaimJSON returns the text that the issuer wrote, without an allocation.
func TestToken_ClaimJSON(t *testing.T) { //nolint:paralleltest // allocations are counted
	token, err := consumer.NewToken(issuerURL, []byte(`{"a": {"b" : [1.0, "\u0041"]}, "A": 1e3, "n":null}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"a": `{"b" : [1.0, "\u0041"]}`, "A": "1e3", "n": "null"} {
		if got, ok := token.ClaimJSON(name); !ok || got != want {
			t.Errorf("%s: %q, %v, want %q", name, got, ok, want)
		}
	}
	if got, ok := token.ClaimJSON("b"); ok || got != "" {
		t.Errorf("absent claim: %q, %v", got, ok)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = token.ClaimJSON("A") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
