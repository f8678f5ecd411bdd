package interop_test

import (
	"crypto"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

const logoutURI = "http://127.0.0.1:9/bye"

// clientFlow is a flow of package client with a real server. run fails the test if a result is wrong.
type clientFlow struct {
	name string
	run  func(t *testing.T)
}

// TestClient runs every flow of package client that a server supports, and the requests of clients to an API with the Guard. It
// writes docs/interop.md, or compares it with the flows that were run.
func TestClient(t *testing.T) {
	t.Parallel()
	doc := newDocument(t)
	t.Run("oidc-provider", func(t *testing.T) {
		t.Parallel()
		doc.run(t, "oidc-provider", startClientScript(t).flows())
	})
	t.Run("zitadel", func(t *testing.T) {
		t.Parallel()
		doc.run(t, "zitadel", startClientZitadel(t).flows())
	})
	t.Run("dex", func(t *testing.T) {
		t.Parallel()
		doc.run(t, "dex", startClientDex(t).flows())
	})
	t.Run("guard", func(t *testing.T) {
		t.Parallel()
		doc.runGuard(t, "oidc-provider", startSender(t).flows())
	})
}

// provider is a running oidcprovider/client.mjs.
type provider struct {
	*oidcProvider

	strict string // the issuer that wants requests pushed and signed
	tls    authority
}

func startClientScript(t *testing.T) *provider {
	t.Helper()
	ca := newAuthority(t)
	p := startScript(t, "client.mjs", "INTEROP_TLS="+ca.folder)
	return &provider{oidcProvider: p, strict: p.ready.Strict, tls: ca}
}

func (p *provider) flows() []clientFlow {
	return slices.Concat(p.codeFlows(), p.answerFlows(), p.requestFlows(), p.authFlows(), p.tlsFlows(), p.refreshFlows(),
		p.grantFlows(), p.deviceFlows(), p.dpopFlows(), p.tokenFlows(), p.sessionFlows(), p.useFlows())
}

// as returns a client for the server.
func (as authorizationServer) as(t *testing.T, id string, change func(*client.Config)) *client.Client {
	t.Helper()
	cfg := client.Config{Issuer: as.issuer, ClientID: id, ClientSecret: secretOf(id), RedirectURI: redirectURI, Scopes: []string{"openid"}}
	if change != nil {
		change(&cfg)
	}
	return newClient(t, cfg)
}

func newClient(t *testing.T, cfg client.Config) *client.Client {
	t.Helper()
	c, err := client.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func public(cfg *client.Config) { cfg.ClientSecret, cfg.RedirectURI = "", redirectURI }

// signingKey returns a new signing key of the client.
func signingKey(t *testing.T) *client.SigningKey {
	t.Helper()
	return signingKeyFor(t, "ES256")
}

func signingKeyFor(t *testing.T, alg string) *client.SigningKey {
	t.Helper()
	return &client.SigningKey{Private: newKey(t, alg), Algorithm: alg, ID: "own"}
}

// register registers a new client with oidc-provider. m is added to its metadata.
func (p *oidcProvider) register(t *testing.T, m client.ClientMetadata, key *client.SigningKey) client.Config {
	t.Helper()
	cfg := client.Config{Issuer: p.issuer, RedirectURI: redirectURI, Scopes: []string{"openid"}, Key: key}
	return registerAt(t, cfg, m, "")
}

func registerAt(t *testing.T, cfg client.Config, m client.ClientMetadata, accessToken string) client.Config {
	t.Helper()
	registrar, err := client.NewRegistrationEndpoint(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if key := cfg.Key; key != nil {
		m.JWKS = keySet(t, bearertest.JWK(key.ID, key.Algorithm, key.Private.(crypto.Signer).Public()))
	}
	registration, err := registrar.Register(t.Context(), m, accessToken)
	succeed(t, err)
	return registration.Config(cfg)
}

func keySet(t *testing.T, jwk map[string]any) json.RawMessage {
	t.Helper()
	set, err := json.Marshal(map[string]any{"keys": []any{jwk}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// signIn signs a user in with the pages of oidc-provider.
func signIn(t *testing.T, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	return signInWith(t, newBrowser(t), c, o)
}

func signInWith(t *testing.T, b browser, c *client.Client, o client.AuthorizationOptions) *client.Token {
	t.Helper()
	pending := begin(t, c, o)
	token, err := c.Callback(t.Context(), pending, b.comeBack(t, pending.URL))
	must(t, token, err)
	if slices.Contains(pending.Scopes, "openid") && token.IDClaims.Subject() != "alice" {
		t.Fatal("another user")
	}
	return token
}

func begin(t *testing.T, c *client.Client, o client.AuthorizationOptions) *client.PendingAuthorization {
	t.Helper()
	pending, err := c.AuthorizationURL(t.Context(), o)
	succeed(t, err)
	return pending
}

// must fails the test if the token is missing.
func must(t *testing.T, token *client.Token, err error) *client.Token {
	t.Helper()
	if succeed(t, err); token == nil || token.AccessToken == "" {
		t.Fatal("the token is missing")
	}
	return token
}

// succeed fails the test if there is an error. It logs the response of the server.
func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v: %s", err, bodyOf(err))
	}
}

// refusedBy fails the test unless the error is the expected one.
func refusedBy(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%v, want %v: %s", err, want, bodyOf(err))
	}
}

func bodyOf(err error) string {
	if e, ok := errors.AsType[*client.Error](err); ok {
		return string(e.Body)
	}
	return ""
}

func sourceOf(t *testing.T, c *client.Client, cfg client.TokenSourceConfig) *client.TokenSource {
	t.Helper()
	source, err := c.TokenSource(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// statusOf calls an API with a token of the source.
func statusOf(t *testing.T, base http.RoundTripper, source *client.TokenSource, target string) int {
	t.Helper()
	req := newRequest(t, http.MethodGet, target, "")
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	origin := u.Scheme + "://" + u.Host
	transport, err := client.NewTransport(client.TransportConfig{Source: source, Origins: []string{origin}, Base: base})
	if err != nil {
		t.Fatal(err)
	}
	api := http.Client{Transport: transport}
	resp, err := api.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
