package providers

import (
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// ProfileAuth0 accepts the tokens of both dialects, so an API can change from one to the other.
func TestAuth0Dialects(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://acme.eu.auth0.com/", Audience: "https://api.example.com"})
	for _, test := range []struct {
		profile  consumer.Profile
		old, new bool
	}{{consumer.ProfileAuth0, true, true}, {consumer.ProfileRFC9068, false, true}} {
		verifier, err := consumer.New(consumer.Config{
			Issuer: issuer.URL(), Audience: []string{"https://api.example.com"}, Profile: test.profile, HTTPClient: issuer.Client(),
		})
		if err != nil {
			t.Fatal(err)
		}
		_, err = verifier.Verify(t.Context(), issuer.AccessToken().Set("scope", "orders:read").Sign())
		if (err == nil) != test.new {
			t.Errorf("%v, RFC 9068 dialect: %v", test.profile, err)
		}
		_, err = verifier.Verify(t.Context(), issuer.AccessToken().SetHeader("typ", "JWT").Set("client_id", bearertest.Absent).
			Set("jti", bearertest.Absent).Set("azp", "web").Set("scope", "orders:read").Sign())
		if (err == nil) != test.old {
			t.Errorf("%v, default dialect: %v", test.profile, err)
		}
	}
}
