package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// A user signs out of a web application, and of the server too (OpenID Connect RP-Initiated Logout).
func ExampleClient_LogoutURL() {
	server := newExampleServer() // plays the authorization server
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	// In the handler of /logout: end the session of the application first, because the browser may not come back. Set
	// IDTokenHint to the ID token of the session, so that the server need not ask the user to confirm the logout.
	address, err := c.LogoutURL(context.Background(), client.LogoutOptions{
		PostLogoutRedirectURI: "https://app.example.com/bye",
		State:                 "from-the-menu",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(address) // redirect the browser to it
	// Output: https://login.example.com/logout?client_id=app&post_logout_redirect_uri=https%3A%2F%2Fapp.example.com%2Fbye&state=from-the-menu
}

// A user has signed out at another application. The server notifies this application, which ends its session too (OpenID
// Connect Back-Channel Logout).
func ExampleClient_BackchannelLogout() {
	server := newExampleServer() // plays the authorization server
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /backchannel-logout", c.BackchannelLogout(func(_ context.Context, logout *client.LogoutToken) error {
		// The token was verified. Delete the sessions with this subject and session id from your store.
		fmt.Println("end the session", logout.SessionID(), "of", logout.Subject())
		return nil
	}))
	fmt.Println(server.logOut(mux))
	// Output:
	// end the session session-7 of alice
	// 200
}

// A program that is installed for many customers registers itself with the server of each (RFC 7591).
func ExampleRegistrationEndpoint_Register() {
	server := newExampleServer() // plays the authorization server
	cfg := client.Config{
		Issuer:      "https://login.example.com",
		RedirectURI: "https://app.example.com/callback",
		HTTPClient:  server.client(),
	}
	endpoint, err := client.NewRegistrationEndpoint(cfg)
	if err != nil {
		log.Fatal(err)
	}
	registration, err := endpoint.Register(context.Background(), client.ClientMetadata{
		ClientName:   "Orders",
		RedirectURIs: []string{cfg.RedirectURI},
	}, "") // some servers require an initial access token
	if err != nil {
		log.Fatal(err)
	}
	// Store the registration, because it has the secret. Then make the client from it.
	c, err := client.New(registration.Config(cfg))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(c.ClientID(), registration.Metadata.ClientName)
	// Output: s6BhdRkqt3 Orders
}
