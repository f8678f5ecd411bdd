package introspection_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

func TestI1_RequestIsAuthenticatedByEachMethod(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		edit func(*client.Config)
		want url.Values // besides token and token_type_hint; "*" means any value
	}{
		"basic": {func(cfg *client.Config) { cfg.AuthMethod = client.AuthBasic }, nil},
		"post": {
			func(cfg *client.Config) { cfg.AuthMethod = client.AuthPost },
			url.Values{"client_id": {"orders-api"}, "client_secret": {"a-secret-of-more-than-32-characters"}},
		},
		"private_key_jwt": {
			func(cfg *client.Config) {
				cfg.AuthMethod, cfg.ClientSecret = client.AuthPrivateKeyJWT, ""
				cfg.Key = &client.SigningKey{Private: key, ID: "k1", Algorithm: "ES256"}
			},
			url.Values{"client_id": {"orders-api"}, "client_assertion": {"*"}, "client_assertion_type": {"*"}},
		},
		"client_secret_jwt": {
			func(cfg *client.Config) { cfg.AuthMethod = client.AuthSecretJWT },
			url.Values{"client_id": {"orders-api"}, "client_assertion": {"*"}, "client_assertion_type": {"*"}},
		},
		"tls": {
			func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret = client.AuthTLS, "" },
			url.Values{"client_id": {"orders-api"}},
		},
	} {
		s := says(200, active())
		v := newVerifier(t, s, func(cfg *introspection.Config) { cfg.Client = newClient(t, s, c.edit) })
		wantReason(t, v, opaque, "")
		_, _, basic := s.requests[0].BasicAuth()
		form := s.forms[0]
		for name, value := range c.want {
			if form.Get(name) != "" && value[0] == "*" {
				form.Set(name, "*")
			}
		}
		want := url.Values{"token": {opaque}, "token_type_hint": {"access_token"}}
		for name, value := range c.want {
			want[name] = value
		}
		if diff := cmp.Diff(want, form); diff != "" || basic != (name == "basic") || s.requests[0].Method != http.MethodPost {
			t.Errorf("%s: %s with Basic %v: %s", name, s.requests[0].Method, basic, diff)
		}
	}
}

// A malformed response is a fault of the server. The result is 503, because the token may be valid.
func TestI2_InvalidResponsesAreUnavailable(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 2<<20)
	for name, body := range map[string]string{
		"string true": `{"active":"true"}`, "string false": `{"active":"false"}`, "number": `{"active":1}`, "null": `{"active":null}`,
		"absent": `{}`, "twice": `{"active":false,"active":true}`, "another case": `{"ACTIVE":true}`, "empty": ``, "HTML": `<html>`,
		"array": `[true]`, "trailing data": active() + `{}`, "truncated": active()[:20], "too long": `{"active":true,"x":"` + long + `"}`,
		"an error": `{"active":true,"error":"server_error"}`, "form": `active=true&aud=x`, "invalid UTF-8": "{\"active\":true,\"x\":\"\xff\"}",
	} {
		s := says(200, body)
		v := newVerifier(t, s, nil)
		for range 2 { // it is not cached
			token, err := v.Verify(t.Context(), opaque)
			if got := reasonOf(t, err); token != nil || got != consumer.ReasonIntrospectionUnavailable || !errors.Is(err, consumer.ErrUnavailable) {
				t.Errorf("%s: token %v, error %v", name, token, err)
			}
		}
		wantRequests(t, s, 2, name)
	}
}

func TestI3_InactiveTokensAreInvalid(t *testing.T) {
	t.Parallel()
	for _, body := range []string{inactive, `{"active":false,"sub":"alice","aud":"` + audience + `","reason":"revoked"}`} {
		v := newVerifier(t, says(200, body), nil)
		_, err := v.Verify(t.Context(), opaque)
		if got := reasonOf(t, err); got != consumer.ReasonInactive || !errors.Is(err, consumer.ErrInvalidToken) || strings.Contains(err.Error(), "revoked") {
			t.Errorf("%s: %v", body, err)
		}
	}
	// The server does not introspect such a token. Waiting would not change that.
	v := newVerifier(t, says(400, `{"error":"unsupported_token_type"}`), nil)
	wantReason(t, v, opaque, consumer.ReasonInactive)
}

