package main

import (
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// newCaller is the second program that README.md shows, from here to its end.
func newCaller(issuer, id, secret, api string) (*http.Client, error) {
	c, err := client.New(client.Config{Issuer: issuer, ClientID: id, ClientSecret: secret, Scopes: []string{"orders:read"}})
	if err != nil {
		return nil, err
	}
	source, err := c.TokenSource(client.TokenSourceConfig{Grant: c.ClientCredentials})
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(client.TransportConfig{Source: source, Origins: []string{api}})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
