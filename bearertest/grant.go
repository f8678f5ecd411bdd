package bearertest

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// grant is what a client may do: on behalf of a user who has signed in, or on its own behalf. All tokens of a sign-in share one
// grant, so that they can be revoked together.
type grant struct {
	clientID  string
	user      User      // the zero value: the client acts on its own behalf
	since     time.Time // when the user signed in
	scopes    []string
	resources []string // RFC 8707
	nonce     string
	acr       string
	revoked   atomic.Bool
}

// code is an authorization code that was issued.
type code struct {
	grant       *grant
	redirectURI string
	challenge   string // of PKCE
	key         string // the thumbprint that dpop_jkt names (RFC 9449 section 10); empty: any key
	used        atomic.Bool
}

// refresh is a refresh token that was issued.
type refresh struct {
	grant *grant
	key   string // of a public client: the thumbprint of its DPoP key (RFC 9449 section 5); empty: not bound
	used  atomic.Bool
}

// newGrant returns what a user grants to a client.
func newGrant(c Client, signedIn session, p params) *grant {
	g := &grant{
		clientID: c.ID, user: signedIn.user, since: signedIn.since,
		resources: p.list("resource"), nonce: p.get("nonce"),
	}
	for _, scope := range strings.Fields(p.get("scope")) {
		if signedIn.user.Scopes == nil || slices.Contains(signedIn.user.Scopes, scope) {
			g.scopes = append(g.scopes, scope)
		}
	}
	g.acr, _, _ = strings.Cut(p.get("acr_values"), " ") // the user does what the client prefers
	return g
}

// tokens is what a token response contains besides the grant.
type tokens struct {
	scopes    []string // of the access token
	resources []string // its audience; nil: that of IssuerConfig
	key       string   // the thumbprint of the DPoP key; empty: a bearer token
	nonce     string   // of the ID token; empty: none
	refresh   bool     // with a refresh token
}

// issue returns a token response (RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3).
func (s *server) issue(c Client, g *grant, t tokens) map[string]any {
	response := map[string]any{
		"access_token": s.accessToken(g, t),
		"token_type":   "Bearer",
		"expires_in":   max(0, int(s.lifetime.Seconds())),
		"scope":        strings.Join(t.scopes, " "),
	}
	if t.key != "" {
		response["token_type"] = "DPoP"
	}
	if g.user.Subject != "" && slices.Contains(t.scopes, "openid") {
		response["id_token"] = s.idToken(g, t)
	}
	if t.refresh && c.may(grantRefresh) {
		value := rand.Text()
		next := &refresh{grant: g}
		if c.public() {
			next.key = t.key
		}
		s.refreshes.add(value, next)
		response["refresh_token"] = value
	}
	return response
}

// accessToken signs an access token (RFC 9068 section 2.2), and records it.
func (s *server) accessToken(g *grant, t tokens) string {
	token := s.issuer.AccessToken().
		Set("sub", g.clientID).
		Set("client_id", g.clientID).
		Set("exp", time.Now().Add(s.lifetime).Unix())
	if len(t.scopes) > 0 {
		token.Set("scope", strings.Join(t.scopes, " "))
	}
	if len(t.resources) > 0 {
		token.Set("aud", t.resources)
	}
	if t.key != "" {
		token.confirm("jkt", t.key)
	}
	g.describeUser(token)
	s.edit("access_token", token)
	if id, ok := token.claims["jti"].(string); ok {
		s.issued.add(id, g)
	}
	return token.Sign()
}

// idToken signs an ID token (OpenID Connect Core section 2).
func (s *server) idToken(g *grant, t tokens) string {
	token := s.issuer.IDToken().
		Set("aud", []string{g.clientID}).
		Set("azp", g.clientID).
		Set("nonce", Absent).
		Set("exp", time.Now().Add(s.lifetime).Unix())
	if t.nonce != "" {
		token.Set("nonce", t.nonce)
	}
	g.describeUser(token)
	return s.edit("id_token", token).Sign()
}

// describeUser sets the claims about the user, if there is one.
func (g *grant) describeUser(token *Token) {
	if g.user.Subject == "" {
		return
	}
	token.Set("sub", g.user.Subject).Set("auth_time", g.since.Unix())
	if g.acr != "" {
		token.Set("acr", g.acr)
	}
	for name, value := range g.user.Claims {
		if !slices.Contains(issuerClaims(), name) {
			token.Set(name, value)
		}
	}
}

// issuerClaims returns the claims that User.Claims cannot replace.
func issuerClaims() []string {
	return []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "azp", "client_id", "scope", "nonce", "cnf"}
}
