package bearertest

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"
)

// token is the token endpoint (RFC 6749 section 3.2).
func (s *server) token(w http.ResponseWriter, r *http.Request) {
	response, err := s.tokenResponse(r)
	if err != nil {
		err.writeTo(w)
		return
	}
	writeJSON(w, http.StatusOK, response)
}

// tokenResponse authenticates the client and checks its proof, then its grant.
func (s *server) tokenResponse(r *http.Request) (map[string]any, *oauthError) {
	c, p, err := s.authenticated(r)
	if err != nil {
		return nil, err
	}
	key, err := s.proofKey(r, "/token", "")
	if err != nil {
		return nil, err
	}
	name := p.get("grant_type")
	if !slices.Contains(grantTypes(), name) {
		return nil, failure("unsupported_grant_type", "grant_type %s is not one of %v", name, grantTypes())
	}
	if !c.may(name) {
		return nil, failure("unauthorized_client", "Client.GrantTypes of %s does not contain %s", c.ID, name)
	}
	switch name {
	case grantCode:
		return s.redeemCode(c, p, key)
	case grantRefresh:
		return s.redeemRefresh(c, p, key)
	case grantDevice:
		return s.redeemDevice(c, p, key)
	default:
		return s.clientCredentials(c, p, key)
	}
}

// redeemCode is the grant authorization_code (RFC 6749 section 4.1.3). If a code is used twice, its tokens are revoked.
func (s *server) redeemCode(c Client, p params, key string) (map[string]any, *oauthError) {
	found, ok := s.codes.get(p.get("code"))
	if !ok {
		return nil, failure("invalid_grant", "the code is unknown or has expired; it is valid for %v", codeLifetime)
	}
	verifier := p.get("code_verifier")
	hash := sha256.Sum256([]byte(verifier))
	switch {
	case found.grant.clientID != c.ID:
		return nil, failure("invalid_grant", "the code was issued to another client")
	case found.redirectURI != p.get("redirect_uri"):
		return nil, failure("invalid_grant", "redirect_uri is not %s, as in the authorization request", found.redirectURI)
	// found.challenge is never empty, because the authorization endpoint requires PKCE.
	case len(verifier) < 43 || !same(base64url(hash[:]), found.challenge): // RFC 7636 sections 4.1 and 4.6
		return nil, failure("invalid_grant", "code_verifier does not fit code_challenge")
	case found.key != "" && found.key != key:
		return nil, failure("invalid_grant", "the key of the proof is not the one of dpop_jkt")
	}
	resources, err := requestedResources(p, found.grant)
	if err != nil {
		return nil, err
	}
	// The code is used up only by a request that is right in all other respects. Of two such requests at the same time, one fails.
	if found.used.Swap(true) {
		found.grant.revoked.Store(true)
		return nil, failure("invalid_grant", "the code was used before; all tokens of this sign-in are revoked")
	}
	return s.issue(c, found.grant, tokens{
		scopes: found.grant.scopes, resources: resources, key: key, nonce: found.grant.nonce, refresh: true,
	}), nil
}

// redeemRefresh is the grant refresh_token (RFC 6749 section 6). Each refresh token is valid once. If it is used twice, all
// tokens of the sign-in are revoked (RFC 9700 section 4.14.2).
func (s *server) redeemRefresh(c Client, p params, key string) (map[string]any, *oauthError) {
	found, ok := s.refreshes.get(p.get("refresh_token"))
	switch {
	case !ok || found.grant.revoked.Load():
		return nil, failure("invalid_grant", "the refresh token is unknown, revoked, or has expired; it is valid for %v", refreshLifetime)
	case found.grant.clientID != c.ID:
		return nil, failure("invalid_grant", "the refresh token was issued to another client")
	case found.key != "" && found.key != key:
		return nil, failure("invalid_grant", "the refresh token is bound to another DPoP key")
	}
	scopes := found.grant.scopes
	if p.get("scope") != "" {
		scopes = strings.Fields(p.get("scope"))
	}
	for _, scope := range scopes { // a refresh must not extend what the user has granted
		if !slices.Contains(found.grant.scopes, scope) {
			return nil, failure("invalid_scope", "scope %s is not one of those of the sign-in: %v", scope, found.grant.scopes)
		}
	}
	resources, err := requestedResources(p, found.grant)
	if err != nil {
		return nil, err
	}
	if found.used.Swap(true) {
		found.grant.revoked.Store(true)
		return nil, failure("invalid_grant", "the refresh token was used before; all tokens of this sign-in are revoked")
	}
	return s.issue(c, found.grant, tokens{scopes: scopes, resources: resources, key: key, refresh: true}), nil
}

// clientCredentials is the grant client_credentials (RFC 6749 section 4.4).
func (s *server) clientCredentials(c Client, p params, key string) (map[string]any, *oauthError) {
	if c.public() {
		return nil, failure("unauthorized_client", "client %s has neither a Secret nor a Key", c.ID)
	}
	scopes := strings.Fields(p.get("scope"))
	if err := c.checkScopes(scopes); err != nil {
		return nil, err
	}
	g := &grant{clientID: c.ID, scopes: scopes}
	resources, err := requestedResources(p, g)
	if err != nil {
		return nil, err
	}
	return s.issue(c, g, tokens{scopes: scopes, resources: resources, key: key}), nil
}

// requestedResources returns the resources of a token request, or else those of the grant (RFC 8707 section 2.2).
func requestedResources(p params, g *grant) ([]string, *oauthError) {
	resources := p.list("resource")
	if len(resources) == 0 {
		return g.resources, nil
	}
	return resources, checkResources(resources, g.resources)
}
