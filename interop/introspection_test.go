package interop_test

import (
	"errors"
	"net/http"
	"net/url"
	"testing"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
)

const apiOpaque = "https://opaque.example" // the API whose tokens of oidc-provider are opaque

// resourceServer returns the settings with which an API introspects tokens.
func resourceServer(issuer, id string, method client.AuthMethod) client.Config {
	return client.Config{Issuer: issuer, ClientID: id, ClientSecret: secretOf(id), AuthMethod: method}
}

func newIntrospection(t *testing.T, cfg introspection.Config) *introspection.Verifier {
	t.Helper()
	v, err := introspection.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	succeed(t, v.Warm(t.Context()))
	return v
}

// reasonIn returns the Reason of err, or "".
func reasonIn(err error) consumer.Reason {
	if e, ok := errors.AsType[*consumer.Error](err); ok {
		return e.Reason
	}
	return ""
}

// verdict verifies a token, and checks the reason. An empty reason means that the token must be accepted.
func verdict(t *testing.T, v consumer.Verifier, raw string, want consumer.Reason) *consumer.Token {
	t.Helper()
	token, err := v.Verify(t.Context(), raw)
	if got := reasonIn(err); got != want {
		t.Fatalf("reason %q, want %q (%v)", got, want, err)
	}
	return token
}

// TestIntrospection_OIDCProvider verifies opaque tokens of oidc-provider, with plain and with signed responses.
func TestIntrospection_OIDCProvider(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	key := signingKey(t)
	registered := p.register(t, client.ClientMetadata{
		TokenEndpointAuthMethod: client.AuthPrivateKeyJWT, GrantTypes: []string{},
		Extra: map[string]any{"response_types": []string{}, "redirect_uris": []string{}, "token_endpoint_auth_signing_alg": "ES256"},
	}, key)
	registered.RedirectURI, registered.Scopes = "", nil
	signed := resourceServer(p.issuer, "rs-es256", "")
	signed.SignedIntrospection = true
	for name, cfg := range map[string]client.Config{
		"client_secret_basic": resourceServer(p.issuer, "rs", client.AuthBasic),
		"client_secret_post":  resourceServer(p.issuer, "rs-post", client.AuthPost),
		"private_key_jwt":     registered,
		"signed response":     signed,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newIntrospection(t, introspection.Config{Client: newClient(t, cfg), Audience: []string{apiOpaque}})
			raw := p.machineToken(t, "cc", apiOpaque, "api:read")
			token := verdict(t, v, raw, "")
			if token.ClientID() != "cc" || !token.HasScope("api:read") || token.HasScope("api:write") || token.Principal() != consumer.PrincipalClient {
				t.Errorf("token %v with scopes %v", token, token.Scopes())
			}
			verdict(t, v, p.machineToken(t, "cc", "", ""), consumer.ReasonAudience) // not for this API
			verdict(t, v, "unknown-token-of-nobody", consumer.ReasonInactive)
			verdict(t, v, p.machineToken(t, "cc", "https://rs256.example", ""), consumer.ReasonInactive) // a JWT

			succeed(t, newClient(t, resourceServer(p.issuer, "cc", client.AuthBasic)).Revoke(t.Context(), raw, ""))
			verdict(t, v, raw, "") // cached for a minute
			v.Drop(nil)
			verdict(t, v, raw, consumer.ReasonInactive)
		})
	}
}

