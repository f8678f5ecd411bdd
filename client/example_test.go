package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// A service gets a token for itself.
func ExampleClient_ClientCredentials() {
	server := says(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":3600}`)
	c, err := client.New(client.Config{
		Issuer:       "https://login.test",
		ClientID:     "billing",
		ClientSecret: "a secret",
		Scopes:       []string{"orders:read"},
		Metadata:     &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient:   &http.Client{Transport: server},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := c.ClientCredentials(context.Background())
	fmt.Println(token, token.Scopes, err)
	// Output: client.Token{Bearer} [orders:read] <nil>
}

// A refresh token that the server does not take any more: the user has to sign in again. An outage is no reason to.
func ExampleError() {
	server := says(400, `{"error":"invalid_grant"}`)
	c, err := client.New(client.Config{
		Issuer:     "https://login.test",
		ClientID:   "app",
		Metadata:   &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient: &http.Client{Transport: server},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.Refresh(context.Background(), "tGzv3JOkF0XG5Qx2TlKWIA")
	fmt.Println(errors.Is(err, client.ErrInvalidGrant), errors.Is(err, client.ErrUnavailable))
	fmt.Println(err)
	// Output:
	// true false
	// client: the authorization server said "invalid_grant" (400)
}
