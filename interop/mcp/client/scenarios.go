package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"

	"github.com/bearerkit/bearerkit/client"
)

// documentURL is the Client ID Metadata Document that the scenario auth/basic-cimd expects. The test does not fetch it.
const documentURL = "https://conformance-test.local/client-metadata.json"

// config returns the settings for a scenario. Most scenarios use the same: the program registers itself, and signs its user
// in with a browser.
func (s scenario) config(ctx context.Context, server string) (client.ResourceTransportConfig, error) {
	cfg := client.ResourceTransportConfig{
		Resource: server,
		SignIn:   client.BrowserSignIn(browse),
		Registration: &client.DynamicRegistration{
			Metadata: client.ClientMetadata{ClientName: "bearerkit-conformance", RedirectURIs: []string{redirectURI}},
		},
	}
	switch s.Name {
	case "auth/basic-cimd":
		cfg.Clients = []client.Config{{ClientID: documentURL, ClientMetadataDocument: true, RedirectURI: redirectURI}}
	case "auth/2025-03-26-oauth-metadata-backcompat", "auth/2025-03-26-oauth-endpoint-fallback":
		cfg.Discovery.InsecureLegacyServers = true
	}
	if s.ClientID == "" {
		return cfg, nil
	}
	registered, err := s.registered(ctx, server)
	if err != nil {
		return cfg, err
	}
	cfg.Clients, cfg.Registration = []client.Config{registered}, nil
	switch {
	case s.IDToken != "":
		cfg.SignIn = s.assert
	case s.Name != "auth/pre-registration":
		cfg.SignIn = func(ctx context.Context, c *client.Client, o client.AuthorizationOptions) (*client.Token, error) {
			return c.ClientCredentials(ctx, o.Scopes...)
		}
	}
	return cfg, nil
}

// registered returns the client that a scenario has registered. The tests do not say with which server, so it is the one that
// the metadata names. A real program knows who issued its credentials.
func (s scenario) registered(ctx context.Context, server string) (client.Config, error) {
	resource, err := client.DiscoverResource(ctx, client.ResourceDiscovery{}, server, nil)
	if err != nil {
		return client.Config{}, err
	}
	cfg := client.Config{
		Issuer: resource.AuthorizationServers[0], ClientID: s.ClientID, ClientSecret: s.ClientSecret, RedirectURI: redirectURI,
	}
	if s.PrivateKey == "" {
		return cfg, nil
	}
	block, _ := pem.Decode([]byte(s.PrivateKey))
	if block == nil {
		return client.Config{}, errors.New("private_key_pem is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return client.Config{}, err
	}
	cfg.Key = &client.SigningKey{Private: key, Algorithm: "ES256"}
	return cfg, nil
}

// assert gets a token for the ID token of the user's identity provider, without a browser.
func (s scenario) assert(ctx context.Context, c *client.Client, o client.AuthorizationOptions) (*client.Token, error) {
	provider, err := client.New(client.Config{Issuer: s.IDPIssuer, ClientID: s.IDPClientID})
	if err != nil {
		return nil, err
	}
	assertion, err := client.NewIdentityAssertion(client.IdentityAssertionConfig{
		Provider: provider, Client: c, Resource: o.Resource[0],
		SubjectToken: func(context.Context) (string, error) { return s.IDToken, nil },
	})
	if err != nil {
		return nil, err
	}
	return assertion.Token(ctx, o.Scopes...)
}
