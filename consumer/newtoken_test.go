package consumer_test

import (
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/consumer"
)

func TestCaseX20_NewToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		claims := json.RawMessage(`{"iss":"https://issuer.test","sub":"alice","client_id":"client","jti":"1",
			"aud":"https://api.test","scope":"a b","exp":2000000000,"cnf":{"jkt":"thumbprint"},"tenant":"t1"}`)
		token, err := consumer.NewToken(issuerURL, claims)
		if err != nil {
			t.Fatal(err)
		}
		clear(claims) // NewToken copied it
		tenant, _ := token.Claim("tenant")
		confirmation, bound := token.Confirmation()
		got := []any{
			token.Issuer(), token.Subject(), token.ClientID(), token.ID(), token.Audience(), token.Scopes(),
			token.Expiry().Unix(), token.VerifiedAt(), token.Principal(), tenant, confirmation.JWKThumbprint, bound,
		}
		want := []any{
			issuerURL, "alice", "client", "1",
			[]string{audience},
			[]string{"a", "b"},
			int64(2000000000), time.Now(), consumer.PrincipalUser, "t1", "thumbprint", true,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestCaseX20_NewTokenRejectsClaimsOfTheWrongForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		issuer, claims string
		want           consumer.Reason
	}{
		"no issuer":        {"", `{"sub":"alice"}`, consumer.ReasonInternal},
		"no claims":        {issuerURL, "", consumer.ReasonMalformed},
		"null":             {issuerURL, "null", consumer.ReasonMalformed},
		"array":            {issuerURL, "[]", consumer.ReasonMalformed},
		"trailing data":    {issuerURL, "{} {}", consumer.ReasonMalformed},
		"duplicate member": {issuerURL, `{"sub":"alice","sub":"bob"}`, consumer.ReasonMalformed},
		"another issuer":   {issuerURL, `{"iss":"https://other.test"}`, consumer.ReasonIssuer},
		"empty iss":        {issuerURL, `{"iss":""}`, consumer.ReasonIssuer},
		"iss is a number":  {issuerURL, `{"iss":1}`, consumer.ReasonIssuer},
		"sub is a number":  {issuerURL, `{"sub":1}`, consumer.ReasonClaims},
		"exp is a string":  {issuerURL, `{"exp":"2000000000"}`, consumer.ReasonClaims},
		"aud is an object": {issuerURL, `{"aud":{}}`, consumer.ReasonClaims},
		"azp is a number":  {issuerURL, `{"azp":1}`, consumer.ReasonClaims},
		"cnf is a string":  {issuerURL, `{"cnf":"x"}`, consumer.ReasonClaims},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token, err := consumer.NewToken(c.issuer, json.RawMessage(c.claims))
			var e *consumer.Error
			if token != nil || !errors.As(err, &e) || e.Reason != c.want {
				t.Errorf("got %v, %v; want an error with reason %s", token, err, c.want)
			}
		})
	}
}

func TestCaseX20_ZeroTokenHasNoVerificationTime(t *testing.T) {
	t.Parallel()
	if at := new(consumer.Token).VerifiedAt(); !at.IsZero() {
		t.Errorf("VerifiedAt is %v, want the zero time", at)
	}
}
