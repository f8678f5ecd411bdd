package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// newCaller returns an HTTP client for the API at origin. Its token is bound to a new key, and it signs a proof for each
// request with that key.
func newCaller(issuer, origin string, base *http.Client) (*http.Client, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret,
		DPoP:       &client.SigningKey{Private: key, Algorithm: "ES256"},
		HTTPClient: base,
	})
	if err != nil {
		return nil, err
	}
	return c.HTTPClient(origin)
}

// newThief returns an HTTP client that sends a stolen token, with proofs of a key of its own.
func newThief(issuer, origin, stolen string) (*http.Client, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	c, err := client.New(client.Config{
		Issuer: issuer, ClientID: "thief", ClientSecret: "any",
		DPoP: &client.SigningKey{Private: key, Algorithm: "ES256"},
	})
	if err != nil {
		return nil, err
	}
	source, err := c.TokenSource(client.TokenSourceConfig{Token: &client.Token{AccessToken: stolen, TokenType: "DPoP"}})
	if err != nil {
		return nil, err
	}
	transport, err := client.NewTransport(client.TransportConfig{Source: source, Origins: []string{origin}})
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport}, nil
}
