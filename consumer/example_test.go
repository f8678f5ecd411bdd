package consumer_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// A Consumer needs the issuer and the name of this API. All else is found by discovery.
func Example() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://login.example.com", Audience: "https://api.example.com"})

	c, err := consumer.New(consumer.Config{
		Issuer:     "https://login.example.com",
		Audience:   []string{"https://api.example.com"},
		HTTPClient: issuer.Client(), // leave it out for an issuer on the network
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := c.Verify(context.Background(), issuer.AccessToken().Set("scope", "orders:read").Sign())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject(), "by", token.ClientID())
	fmt.Println(token.HasScope("orders:read"), token.HasScope("orders:write"))
	// Output:
	// alice by client
	// true false
}

// Match the class of an error with errors.Is. The reason is for operators.
func ExampleConsumer_Verify() {
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
	for _, token := range []*bearertest.Token{
		issuer.AccessToken(),
		issuer.AccessToken().Set("aud", "https://other.test"),
		issuer.AccessToken().Set("exp", time.Now().Add(-time.Hour).Unix()),
		issuer.AccessToken().SignWith("none", nil),
		issuer.IDToken().Set("aud", "https://api.test"),
	} {
		_, err := c.Verify(context.Background(), token.Sign())
		var refusal *consumer.Error
		switch {
		case err == nil:
			fmt.Println("good")
		case errors.Is(err, consumer.ErrUnavailable):
			fmt.Println("ask again later")
		case errors.As(err, &refusal):
			fmt.Println("refused:", refusal.Reason)
		}
	}
	// Output:
	// good
	// refused: audience
	// refused: expired
	// refused: algorithm
	// refused: type
}

// Wrong use: who checks no audience takes the tokens of every other API of the issuer. New says so at once, together
// with all else that is wrong.
func ExampleNew_wrongUse() {
	_, err := consumer.New(consumer.Config{
		Issuer:     "https://login.example.com",
		Algorithms: []string{"RS256", "none"},
		ClockSkew:  time.Hour,
	})
	fmt.Println(err)
	// Output:
	// consumer: Config.Audience is required
	// consumer: Config.ClockSkew is 1h0m0s, more than 5 minutes
	// consumer: Config.Algorithms: "none" is not supported
}

// A Group takes the tokens of several issuers, each under its own rules.
func ExampleGroup() {
	staff := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://staff.example.com"})
	partners := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://partners.example.com"})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.example.com"})

	var consumers []*consumer.Consumer
	for _, issuer := range []*bearertest.Issuer{staff, partners} {
		c, err := consumer.New(consumer.Config{
			Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
		})
		if err != nil {
			fmt.Println(err)
			return
		}
		consumers = append(consumers, c)
	}
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: consumers})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, token := range []*bearertest.Token{
		staff.AccessToken(),
		partners.AccessToken(),
		stranger.AccessToken(),
		partners.AccessToken().Set("iss", staff.URL()),
	} {
		verified, err := group.Verify(context.Background(), token.Sign())
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println("good, by", verified.Issuer())
	}
	// Output:
	// good, by https://staff.example.com
	// good, by https://partners.example.com
	// consumer: issuer: iss "https://stranger.example.com" is not accepted (GroupConfig.Consumers, GroupConfig.Resolve)
	// consumer: signature: the signature does not match the key of the token
}

// ClaimsAs decodes the claims into a type of one's own, once for each token.
func ExampleClaimsAs() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	c, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	raw := issuer.AccessToken().Set("tenant", "acme").Set("roles", []string{"reader", "editor"}).Sign()
	token, err := c.Verify(context.Background(), raw)
	if err != nil {
		fmt.Println(err)
		return
	}

	type claims struct {
		Tenant string   `json:"tenant"`
		Roles  []string `json:"roles"`
	}
	mine, err := consumer.ClaimsAs[claims](token)
	fmt.Println(mine.Tenant, mine.Roles, err)
	// Output:
	// acme [reader editor] <nil>
}
