package introspection_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// exampleClient returns a client of a server that calls every token active. A program only needs Issuer, ClientID and
// ClientSecret.
func exampleClient(body string) *client.Client {
	c, err := client.New(client.Config{
		Issuer: issuerURL, ClientID: "orders-api", ClientSecret: "secret",
		Metadata:   &oidcdiscovery.Metadata{Issuer: issuerURL, IntrospectionEndpoint: issuerURL + "/introspect"},
		HTTPClient: &http.Client{Transport: says(200, body)},
	})
	if err != nil {
		panic(err)
	}
	return c
}

func ExampleNew() {
	verifier, err := introspection.New(introspection.Config{
		Client:   exampleClient(active()),
		Audience: []string{audience},
		Accept:   func(raw string) bool { return strings.HasPrefix(raw, "at_") }, // the prefix of the tokens of this server
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := middleware.New(middleware.Config{Verifier: verifier}); err != nil {
		fmt.Println(err)
		return
	}
	token, err := verifier.Verify(context.Background(), "at_1")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Subject(), token.Scopes())
	_, err = verifier.Verify(context.Background(), "something else")
	fmt.Println(errors.Is(err, consumer.ErrInvalidToken))
	// Output:
	// alice [orders:read]
	// true
}

// A Group verifies JWTs by their signatures and sends only the other tokens to the server.
func ExampleVerifier_group() {
	opaque, err := introspection.New(introspection.Config{Client: exampleClient(active()), Audience: []string{audience}})
	if err != nil {
		fmt.Println(err)
		return
	}
	jwts, err := consumer.New(consumer.Config{Issuer: issuerURL, Audience: []string{audience}})
	if err != nil {
		fmt.Println(err)
		return
	}
	group, err := consumer.NewGroup(consumer.GroupConfig{Consumers: []*consumer.Consumer{jwts}, Opaque: opaque})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := group.Verify(context.Background(), "opaque-token")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(token.Issuer(), token.Subject())
	// Output: https://login.test alice
}

// Without InsecureNoAudience, a response without aud is rejected: the token may be meant for another API.
func ExampleConfig_wrongAudience() {
	verifier, err := introspection.New(introspection.Config{
		Client: exampleClient(`{"active":true,"sub":"alice"}`), Audience: []string{audience},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = verifier.Verify(context.Background(), "opaque-token")
	fmt.Println(err)
	// Output: consumer: audience: aud is missing, expected one of ["https://api.test"] (Config.Audience)
}
