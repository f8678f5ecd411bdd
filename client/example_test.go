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

// Slack puts the token of a user into an inner object. ReadResponse converts the response to the form of the RFC.
func ExampleNestedToken() {
	server := says(200, `{"ok":true,"authed_user":{"id":"U1","access_token":"secret","token_type":"user"}}`)
	c, err := client.New(client.Config{
		Issuer:       "https://slack.com",
		ClientID:     "1.2",
		ClientSecret: "a secret",
		ReadResponse: client.NestedToken("authed_user"),
		BearerTypes:  []string{"user"}, // what Slack calls Bearer
		Endpoints:    map[string]string{"token_endpoint": "https://slack.com/api/oauth.v2.access"},
		HTTPClient:   &http.Client{Transport: server}, // usually the default
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	token, err := c.ExchangeCode(context.Background(), "code", client.CodeExchange{}) // usually by Callback
	fmt.Println(token, token.Extra("id"), err)
	// Output: client.Token{Bearer} U1 <nil>
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
