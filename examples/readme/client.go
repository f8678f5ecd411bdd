package main

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// newCaller is the second program that README.md shows, from here to its end.
func newCaller(issuer, id, secret string) (*http.Client, error) {
	c, err := client.New(client.Config{Issuer: issuer, ClientID: id, ClientSecret: secret, Scopes: []string{"orders:read"}})
	if err != nil {
		return nil, err
	}
	source, err := c.TokenSource(client.TokenSourceConfig{
		Grant: func(ctx context.Context) (*client.Token, error) { return c.ClientCredentials(ctx) },
	})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: &client.Transport{Source: source, Origins: []string{"https://api.example.com"}}}, nil
}
