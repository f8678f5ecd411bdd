package inspect_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
)

// What users paste around a token is removed, and nothing of the token is.
func TestParseToken_Removed(t *testing.T) {
	t.Parallel()
	raw := bearertest.NewIssuer(bearertest.IssuerConfig{}).AccessToken().Sign()
	half := len(raw) / 2
	for _, test := range []struct {
		name, text, want string
		removed          []string
	}{
		{"a token", raw, raw, nil},
		{"white space", " \t" + raw + "\r\n", raw, []string{"white space"}},
		{"Bearer", "Bearer " + raw, raw, []string{"the scheme Bearer"}},
		{"Bearer in lower case and spaces", "bearer   " + raw, raw, []string{"the scheme Bearer"}},
		{"DPoP", "DPoP " + raw, raw, []string{"the scheme DPoP"}},
		{"a header line", "Authorization: Bearer " + raw, raw, []string{"the name of the header", "the scheme Bearer"}},
		{"a header line in lower case", "authorization:bearer " + raw + "\n", raw, []string{"white space", "the name of the header", "the scheme Bearer"}},
		{"quotation marks", `"` + raw + `"`, raw, []string{"quotation marks"}},
		{"quotation marks of a shell", `'Authorization: Bearer ` + raw + `'`, raw, []string{"quotation marks", "the name of the header", "the scheme Bearer"}},
		{"a token response", `{"token_type":"Bearer","access_token":"` + raw + `","id_token":"x"}`, raw, []string{"the JSON of a token response"}},
		{"an indented token response", "{\n  \"access_token\": \"" + raw + "\"\n}\n", raw, []string{"white space", "the JSON of a token response"}},
		{"line breaks", raw[:half] + "\r\n" + raw[half:], raw, []string{"line breaks"}},
		{"an opaque token", "Bearer mF_9.B5f-4.1JqM", "mF_9.B5f-4.1JqM", []string{"the scheme Bearer"}},
		{"a token that begins like a scheme", "Bearertoken", "Bearertoken", nil},
		{"only a scheme", "Bearer", "Bearer", nil},
		{"another scheme", "Basic ZG9jdG9y", "Basic ZG9jdG9y", nil},
		{"JSON without a token", `{"error":"invalid_grant"}`, `{"error":"invalid_grant"}`, nil},
		{"JSON with an empty token", `{"access_token":""}`, `{"access_token":""}`, nil},
		{"JSON with a token of another type", `{"access_token":1}`, `{"access_token":1}`, nil},
		{"half of a token response", `{"access_token":"` + raw, `{"access_token":"` + raw, nil},
		{"nothing", " \n", "", []string{"white space"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := inspect.ParseToken(test.text)
			if got.Raw != test.want {
				t.Errorf("Raw is %q, want %q", got.Raw, test.want)
			}
			if diff := cmp.Diff(test.removed, got.Removed); diff != "" {
				t.Errorf("Removed (-want +got):\n%s", diff)
			}
			if want := test.want == raw; got.IsJWT() != want {
				t.Errorf("IsJWT is %t, want %t", got.IsJWT(), want)
			}
		})
	}
}

// The type in the header counts before the claims.
func TestParseToken_Kinds(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	plain := func() *bearertest.Token {
		return issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("scope", bearertest.Absent)
	}
	for _, test := range []struct {
		name, text string
		want       inspect.Kind
	}{
		{"RFC 9068", issuer.AccessToken().Sign(), inspect.KindAccessToken},
		{"RFC 9068 with the prefix", issuer.AccessToken().SetHeader("typ", "application/AT+JWT").Sign(), inspect.KindAccessToken},
		{"a JWT without a mark", plain().Sign(), inspect.KindJWT},
		{"scopes", plain().Set("scp", "a b").Sign(), inspect.KindAccessToken},
		{"Keycloak", plain().Set("typ", "Bearer").Sign(), inspect.KindAccessToken},
		{"Keycloak, ID token", plain().Set("typ", "ID").Sign(), inspect.KindIDToken},
		{"Keycloak, refresh token", plain().Set("typ", "Refresh").Sign(), inspect.KindRefreshToken},
		{"Cognito, ID token", plain().Set("token_use", "id").Sign(), inspect.KindIDToken},
		{"an ID token", issuer.IDToken().Sign(), inspect.KindIDToken},
		{"a nonce", plain().Set("nonce", "x").Sign(), inspect.KindIDToken},
		{"a nonce that is null", plain().Set("nonce", nil).Sign(), inspect.KindJWT},
		{"an access token with a nonce", issuer.AccessToken().Set("nonce", "x").Sign(), inspect.KindAccessToken},
		{"a logout token", issuer.LogoutToken().Sign(), inspect.KindLogoutToken},
		{"a proof", bearertest.NewProofKey("ES256").Proof("GET", "https://api.test", "").Sign(), inspect.KindProof},
		{"a JWE", "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..AAAA.BBBB.CCCC", inspect.KindEncrypted},
		{"an opaque token", "mF_9.B5f-4.1JqM", inspect.KindOpaque},
		{"half of a JWT", "eyJhbGciOi.e30.x", inspect.KindMalformed},
		{"nothing", "", inspect.KindNothing},
		{"a word", "token", inspect.KindOpaque},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := inspect.ParseToken(test.text); got.Kind != test.want {
				t.Errorf("Kind is %q (%s), want %q", got.Kind, got.Because, test.want)
			}
		})
	}
}

// A hostile text causes no panic, and claims of unexpected types read as absent.
func TestParseToken_Hostile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat(".", 10_000), strings.Repeat("{", 10_000), `{"access_token":` + strings.Repeat("[", 10_000), "..", "....", "e30.e30.", "bnVsbA.bnVsbA.x", "W10.W10.x",
		"e30." + strings.Repeat("A", 1<<20) + ".x", "\x00\xff.\xff.\xff", `""`, `"`, "Authorization:", "Bearer ", "Bearer \n\n",
	} {
		got := inspect.ParseToken(text)
		if got.Text("iss") != "" || got.List("aud") != nil || got.Parameter("kid") != "" {
			t.Errorf("%.20q has claims", text)
		}
	}
	token := bearertest.NewIssuer(bearertest.IssuerConfig{}).AccessToken().Set("iss", 1).Set("aud", []any{"a", 1, nil, "b"}).SetHeader("kid", []string{"x"}).Sign()
	got := inspect.ParseToken(token)
	if diff := cmp.Diff([]string{"a", "b"}, got.List("aud")); got.Text("iss") != "" || got.Parameter("kid") != "" || diff != "" {
		t.Errorf("iss is %q, kid is %q, aud (-want +got):\n%s", got.Text("iss"), got.Parameter("kid"), diff)
	}
}
