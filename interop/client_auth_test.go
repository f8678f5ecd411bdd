package interop_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/client"
)

// machine uses client credentials.
func machine(method client.AuthMethod, alg string) client.ClientMetadata {
	return client.ClientMetadata{
		TokenEndpointAuthMethod: method, GrantTypes: []string{"client_credentials"},
		Extra: map[string]any{"response_types": []string{}, "redirect_uris": []string{}, "token_endpoint_auth_signing_alg": alg},
	}
}

func (p *provider) authFlows() []clientFlow {
	flows := []clientFlow{
		{"client authentication: client_secret_basic", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.Resource, cfg.Scopes = []string{apiExample}, []string{"api:read"} })
			token, err := c.ClientCredentials(t.Context())
			if must(t, token, err); shapeOf(t, token.AccessToken) != "at+jwt RS256" || !slices.Equal(token.Scopes, []string{"api:read"}) {
				t.Error(token)
			}
		}},
		{"client authentication: client_secret_basic with special characters", func(t *testing.T) {
			c := p.as(t, "an id: a/b+c", func(cfg *client.Config) { cfg.ClientSecret, cfg.Scopes = "a secret: %2F+&=~", nil })
			token, err := c.ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"client authentication: client_secret_post", func(t *testing.T) {
			c := p.as(t, "post", func(cfg *client.Config) { cfg.AuthMethod, cfg.Scopes = client.AuthPost, nil })
			token, err := c.ClientCredentials(t.Context())
			must(t, token, err)
		}},
		{"client authentication: client_secret_jwt", func(t *testing.T) {
			p.machine(t, p.register(t, machine(client.AuthSecretJWT, "HS256"), nil))
		}},
		{"client authentication: wrong secret", func(t *testing.T) {
			c := p.as(t, "cc", func(cfg *client.Config) { cfg.ClientSecret = "wrong" })
			_, err := c.ClientCredentials(t.Context())
			refusedBy(t, err, client.ErrInvalidClient)
		}},
		{"client authentication: wrong key", func(t *testing.T) {
			cfg := p.register(t, machine(client.AuthPrivateKeyJWT, "ES256"), signingKey(t))
			cfg.Key, cfg.Scopes = signingKey(t), nil
			_, err := newClient(t, cfg).ClientCredentials(t.Context())
			refusedBy(t, err, client.ErrInvalidClient)
		}},
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA"} {
		flows = append(flows, clientFlow{"client authentication: private_key_jwt, " + alg, func(t *testing.T) {
			p.machine(t, p.register(t, machine(client.AuthPrivateKeyJWT, alg), signingKeyFor(t, alg)))
		}})
	}
	for _, alg := range []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256"} {
		flows = append(flows, clientFlow{"ID token and user information signed with " + alg, func(t *testing.T) { p.signedWith(t, alg) }})
	}
	return flows
}

// machine requests two tokens, because an assertion can be used only once.
func (p *provider) machine(t *testing.T, cfg client.Config) {
	t.Helper()
	cfg.Scopes = nil
	c := newClient(t, cfg)
	for range 2 {
		token, err := c.ClientCredentials(t.Context())
		must(t, token, err)
	}
}

// signedWith also checks that a client that expects another algorithm rejects the ID token.
func (p *provider) signedWith(t *testing.T, alg string) {
	t.Helper()
	cfg := p.register(t, client.ClientMetadata{
		RedirectURIs: []string{redirectURI},
		Extra:        map[string]any{"id_token_signed_response_alg": alg, "userinfo_signed_response_alg": alg},
	}, nil)
	cfg.UseUserInfo, cfg.SignedUserInfo, cfg.Algorithms = true, true, []string{alg}
	token := signIn(t, newClient(t, cfg), client.AuthorizationOptions{})
	if token.IDClaims.UserInfo() == nil || shapeOf(t, token.IDToken) != "untyped "+alg {
		t.Error(shapeOf(t, token.IDToken))
	}
	cfg.Algorithms = []string{"RS512"}
	if _, err := newClient(t, cfg).VerifyIDToken(t.Context(), token.IDToken, client.IDTokenOptions{}); err == nil {
		t.Error("an algorithm that nobody named")
	}
}

func newKey(t *testing.T, alg string) (key crypto.Signer) {
	t.Helper()
	var err error
	switch alg {
	case "RS256", "PS256":
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	case "ES384":
		key, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}
