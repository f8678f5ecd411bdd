package bearertest

import (
	"maps"
	"strings"
)

// kindRows are other tokens than access tokens, of the same issuer and for this API.
func (a *assault) kindRows() []row {
	kinds := rule{
		source: "RFC 8725 sections 2.8 and 3.12, RFC 9068 section 4",
		change: "Accept only access tokens: require typ at+jwt, or another mark that your issuer sets in access tokens only (consumer.Config.Profile).",
	}
	bound := rule{
		source: "RFC 9449 section 7.2, RFC 8705 section 3",
		change: "Reject a token with cnf unless the sender has the key or certificate in it (middleware.Config.DPoP, middleware.Config.MTLS).",
	}
	return []row{
		{"24_ID_token", kinds, idTokens},
		{"24_logout_token", kinds, func(c *check) { c.reject("a logout token", c.forThisAPI(c.issuer.LogoutToken())) }},
		{"24_typ_of_other_tokens", kinds, otherTypes},
		{"24_kind_in_a_claim", kinds, kindClaims},
		{"26_bound_to_another_key", bound, boundTokens},
	}
}

// forThisAPI gives a token of another kind the audience, the scopes and the key of the valid token. So nothing but its kind can be the
// reason for a rejection.
func (c *check) forThisAPI(token *Token) *Token {
	valid := c.token()
	for _, name := range []string{"aud", "scope"} {
		if value, present := valid.claims[name]; present {
			token.Set(name, value)
		}
	}
	return token.SignWith(valid.algorithm, valid.key).SetHeader("kid", valid.header["kid"])
}

// idTokens sends ID tokens. They have the issuer and the keys of access tokens, but they are for the client: an API that accepts them
// grants access that the user has not granted.
func idTokens(c *check) {
	if c.target.AcceptsIDTokens {
		c.skip("the deployment accepts ID tokens (Target.AcceptsIDTokens)")
		return
	}
	c.reject("an ID token", c.forThisAPI(c.issuer.IDToken()).Set("scope", Absent))
	c.reject("an ID token with at_hash", c.forThisAPI(c.issuer.IDToken()).Set("at_hash", "MTIzNDU2Nzg5MDEyMzQ1Ng"))
}

// otherTypes sends the claims of the valid token with the typ of other kinds of JWT, or with a typ that is not a string.
func otherTypes(c *check) {
	for _, typ := range []any{"logout+jwt", "dpop+jwt", "token-introspection+jwt", "secevent+jwt", "oauth-authz-req+jwt", "JOSE", 1, []string{"at+jwt"}} {
		c.reject("typ: "+asJSON(typ), c.token().SetHeader("typ", typ))
	}
	c.reject("an introspection response", c.token().SetHeader("typ", "token-introspection+jwt").Set("token_introspection", map[string]any{"active": true}))
	c.reject("a security event", c.token().SetHeader("typ", "secevent+jwt").Set("events", map[string]any{}))
}

// kindClaims have claims in which common authorization servers name other kinds of tokens.
func kindClaims(c *check) {
	for name, kinds := range map[string][]string{"token_use": {"id", "refresh"}, "typ": {"ID", "Refresh", "Logout"}, "token_type": {"refresh_token", "id_token"}} {
		for _, kind := range kinds {
			c.reject(name+": "+kind, c.token().Set(name, kind))
		}
	}
}

// boundTokens sends tokens that are bound to a key or a certificate, without a proof. An API that ignores cnf accepts them from
// everyone who has stolen one. A token with an unknown form of cnf must not count as a token without cnf.
func boundTokens(c *check) {
	key := NewProofKey("ES256")
	c.reject("bound to a key (jkt)", c.token().BoundTo(key))
	c.reject("bound to a certificate (x5t#S256)", c.token().BoundToCertificate([]byte("certificate")))
	for what, cnf := range map[string]any{"an unknown method": map[string]any{"x": "y"}, "a jwk": map[string]any{"jwk": key.JWK()}, "a string": "jkt", "null": nil} {
		c.reject("cnf: "+what, c.token().Set("cnf", cnf))
	}
	if c.place != inAuthorization { // other places have no scheme
		return
	}
	for _, scheme := range []string{"DPoP", "PoP"} {
		r := c.target.requestWith(c.token().BoundTo(key).Sign())
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		r.Header.Set("Authorization", scheme+" "+raw)
		r.Header.Del("DPoP") // Target.Credential may have added a proof
		c.rejectRequest("bound to a key, with the scheme "+scheme+" and without a proof", describe(raw), r)
	}
}

// scopeRows have scopes that do not contain those of the route.
func (a *assault) scopeRows() []row {
	enough := rule{
		source: "RFC 6750 section 3.1: status 403 and insufficient_scope. RFC 9700 section 2.3",
		change: "Compare each scope of the route with the list of scopes of the token, byte for byte (middleware.Scopes).",
	}
	return []row{{"X1_scope_missing", enough, missingScopes}}
}

// missingScopes sends scopes that a comparison by prefix, by substring, without case or with a pattern accepts. At the end it checks
// the response: the token is valid, so the status is 403 and not 401.
func missingScopes(c *check) {
	if c.target.Scope == "" {
		c.skip("set Target.Scope to the scopes that the route requires")
		return
	}
	scope := strings.Fields(c.target.Scope)[0]
	others := map[string]any{
		"no scope": Absent, "an empty scope": "", "another scope": "other", "a longer scope": scope + "x", "a prefix": scope[:len(scope)-1] + " x",
		"in the middle of another": "x" + scope + "x", "a wildcard": "* .* " + scope[:1] + "*", "an object": map[string]any{scope: true}, "a number": 1,
	}
	if upper := strings.ToUpper(scope); upper != scope {
		others["upper case"] = upper
	}
	for what, value := range maps.All(others) {
		c.reject("scope: "+what, c.token().Set("scope", value))
	}
	raw := c.token().Set("scope", Absent).Sign()
	if got := c.send(c.target.requestWith(raw)); got.panicked == nil && (got.status != 403 || len(got.parameters("error", "insufficient_scope")) == 0) {
		c.fail("a valid token without a scope", describe(raw), `status 403, and a challenge with error="insufficient_scope"`, got)
	}
}