func TestI6_ClaimsAreCheckedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		for name, c := range map[string]struct {
			body string
			edit func(*introspection.Config)
			want consumer.Reason // empty: accepted
		}{
			"complete":                     {body: active()},
			"only what is required":        {body: `{"active":true,"aud":"` + audience + `"}`},
			"several audiences":            {body: active("aud", []string{"x", audience})},
			"another audience":             {body: active("aud", "https://other.test"), want: consumer.ReasonAudience},
			"no audience":                  {body: active("aud", nil), want: consumer.ReasonAudience},
			"an empty audience":            {body: active("aud", []string{}), want: consumer.ReasonAudience},
			"audience is an object":        {body: active("aud", map[string]any{}), want: consumer.ReasonClaims},
			"no audience, allowed":         {body: active("aud", nil), edit: func(cfg *introspection.Config) { cfg.Audience, cfg.InsecureNoAudience = nil, true }},
			"no audience and no type":      {body: active("aud", nil, "token_type", nil), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonType},
			"an empty list and no type":    {body: active("aud", []string{}, "token_type", nil), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonType},
			"an empty text and no type":    {body: active("aud", "", "token_type", nil), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonType},
			"null and no type":             {body: active("aud", json.RawMessage("null"), "token_type", ""), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonType},
			"neither, allowed":             {body: active("aud", nil, "token_type", nil), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience, cfg.InsecureNoTokenType = true, true }},
			"another audience, not all":    {body: active("aud", "x"), edit: func(cfg *introspection.Config) { cfg.InsecureNoAudience = true }, want: consumer.ReasonAudience},
			"another issuer":               {body: active("iss", "https://evil.test"), want: consumer.ReasonIssuer},
			"the issuer with a slash":      {body: active("iss", issuerURL+"/"), want: consumer.ReasonIssuer},
			"no issuer":                    {body: active("iss", nil)},
			"expired":                      {body: active("exp", now-10), want: consumer.ReasonExpired},
			"expired within the skew":      {body: active("exp", now-9)},
			"exp is a string":              {body: active("exp", "2000000000"), want: consumer.ReasonClaims},
			"exp is huge":                  {body: active("exp", 1e300), want: consumer.ReasonClaims},
			"no exp":                       {body: active("exp", nil)},
			"not yet valid":                {body: active("nbf", now+11), want: consumer.ReasonNotYetValid},
			"issued in the future":         {body: active("iat", now+11), want: consumer.ReasonIssuedInFuture},
			"scope is a number":            {body: active("scope", 1), want: consumer.ReasonClaims},
			"sub is an array":              {body: active("sub", []string{"a"}), want: consumer.ReasonClaims},
			"token_type in another case":   {body: active("token_type", "bearer")},
			"token_type is null":           {body: strings.Replace(active("token_type", nil), `{`, `{"token_type":null,`, 1)},
			"token_type is a number":       {body: active("token_type", 1), want: consumer.ReasonClaims},
			"a refresh token":              {body: active("token_type", "refresh_token"), want: consumer.ReasonType},
			"not an access token":          {body: active("token_type", "N_A"), want: consumer.ReasonType},
			"MAC":                          {body: active("token_type", "mac"), want: consumer.ReasonType},
			"an ID token":                  {body: active("token_type", "id_token"), want: consumer.ReasonType},
			"ID token of RFC 8693":         {body: active("token_type", "urn:ietf:params:oauth:token-type:id_token"), want: consumer.ReasonType},
			"access token of RFC 8693":     {body: active("token_type", "urn:ietf:params:oauth:token-type:access_token")},
			"token_use of a refresh":       {body: active("token_use", "refresh_token"), want: consumer.ReasonType},
			"typ of a refresh":             {body: active("typ", "Refresh"), want: consumer.ReasonType},
			"typ of an offline token":      {body: active("typ", "Offline"), want: consumer.ReasonType},
			"typ of Keycloak":              {body: active("typ", "Bearer", "azp", "app")},
			"at_hash":                      {body: active("at_hash", "x"), want: consumer.ReasonType},
			"nested introspection":         {body: active("token_introspection", map[string]any{"active": true}), want: consumer.ReasonType},
			"names that differ in case":    {body: strings.Replace(active(), `{`, `{"AUD":"x",`, 1), want: consumer.ReasonIntrospectionUnavailable},
			"another client":               {body: active(), edit: func(cfg *introspection.Config) { cfg.ClientIDs = []string{"other"} }, want: consumer.ReasonClaims},
			"a missing claim":              {body: active(), edit: func(cfg *introspection.Config) { cfg.RequiredClaims = []string{"tenant"} }, want: consumer.ReasonClaims},
			"a missing claim of a profile": {body: active(), edit: func(cfg *introspection.Config) { cfg.Profile = consumer.ProfileRFC9068 }, want: consumer.ReasonClaims},
		} {
			s := says(200, c.body)
			wantReason(t, newVerifier(t, s, c.edit), opaque, c.want)
			if t.Failed() {
				t.Fatal(name)
			}
		}
	})
}

