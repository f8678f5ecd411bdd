package bearertest

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Revoke revokes a token that the Issuer has issued, as an administrator would. The endpoints for user information and introspection
// reject a revoked access token. A revoked refresh token cannot be used, and all access tokens of its sign-in are revoked
// too. An API that only checks the signature accepts an access token until it expires.
func (i *Issuer) Revoke(token string) {
	if i.server != nil {
		i.server.revokeToken(token, "")
	}
}

// revokeToken revokes a token. clientID is the client that requests it; empty: any.
func (s *server) revokeToken(token, clientID string) {
	if found, ok := s.refreshes.get(token); ok {
		if clientID == "" || found.grant.clientID == clientID {
			found.grant.revoked.Store(true)
		}
		return
	}
	claims, ok := s.issuer.verifyOwn(token)
	id, named := claims["jti"].(string)
	if ok && named && (clientID == "" || claims["client_id"] == clientID) {
		s.revoked.add(id, struct{}{})
	}
}

// revoke is the revocation endpoint (RFC 7009 section 2). The response is the same for unknown tokens.
func (s *server) revoke(w http.ResponseWriter, r *http.Request) {
	c, p, err := s.authenticated(r)
	if err == nil && p.get("token") == "" {
		err = failure("invalid_request", "the parameter token is missing")
	}
	if err != nil {
		err.writeTo(w)
		return
	}
	s.revokeToken(p.get("token"), c.ID)
	w.WriteHeader(http.StatusOK)
}

// active returns the claims of an access token that is valid and not revoked.
func (s *server) active(token string) (claims map[string]any, ok bool) {
	parsed, ok := s.issuer.parseOwn(token)
	if !ok || parsed.header["typ"] != "at+jwt" || parsed.claims["exp"] == nil || !current(parsed.claims, time.Now()) {
		return nil, false
	}
	id, _ := parsed.claims["jti"].(string)
	if _, revoked := s.revoked.get(id); revoked {
		return nil, false
	}
	if g, known := s.issued.get(id); known && g.revoked.Load() {
		return nil, false
	}
	return parsed.claims, true
}

// introspect is the introspection endpoint (RFC 7662 section 2). It describes access tokens, also those that a test has signed
// with [Issuer.AccessToken]. Refresh tokens are not active, so that no API accepts them.
func (s *server) introspect(w http.ResponseWriter, r *http.Request) {
	c, p, err := s.authenticated(r)
	switch {
	case err != nil:
	case c.public():
		err = failure("invalid_client", "client %s has neither a Secret nor a Key", c.ID)
	case p.get("token") == "":
		err = failure("invalid_request", "the parameter token is missing")
	}
	if err != nil {
		err.writeTo(w)
		return
	}
	claims, ok := s.active(p.get("token"))
	if !ok {
		writeJSON(w, http.StatusOK, map[string]any{"active": false})
		return
	}
	response := maps.Clone(claims)
	response["active"], response["token_type"] = true, "Bearer"
	if boundKey(claims) != "" {
		response["token_type"] = "DPoP"
	}
	writeJSON(w, http.StatusOK, response)
}

// boundKey returns the thumbprint of the DPoP key to which a token is bound.
func boundKey(claims map[string]any) string {
	members, _ := claims["cnf"].(map[string]any)
	key, _ := members["jkt"].(string)
	return key
}

// userInfo is the userinfo endpoint (OpenID Connect Core section 5.3).
func (s *server) userInfo(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	claims, ok := s.active(token)
	bound := boundKey(claims)
	key, err := s.proofKey(r, "/userinfo", token)
	scope, _ := claims["scope"].(string)
	expected := "Bearer"
	if bound != "" {
		expected = "DPoP"
	}
	switch {
	case err != nil:
	case !ok || !strings.EqualFold(scheme, expected) || key != bound && bound != "":
		err = failure("invalid_token", "the access token is missing, invalid, expired, revoked, or sent without its proof")
	case !slices.Contains(strings.Fields(scope), "openid"):
		rejectToken(w, expected, http.StatusForbidden, failure("insufficient_scope", "the access token needs the scope openid"))
		return
	}
	if err != nil {
		rejectToken(w, expected, http.StatusUnauthorized, err)
		return
	}
	response := map[string]any{}
	id, _ := claims["jti"].(string)
	if g, known := s.issued.get(id); known {
		maps.Copy(response, g.user.Claims)
	}
	response["sub"] = claims["sub"]
	writeJSON(w, http.StatusOK, response)
}

// rejectToken writes the error of a protected resource (RFC 6750 section 3).
func rejectToken(w http.ResponseWriter, scheme string, status int, err *oauthError) {
	w.Header().Set("WWW-Authenticate", scheme+` error="`+err.code+`"`)
	writeJSON(w, status, err.members())
}
