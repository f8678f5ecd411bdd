package consumer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// A tolerated deviation never outweighs a fault: each of these tokens has the deviations of `deviate` and one fault that
// SECURITY.md excludes.
func TestToleranceDoesNotHideAFault(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	forger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: issuerURL, Audience: audience, Algorithms: []string{"ES256"}})
	c := newConsumer(t, offline(t, issuer))
	deviate := func(token *bearertest.Token) *bearertest.Token {
		return token.Set("nbf", nil).Set("jti", "").Set("scope", "read").Set("nonce", "x").Set("azp", nil).
			Set("Tenant", "a").Set("tenant", "b").SetHeader("typ", nil)
	}
	good := issuer.AccessToken
	accept(t, c, deviate(good()).Sign())
	renamed := func(from, to string) func([]byte) []byte {
		return func(text []byte) []byte { return []byte(strings.Replace(string(text), from, to, 1)) }
	}
	tests := []struct {
		name   string
		token  *bearertest.Token
		reason consumer.Reason
	}{
		{"forged", deviate(forger.AccessToken()), consumer.ReasonSignature},
		{"none", deviate(good()).SignWith("none", nil), consumer.ReasonAlgorithm},
		{"alg null", deviate(good()).SetHeader("alg", nil), consumer.ReasonAlgorithm},
		{"crit null", deviate(good()).SetHeader("crit", nil), consumer.ReasonCritical},
		{"crit empty", deviate(good()).SetHeader("crit", []string{}), consumer.ReasonCritical},
		{"b64 null", deviate(good()).SetHeader("b64", nil), consumer.ReasonCritical},
		{"another typ", deviate(good()).SetHeader("typ", "id_token+jwt"), consumer.ReasonType},
		{"iss null", deviate(good()).Set("iss", nil), consumer.ReasonIssuer},
		{"iss empty", deviate(good()).Set("iss", ""), consumer.ReasonIssuer},
		{"iss in a list", deviate(good()).Set("iss", []string{issuerURL}), consumer.ReasonIssuer},
		{"iss with a slash", deviate(good()).Set("iss", issuerURL+"/"), consumer.ReasonIssuer},
		{"iss in upper case", deviate(good()).Set("iss", strings.ToUpper(issuerURL)), consumer.ReasonIssuer},
		{"aud null", deviate(good()).Set("aud", nil), consumer.ReasonAudience},
		{"aud empty", deviate(good()).Set("aud", []string{}), consumer.ReasonAudience},
		{"aud with a slash", deviate(good()).Set("aud", audience+"/"), consumer.ReasonAudience},
		{"exp null", deviate(good()).Set("exp", nil), consumer.ReasonClaims},
		{"exp zero", deviate(good()).Set("exp", 0), consumer.ReasonClaims},
		{"exp as text", deviate(good()).Set("exp", "9999999999"), consumer.ReasonClaims},
		{"nbf in the future", deviate(good()).Set("nbf", int64(99999999999)), consumer.ReasonNotYetValid},
		{"cnf null", deviate(good()).Set("cnf", nil), consumer.ReasonClaims},
		{"at_hash", deviate(good()).Set("at_hash", "x"), consumer.ReasonType},
		{"ID token", deviate(good()).Set("scope", nil), consumer.ReasonType},
		{"says ID", deviate(good()).Set("token_use", "id"), consumer.ReasonType},
		{"says refresh", deviate(good()).Set("typ", "Refresh"), consumer.ReasonType},
		{"duplicate sub", deviate(good()).EditClaims(renamed(`"tenant"`, `"sub"`)), consumer.ReasonMalformed},
		{"Sub", deviate(good()).EditClaims(renamed(`"tenant"`, `"Sub"`)), consumer.ReasonMalformed},
		{"duplicate Tenant", deviate(good()).EditClaims(renamed(`"tenant"`, `"Tenant"`)), consumer.ReasonMalformed},
		{"duplicate in the header", deviate(good()).EditHeader(renamed(`"typ"`, `"kid"`)), consumer.ReasonMalformed},
		{"Alg in the header", deviate(good()).EditHeader(renamed(`"typ"`, `"Alg"`)), consumer.ReasonMalformed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reject(t, c, test.token.Sign(), test.reason)
		})
	}
}

// Padding is accepted in keys. In tokens it is rejected.
func TestToleranceOfPaddingIsForKeysOnly(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	parts := strings.Split(issuer.AccessToken().Sign(), ".")
	for i := range parts {
		padded := append([]string(nil), parts...)
		padded[i] += "="
		reject(t, c, strings.Join(padded, "."), consumer.ReasonMalformed)
	}
}

// If an issuer has several policies, the explanation is that of the Consumer whose error Verify returns.
func TestExplain_SeveralPolicies(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	first, second := offline(t, issuer), offline(t, issuer)
	second.Audience = []string{"https://second.test"}
	group := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, first), newConsumer(t, second)}})
	tests := []struct {
		name, audience string
		exp            any
		failed         []string
	}{
		{"accepted by the second", "https://second.test", int64(9999999999), nil},
		{"expired for the second", "https://second.test", 1, []string{"time"}},
		{"accepted by none", "https://third.test", int64(9999999999), []string{"audience"}},
	}
	for _, test := range tests {
		token, x, err := group.Explain(t.Context(), issuer.AccessToken().Set("aud", test.audience).Set("exp", test.exp).Sign())
		if got := namesOf(x, consumer.ResultFailed); len(got) != len(test.failed) || len(got) > 0 && got[0] != test.failed[0] {
			t.Errorf("%s: failed checks %v, want %v:\n%s", test.name, got, test.failed, x)
		}
		if (err == nil) != (test.failed == nil) || (token == nil) == (err == nil) {
			t.Errorf("%s: token %v, error %v", test.name, token, err)
		}
	}
}