func TestI6_TokenHasTheClaims(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, says(200, active("scope", "a b", "iat", time.Now().Unix(), "azp", "app", "jti", "1", "typ", "Bearer", "realm_access", map[string]any{"roles": []string{"admin"}})),
		func(cfg *introspection.Config) { cfg.Profile = consumer.ProfileKeycloak })
	token, err := v.Verify(t.Context(), opaque)
	if err != nil {
		t.Fatal(err)
	}
	if token.Issuer() != issuerURL || token.Subject() != "alice" || token.ClientID() != "app" || !token.HasScope("b") ||
		!token.HasRole("admin") || token.Principal() != consumer.PrincipalUser || token.VerifiedAt().IsZero() || token.Expiry().IsZero() {
		t.Errorf("token %v", token)
	}
}

func TestG8_TokenTypeFitsTheBinding(t *testing.T) {
	t.Parallel()
	jkt := map[string]any{"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}
	certificate := map[string]any{"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}
	for name, c := range map[string]struct {
		typ, cnf any
		want     consumer.Reason
		quirk    bool
		bound    consumer.Confirmation
	}{
		"DPoP with jkt":              {"DPoP", jkt, "", false, consumer.Confirmation{JWKThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
		"dpop with jkt":              {"dpop", jkt, "", false, consumer.Confirmation{JWKThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
		"no type with jkt":           {nil, jkt, "", false, consumer.Confirmation{JWKThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
		"Bearer with jkt":            {"Bearer", jkt, "", true, consumer.Confirmation{JWKThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
		"access_token with jkt":      {"access_token", jkt, "", true, consumer.Confirmation{JWKThumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}},
		"Bearer with a certificate":  {"Bearer", certificate, "", false, consumer.Confirmation{CertificateThumbprint: "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}},
		"Bearer without cnf":         {"Bearer", nil, "", false, consumer.Confirmation{}},
		"DPoP without cnf":           {"DPoP", nil, consumer.ReasonBinding, false, consumer.Confirmation{}},
		"DPoP with an empty cnf":     {"DPoP", map[string]any{}, consumer.ReasonBinding, false, consumer.Confirmation{}},
		"DPoP with a certificate":    {"DPoP", certificate, consumer.ReasonBinding, false, consumer.Confirmation{}},
		"DPoP with an empty jkt":     {"DPoP", map[string]any{"jkt": ""}, consumer.ReasonBinding, false, consumer.Confirmation{}},
		"Bearer with an unknown cnf": {"Bearer", map[string]any{"kid": "x"}, "", false, consumer.Confirmation{Unknown: true}},
		"Bearer with an empty cnf":   {"Bearer", map[string]any{}, "", false, consumer.Confirmation{Unknown: true}},
		"cnf is a string":            {"Bearer", "x", consumer.ReasonClaims, false, consumer.Confirmation{}},
		"mac with jkt":               {"mac", jkt, consumer.ReasonType, false, consumer.Confirmation{}},
	} {
		v := newVerifier(t, says(200, active("token_type", c.typ, "cnf", c.cnf)), nil)
		token, err := v.Verify(t.Context(), opaque)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: reason %q, want %q", name, got, c.want)
			continue
		}
		reported := len(v.Health().Quirks) == 1 && v.Health().Quirks[0].Name == quirk.TokenType
		if reported != c.quirk {
			t.Errorf("%s: quirks %v", name, v.Health().Quirks)
		}
		if err != nil {
			continue
		}
		if bound, _ := token.Confirmation(); bound != c.bound {
			t.Errorf("%s: bound to %+v", name, bound)
		}
	}
}

// With SignedIntrospection, only a signed response counts. Without it, both do.
func TestI7_SignedResponses(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: "orders-api", Algorithms: []string{"ES256"}})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	signed := func() string {
		return issuer.AccessToken().SetHeader("typ", "token-introspection+jwt").Set("sub", bearertest.Absent).
			Set("token_introspection", map[string]any{"active": true, "aud": audience, "sub": "alice"}).Sign()
	}
	jwtType := http.Header{"Content-Type": {"application/token-introspection+jwt"}}
	for name, c := range map[string]struct {
		required bool
		header   http.Header
		body     string
		want     consumer.Reason
	}{
		"signed":                   {true, jwtType, signed(), ""},
		"signed, not required":     {false, jwtType, signed(), ""},
		"unsigned":                 {false, nil, active(), ""},
		"unsigned, not acceptable": {true, nil, active(), consumer.ReasonIntrospectionUnavailable},
		"inactive, not acceptable": {true, nil, inactive, consumer.ReasonIntrospectionUnavailable},
		"forged":                   {true, jwtType, signed()[:len(signed())-8] + "AAAAAAAA", consumer.ReasonIntrospectionUnavailable},
		"encrypted":                {true, jwtType, "e30.e30.e30.e30.e30", consumer.ReasonIntrospectionUnavailable},
	} {
		s := new(server)
		s.setFunc(func(*http.Request, url.Values) (int, http.Header, string) { return 200, c.header, c.body })
		v := newVerifier(t, s, func(cfg *introspection.Config) {
			cfg.Client = newClient(t, s, func(cfg *client.Config) { cfg.Keys, cfg.SignedIntrospection = keys, c.required })
		})
		token, err := v.Verify(t.Context(), opaque)
		if got := reasonOf(t, err); got != c.want {
			t.Errorf("%s: reason %q, want %q (%v)", name, got, c.want, err)
		}
		if err == nil && token.Subject() != "alice" {
			t.Errorf("%s: subject %q", name, token.Subject())
		}
	}
}

// A signed introspection response is for the API, but it is not an access token, even if its audience would fit.
func TestI7_Attack24_SignedResponseIsNotAnAccessToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience})
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	c, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{audience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	s := says(200, active())
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{c}, Opaque: newVerifier(t, s, nil)})
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range []any{"token-introspection+jwt", "application/token-introspection+jwt", "JWT", "at+jwt", bearertest.Absent} {
		raw := issuer.AccessToken().SetHeader("typ", typ).Set("token_introspection", map[string]any{"active": true}).Sign()
		for name, v := range map[string]consumer.Verifier{"Consumer": c, "Group": group} {
			_, err := v.Verify(t.Context(), raw)
			if got := reasonOf(t, err); got != consumer.ReasonType {
				t.Errorf("typ %v: %s: reason %q", typ, name, got)
			}
		}
	}
	wantRequests(t, s, 0, "JWTs")
	wantReason(t, group, opaque, "")
	wantRequests(t, s, 1, "an opaque token")
}

func TestMalformedTokensCauseNoRequest(t *testing.T) {
	t.Parallel()
	s := says(200, active())
	v := newVerifier(t, s, func(cfg *introspection.Config) {
		cfg.Accept = func(raw string) bool { return strings.HasPrefix(raw, "at_") || len(raw) == len(opaque) }
	})
	for raw, want := range map[string]consumer.Reason{
		"":                                  consumer.ReasonMalformed,
		"at_ x":                             consumer.ReasonMalformed,
		"at_\x00":                           consumer.ReasonMalformed,
		"at_é":                              consumer.ReasonMalformed,
		"at_'OR'1'='1":                      consumer.ReasonMalformed,
		"at_=x":                             consumer.ReasonMalformed,
		"rt_x":                              consumer.ReasonMalformed,
		"at_" + strings.Repeat("x", 16<<10): consumer.ReasonTooLarge,
	} {
		if _, err := v.Verify(t.Context(), raw); reasonOf(t, err) != want {
			t.Errorf("%.20q: %v", raw, err)
		}
	}
	wantRequests(t, s, 0, "malformed tokens")
	wantReason(t, v, "at_x==", "")
	wantReason(t, v, opaque, "")
}

func TestCheckAndStatus(t *testing.T) {
	t.Parallel()
	revoked := false
	s := says(200, active())
	v := newVerifier(t, s, func(cfg *introspection.Config) {
		cfg.Check = func(_ context.Context, t *consumer.Token) error {
			if t.Subject() != "alice" {
				return errors.New("not alice")
			}
			return nil
		}
		cfg.Status = statusFunc(func(context.Context) (bool, error) { return !revoked, nil })
	})
	wantReason(t, v, opaque, "")
	revoked = true // also for the cached token
	wantReason(t, v, opaque, consumer.ReasonRevoked)
	revoked = false
	wantReason(t, v, opaque, "")
	wantRequests(t, s, 1, "one token")
	s.set(200, active("sub", "bob"))
	wantReason(t, v, "of-bob", consumer.ReasonClaims)
}
