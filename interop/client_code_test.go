package interop_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

const (
	apiExample   = "https://api.example"
	otherExample = "https://other.example"
)

func (p *provider) codeFlows() []clientFlow {
	return []clientFlow{
		{"authorization code with PKCE", func(t *testing.T) {
			c := p.as(t, "web", func(cfg *client.Config) { cfg.Scopes = []string{"api:read"} })
			if token := signIn(t, c, client.AuthorizationOptions{Resource: []string{apiExample}}); token.IDToken != "" {
				t.Error("an ID token that nobody asked for")
			}
		}},
		{"authorization code without PKCE", func(t *testing.T) {
			signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{InsecureNoPKCE: true})
		}},
		{"authorization code, public client", func(t *testing.T) {
			signIn(t, p.as(t, "pub", public), client.AuthorizationOptions{})
		}},
		{"authorization code, wrong PKCE verifier", p.otherVerifier},
		{"authorization code used twice; its token is revoked", p.codeTwice},
		{"authorization code, resource (RFC 8707)", p.resource},
		{"authorization code, two resources, one token for each", p.twoResources},
		{"OpenID Connect, ID token and user information", p.userInfo},
		{"OpenID Connect, max_age", func(t *testing.T) {
			token := signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{MaxAge: time.Hour})
			if _, there := token.IDClaims.Claim("auth_time"); !there {
				t.Error("no auth_time")
			}
		}},
		{"OpenID Connect, acr not met", p.stepUp},
		{"authorization endpoint at another address for the browser", p.splitHorizon},
	}
}

func (p *provider) otherVerifier(t *testing.T) {
	c := p.as(t, "web", nil)
	pending, other := begin(t, c, client.AuthorizationOptions{}), begin(t, c, client.AuthorizationOptions{})
	back := newBrowser(t).comeBack(t, pending.URL)
	pending.CodeVerifier = other.CodeVerifier
	_, err := c.Callback(t.Context(), pending, back)
	refusedBy(t, err, client.ErrInvalidGrant)
}

// codeTwice uses a code twice. The server treats that as theft and revokes the token of the first use (RFC 6749 section 4.1.2).
func (p *provider) codeTwice(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	back := newBrowser(t).comeBack(t, pending.URL)
	token, err := c.Callback(t.Context(), pending, back)
	must(t, token, err)
	_, err = c.UserInfo(t.Context(), token.AccessToken, "alice")
	succeed(t, err)
	_, err = c.Callback(t.Context(), pending, back)
	refusedBy(t, err, client.ErrNotPending)
	_, err = c.ExchangeCode(t.Context(), back.Get("code"), client.CodeExchange{
		RedirectURI: pending.RedirectURI, CodeVerifier: pending.CodeVerifier,
	})
	refusedBy(t, err, client.ErrInvalidGrant)
	_, err = c.UserInfo(t.Context(), token.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
}

func (p *provider) resource(t *testing.T) {
	c := p.as(t, "web", nil)
	asked := client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}, Resource: []string{apiExample}}
	token := signIn(t, c, asked)
	if shapeOf(t, token.AccessToken) != "at+jwt RS256" || !slices.Contains(token.Scopes, "api:read") {
		t.Errorf("%s for %v", shapeOf(t, token.AccessToken), token.Scopes)
	}
	asked.Resource = []string{"https://stranger.example"}
	pending := begin(t, c, asked)
	_, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	refusedBy(t, err, client.ErrInvalidTarget)
}

func (p *provider) twoResources(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{
		Scopes: []string{"openid", "offline_access", "api:read"}, Prompt: []string{"consent"}, Resource: []string{apiExample, otherExample},
	})
	back := newBrowser(t).comeBack(t, pending.URL)
	pending.Resource = []string{apiExample}
	token, err := c.Callback(t.Context(), pending, back)
	wantAudience(t, must(t, token, err), apiExample)
	other := p.as(t, "web", func(cfg *client.Config) { cfg.Resource = []string{otherExample} })
	next, err := other.Refresh(t.Context(), token.RefreshToken)
	wantAudience(t, must(t, next, err), otherExample)
}

