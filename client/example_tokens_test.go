package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// A service binds its tokens to a key (DPoP, RFC 9449). A stolen token is useless without that key: each request carries a
// proof, which the HTTP client adds.
func ExampleConfig_dpop() {
	server := newExampleServer() // plays the authorization server and the API
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "billing",
		ClientSecret: "a secret",
		DPoP:         &client.SigningKey{Private: key, Algorithm: "ES256"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	api, err := c.HTTPClient("https://api.example.com")
	if err != nil {
		log.Fatal(err)
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://api.example.com/orders", nil)
	if err != nil {
		log.Fatal(err)
	}
	resp, err := api.Do(req)
	if err != nil {
		log.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	fmt.Println(resp.Status, string(body), err)
	// Output: 200 OK two orders, for a proof of GET https://api.example.com/orders <nil>
}

// An API has received the token of a user, and calls another API for the same user. It exchanges the token for one that the
// other API accepts (RFC 8693).
func ExampleClient_ExchangeToken() {
	server := newExampleServer() // plays the authorization server
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "orders-api",
		ClientSecret: "a secret",
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	received := "the token of the request" // which the API has verified
	token, err := c.ExchangeToken(context.Background(), client.TokenExchange{
		SubjectToken:     received,
		SubjectTokenType: client.TokenTypeAccessToken,
		Resource:         []string{"https://stock.example.com"},
		Scopes:           []string{"stock:read"},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(token, token.Scopes, token.ExpiresIn() > 0)
	// Output: client.Token{Bearer} [stock:read] true
}
