package client_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// A web application signs a user in. PKCE (RFC 7636) needs no setting: AuthorizationURL sends a challenge, and Callback sends
// the verifier, which the application stores in between.
func ExampleClient_AuthorizationURL_pkce() {
	server := newExampleServer() // plays the authorization server and the user's browser
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		RedirectURI:  "https://app.example.com/callback",
		Scopes:       []string{"openid"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	// In the handler of /login: store pending, for example in the session, and redirect the browser to pending.URL.
	pending, err := c.AuthorizationURL(context.Background(), client.AuthorizationOptions{})
	if err != nil {
		log.Fatal(err)
	}
	query := server.signIn(pending.URL)

	// In the handler of /callback, where query is r.URL.Query().
	token, err := c.Callback(context.Background(), pending, query)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in as", token.IDClaims.Subject())
	// Output: signed in as alice
}

// The parameters of the request are sent directly to the server (RFC 9126). The browser carries only a reference to them, so
// that nobody can read or change them there.
func ExampleClient_AuthorizationURL_pushed() {
	server := newExampleServer() // plays the authorization server and the user's browser
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		RedirectURI:  "https://app.example.com/callback",
		Scopes:       []string{"openid"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := c.AuthorizationURL(context.Background(), client.AuthorizationOptions{Push: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(pending.URL)

	token, err := c.Callback(context.Background(), pending, server.signIn(pending.URL))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in as", token.IDClaims.Subject())
	// Output:
	// https://login.example.com/authorize?client_id=app&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A1
	// signed in as alice
}

// The server signs its response (JARM). Callback verifies the signature and reads the parameters from the JWT.
func ExampleClient_AuthorizationURL_jarm() {
	server := newExampleServer() // plays the authorization server and the user's browser
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		RedirectURI:  "https://app.example.com/callback",
		Scopes:       []string{"openid"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	pending, err := c.AuthorizationURL(context.Background(), client.AuthorizationOptions{ResponseMode: "jwt"})
	if err != nil {
		log.Fatal(err)
	}
	query := server.signIn(pending.URL)
	fmt.Println("code beside the JWT:", query.Has("code"))

	token, err := c.Callback(context.Background(), pending, query)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("signed in as", token.IDClaims.Subject())
	// Output:
	// code beside the JWT: false
	// signed in as alice
}

// An API requires a stronger sign-in for one of its operations (RFC 9470). The user who is already signed in confirms it with a
// second factor.
func ExampleAuthorizationOptions_StepUp() {
	server := newExampleServer() // plays the authorization server and the user's browser
	c, err := client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "app",
		ClientSecret: "a secret",
		RedirectURI:  "https://app.example.com/callback",
		Scopes:       []string{"openid"},
		HTTPClient:   server.client(),
	})
	if err != nil {
		log.Fatal(err)
	}
	// The header of the API's response, which has the status 401.
	header := http.Header{}
	header.Set("WWW-Authenticate", `Bearer error="insufficient_user_authentication", acr_values="mfa", max_age="300"`)

	options, required := client.AuthorizationOptions{Subject: "alice"}.StepUp(header)
	if !required {
		log.Fatal("the API rejected the token for another reason")
	}
	pending, err := c.AuthorizationURL(context.Background(), options)
	if err != nil {
		log.Fatal(err)
	}
	// Callback returns an error if the ID token does not confirm the acr, the age or the user.
	token, err := c.Callback(context.Background(), pending, server.signIn(pending.URL))
	if err != nil {
		log.Fatal(err)
	}
	acr, _ := token.IDClaims.Claim("acr")
	fmt.Println(token.IDClaims.Subject(), "signed in with", acr)
	// Output: alice signed in with mfa
}