// TestIntrospection_OIDCProviderBinding checks that the binding of an opaque token is in its confirmation, and that a Guard
// does not accept such a token as a bearer token.
func TestIntrospection_OIDCProviderBinding(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	v := newIntrospection(t, introspection.Config{
		Client: newClient(t, resourceServer(p.issuer, "rs", client.AuthBasic)), Audience: []string{apiOpaque},
	})
	proof := bearertest.NewProofKey("ES256").Proof(http.MethodPost, p.tokenEndpoint, "").Sign()
	g, err := p.ask(t.Context(), "dpop", clientCredentials(apiOpaque, "api:read"), http.Header{"Dpop": {proof}})
	succeed(t, err)
	if bound, ok := verdict(t, v, g.AccessToken, "").Confirmation(); !ok || bound.JWKThumbprint == "" || bound.Unknown {
		t.Errorf("the token is bound to %+v", bound)
	}
	if quirks := v.Health().Quirks; len(quirks) > 0 {
		t.Errorf("deviations: %v", quirks)
	}
	api := frameworks[0].serve(t, v)
	if got, want := api.get(t, "Bearer", g.AccessToken), invalidToken(consumer.ReasonBinding); got != want {
		t.Errorf("as a bearer token: %v, want %v", got, want)
	}
	if got := api.get(t, "Bearer", p.machineToken(t, "cc", apiOpaque, "")); got.Status != http.StatusOK {
		t.Errorf("a bearer token: %v", got)
	}
}

// TestIntrospection_WrongCredentials checks that a server that rejects the API causes no 401.
func TestIntrospection_WrongCredentials(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	cfg := resourceServer(p.issuer, "rs", client.AuthBasic)
	cfg.ClientSecret = "wrong"
	v, err := introspection.New(introspection.Config{Client: newClient(t, cfg), Audience: []string{apiOpaque}})
	succeed(t, err)
	verdict(t, v, p.machineToken(t, "cc", apiOpaque, "api:read"), consumer.ReasonIntrospectionUnavailable)
	if err := v.Warm(t.Context()); reasonIn(err) != consumer.ReasonIntrospectionUnavailable {
		t.Errorf("Warm: %v", err)
	}
}

// TestIntrospection_Zitadel verifies opaque tokens of zitadel's library. The response of its example has neither aud nor
// token_type: the provider checks that the token is for the client that introspects it. It does not support
// client_secret_post at this endpoint.
func TestIntrospection_Zitadel(t *testing.T) {
	t.Parallel()
	z := startZitadel(t, op.AccessTokenTypeBearer)
	key := &client.SigningKey{Private: z.key, ID: "own", Algorithm: "ES256"}
	for name, cfg := range map[string]client.Config{
		"client_secret_basic": resourceServer(z.issuer, "web", client.AuthBasic),
		"private_key_jwt":     {Issuer: z.issuer, ClientID: "jwt", AuthMethod: client.AuthPrivateKeyJWT, Key: key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t, cfg)
			v := newIntrospection(t, introspection.Config{Client: c, InsecureNoAudience: true, InsecureNoTokenType: true})
			raw := z.signInAs(t, cfg)
			if token := verdict(t, v, raw, ""); token.Subject() != "id2" || token.ClientID() != cfg.ClientID || token.Expiry().IsZero() {
				t.Errorf("token %v", token)
			}
			strict := newIntrospection(t, introspection.Config{Client: c, Audience: []string{cfg.ClientID}})
			verdict(t, strict, raw, consumer.ReasonAudience)
			typed := newIntrospection(t, introspection.Config{Client: c, InsecureNoAudience: true})
			verdict(t, typed, raw, consumer.ReasonType)
			verdict(t, v, z.machineToken(t, "sid1", "", ""), consumer.ReasonInactive) // of another client
			verdict(t, v, "unknown-token-of-nobody", consumer.ReasonInactive)
		})
	}
}

// signInAs signs the user id2 in for a client, and returns the access token.
func (z zitadel) signInAs(t *testing.T, cfg client.Config) string {
	t.Helper()
	cfg.RedirectURI, cfg.Scopes = redirectURI, []string{"openid"}
	c := newClient(t, cfg)
	pending := begin(t, c, client.AuthorizationOptions{})
	b := newBrowser(t)
	id := b.redirect(t, pending.URL).Query().Get("authRequestID")
	succeed(t, z.store.CheckUsernamePassword("test-user2", "verysecure", id))
	token, err := c.Callback(t.Context(), pending, b.redirect(t, z.issuer+"authorize/callback?"+url.Values{"id": {id}}.Encode()).Query())
	must(t, token, err)
	return token.AccessToken
}
