package consumer_test

import (
	"context"
	"fmt"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// Explain shows all faults of a token. Use it in development, for example in a command that reads a token.
func ExampleConsumer_Explain() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	c, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	idToken := issuer.IDToken().Set("aud", "account")
	_, explanation, err := c.Explain(context.Background(), idToken.Sign())
	fmt.Println("accepted:", err == nil)
	for _, check := range explanation.Checks {
		if check.Result == consumer.ResultFailed {
			fmt.Println(check.Name + ": " + check.Detail)
		}
	}
	// Output:
	// accepted: false
	// audience: aud ["account"] does not contain any of ["https://api.test"] (Config.Audience)
	// kind: nonce marks an ID token, expected an access token (Config.Profile default)
}