func wantAudience(t *testing.T, token *client.Token, want string) {
	t.Helper()
	var claims struct {
		Aud string `json:"aud"`
	}
	if err := client.InsecureDecode(token.AccessToken, &claims); err != nil || claims.Aud != want {
		t.Errorf("the token is for %q, want %q: %v", claims.Aud, want, err)
	}
}

func (p *provider) userInfo(t *testing.T) {
	c := p.as(t, "web", func(cfg *client.Config) { cfg.UseUserInfo = true })
	token := signIn(t, c, client.AuthorizationOptions{Scopes: []string{"openid", "email"}})
	if token.IDClaims.Claims()["email"] != "alice@example.com" || !token.IDClaims.UserInfo().EmailVerified() {
		t.Error(token.IDClaims.Claims())
	}
	_, err := c.UserInfo(t.Context(), token.AccessToken, "bob")
	refusedBy(t, err, client.ErrBadResponse)
	_, err = c.UserInfo(t.Context(), "another", "alice")
	refusedBy(t, err, client.ErrInvalidToken)
	careful := p.as(t, "web", func(cfg *client.Config) { cfg.SignedUserInfo = true })
	_, err = careful.UserInfo(t.Context(), token.AccessToken, "alice")
	refusedBy(t, err, client.ErrBadResponse)
}

// stepUp requests an acr that the server cannot provide, so the ID token does not contain it.
func (p *provider) stepUp(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{ACRValues: []string{"two-factors"}})
	_, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	incomplete, ok := errors.AsType[*client.IncompleteError](err)
	if !ok || incomplete.Token.AccessToken == "" {
		t.Fatalf("%v, want a token that is incomplete", err)
	}
}

func (p *provider) splitHorizon(t *testing.T) {
	elsewhere := strings.Replace(p.issuer, "127.0.0.1", "localhost", 1)
	c := p.as(t, "web", func(cfg *client.Config) { cfg.AuthorizeURL = elsewhere + "/auth" })
	pending := begin(t, c, client.AuthorizationOptions{})
	if !strings.HasPrefix(pending.URL, elsewhere) {
		t.Fatal(pending.URL)
	}
	token, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	must(t, token, err)
}

func (p *provider) answerFlows() []clientFlow {
	flows := []clientFlow{
		{"response: issuer identification (RFC 9207)", p.answerIssuer},
		{"response: form_post", func(t *testing.T) {
			signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{ResponseMode: "form_post"})
		}},
		{"response: signed (JARM), modified in transit", p.changedAnswer},
		{"response: the user denies the request", p.userSaysNo},
		{"response: no user is signed in (prompt=none)", func(t *testing.T) {
			c := p.as(t, "web", nil)
			pending := begin(t, c, client.AuthorizationOptions{Prompt: []string{"none"}})
			_, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
			refusedBy(t, err, client.ErrorCode("login_required"))
		}},
	}
	for _, mode := range []string{"jwt", "query.jwt", "form_post.jwt"} {
		flows = append(flows, clientFlow{"response: signed (JARM), " + mode, func(t *testing.T) {
			cfg := p.register(t, client.ClientMetadata{
				RedirectURIs: []string{redirectURI}, Extra: map[string]any{"authorization_signed_response_alg": "ES256"},
			}, nil)
			signIn(t, newClient(t, cfg), client.AuthorizationOptions{ResponseMode: mode})
		}})
	}
	return flows
}

func (p *provider) answerIssuer(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	back := newBrowser(t).comeBack(t, pending.URL)
	if back.Get("iss") != p.issuer {
		t.Fatal(back)
	}
	for _, iss := range [][]string{{"https://evil.example"}, {p.issuer + "/"}, nil, {p.issuer, p.issuer}} {
		back["iss"] = iss
		_, err := c.Callback(t.Context(), pending, back)
		refusedBy(t, err, client.ErrCallback)
	}
	back.Set("iss", p.issuer)
	token, err := c.Callback(t.Context(), pending, back)
	must(t, token, err)
}

