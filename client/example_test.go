package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// A service gets a token on its own behalf.
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

// A server requires a parameter that the package does not know.
func ExampleClient_WithParams() {
	server := says(200, `{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer","expires_in":3600}`)
	c, err := client.New(client.Config{
		Issuer:     "https://login.test",
		ClientID:   "billing",
		Metadata:   &oidcdiscovery.Metadata{Issuer: "https://login.test", TokenEndpoint: "https://login.test/token"},
		HTTPClient: &http.Client{Transport: server},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = c.WithParams(url.Values{"organization": {"org_7"}}).ClientCredentials(context.Background())
	fmt.Println(server.lastForm().Encode(), err)
	_, err = c.WithParams(url.Values{"client_id": {"another"}}).ClientCredentials(context.Background())
	fmt.Println(err)
	// Output:
	// client_id=billing&grant_type=client_credentials&organization=org_7 <nil>
	// client: the extra parameter "client_id" identifies or authenticates the client, and cannot be set
}

// If the server rejects the refresh token, the user must sign in again. An outage causes an error that matches
// ErrUnavailable.
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
	// client: the authorization server returned error "invalid_grant" (status 400)
}