// changedAnswer combines the parts of two signed responses and removes the signature.
func (p *provider) changedAnswer(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{ResponseMode: "query.jwt"})
	good := newBrowser(t).comeBack(t, pending.URL)
	response := good.Get("response")
	other := newBrowser(t).comeBack(t, begin(t, c, client.AuthorizationOptions{ResponseMode: "query.jwt"}).URL).Get("response")
	for _, bad := range []string{graft(response, other), other, response[:strings.LastIndex(response, ".")+1], ""} {
		good.Set("response", bad)
		_, err := c.Callback(t.Context(), pending, good)
		refusedBy(t, err, client.ErrCallback)
	}
	good.Set("response", response)
	token, err := c.Callback(t.Context(), pending, good)
	must(t, token, err)
}

func (p *provider) userSaysNo(t *testing.T) {
	c := p.as(t, "web", nil)
	pending := begin(t, c, client.AuthorizationOptions{})
	back := newBrowser(t).refuse(t, pending.URL)
	_, err := c.Callback(t.Context(), pending, back)
	refusedBy(t, err, client.ErrAccessDenied)
	back.Del("iss") // an error response requires iss too
	_, err = c.Callback(t.Context(), pending, back)
	refusedBy(t, err, client.ErrCallback)
}

func (p *provider) requestFlows() []clientFlow {
	signing := map[string]any{"request_object_signing_alg": "ES256"}
	return []clientFlow{
		{"request: pushed (RFC 9126)", func(t *testing.T) {
			signIn(t, p.as(t, "web", nil), client.AuthorizationOptions{Push: true})
		}},
		{"request: pushed, public client", func(t *testing.T) {
			signIn(t, p.as(t, "pub", public), client.AuthorizationOptions{Push: true})
		}},
		{"request: pushed, required for the client", p.mustPush},
		{"request: signed (RFC 9101)", func(t *testing.T) {
			c := newClient(t, p.register(t, client.ClientMetadata{RedirectURIs: []string{redirectURI}, Extra: signing}, signingKey(t)))
			signIn(t, c, client.AuthorizationOptions{Sign: true})
		}},
		{"request: signed and pushed, required for all clients", p.mustSignAndPush},
		{"request: signed with a wrong key", func(t *testing.T) {
			cfg := p.register(t, client.ClientMetadata{RedirectURIs: []string{redirectURI}, Extra: signing}, signingKey(t))
			cfg.Key = signingKey(t)
			_, err := newClient(t, cfg).AuthorizationURL(t.Context(), client.AuthorizationOptions{Sign: true, Push: true})
			refusedBy(t, err, client.ErrorCode("invalid_request_object"))
		}},
	}
}

func (p *provider) mustPush(t *testing.T) {
	c := p.as(t, "pushing", nil)
	signIn(t, c, client.AuthorizationOptions{Push: true})
	pending := begin(t, c, client.AuthorizationOptions{})
	_, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	refusedBy(t, err, client.ErrInvalidRequest)
}

// mustSignAndPush does not configure signing and pushing: the metadata of the server requires both. Registration needs a token.
func (p *provider) mustSignAndPush(t *testing.T) {
	cfg := client.Config{Issuer: p.strict, RedirectURI: redirectURI, Scopes: []string{"openid"}, Key: signingKey(t)}
	m := client.ClientMetadata{
		RedirectURIs: []string{redirectURI}, TokenEndpointAuthMethod: client.AuthPrivateKeyJWT,
		Extra: map[string]any{"request_object_signing_alg": "ES256", "token_endpoint_auth_signing_alg": "ES256"},
	}
	c := newClient(t, registerAt(t, cfg, m, "may-register"))
	pending := begin(t, c, client.AuthorizationOptions{})
	if !strings.Contains(pending.URL, "request_uri=") || strings.Contains(pending.URL, "scope=") {
		t.Error(pending.URL)
	}
	token, err := c.Callback(t.Context(), pending, newBrowser(t).comeBack(t, pending.URL))
	must(t, token, err)
	if twice := newBrowser(t).comeBack(t, pending.URL); twice.Get("error") != "invalid_request_uri" { // it is used up
		t.Error(twice)
	}
}
