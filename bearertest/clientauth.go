package bearertest

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// authenticated reads the form of a request, and authenticates the client that sent it (RFC 6749 section 2.3).
func (s *server) authenticated(r *http.Request) (Client, params, *oauthError) {
	p, err := form(r)
	if err != nil {
		return Client{}, nil, err
	}
	c, err := s.authenticate(r, p)
	return c, p, err
}

// authenticate checks the one credential of a request: HTTP Basic, the client secret in the body, or a client assertion. A
// public client sends only its id.
func (s *server) authenticate(r *http.Request, p params) (Client, *oauthError) {
	id, secret, basic := basicAuth(r)
	assertion := p.get("client_assertion")
	methods := 0
	for _, used := range []bool{r.Header.Get("Authorization") != "", p.get("client_secret") != "", assertion != ""} {
		if used {
			methods++
		}
	}
	switch {
	case methods > 1:
		return Client{}, failure("invalid_request", "the request authenticates the client in more than one way")
	case basic && p.get("client_id") != "" && p.get("client_id") != id: // readers could differ about who the client is
		return Client{}, failure("invalid_request", "client_id is not the one in the Authorization header")
	case assertion != "":
		return s.authenticateAssertion(p, assertion)
	case !basic:
		id, secret = p.get("client_id"), p.get("client_secret")
	}
	c, ok := s.clients[id]
	switch {
	case !ok:
		return Client{}, failure("invalid_client", "client_id %s is not one of IssuerConfig.Clients", id)
	case c.public() && secret == "":
		return c, nil
	case c.Secret == "" || !same(c.Secret, secret):
		return Client{}, failure("invalid_client", "the secret is not Client.Secret of %s", id)
	default:
		return c, nil
	}
}

// basicAuth returns the id and the secret in the Authorization header. Both are encoded as in a form (RFC 6749 section 2.3.1).
func basicAuth(r *http.Request) (id, secret string, ok bool) {
	id, secret, ok = r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, err := url.QueryUnescape(id)
	if err != nil {
		return "", "", true
	}
	secret, err = url.QueryUnescape(secret)
	return id, secret, err == nil
}

// authenticateAssertion verifies a client assertion (RFC 7523 section 3). Each one is valid once.
func (s *server) authenticateAssertion(p params, assertion string) (Client, *oauthError) {
	if p.get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" {
		return Client{}, failure("invalid_request", "client_assertion_type is not jwt-bearer")
	}
	// sub selects the key, so it is read before the signature is verified, and trusted afterwards.
	unverified, ok := parseJWS(assertion)
	if !ok {
		return Client{}, failure("invalid_client", "client_assertion is not a JWT")
	}
	id, _ := unverified.claims["sub"].(string)
	c, known := s.clients[id]
	if !known || c.Key == nil || !slices.Contains(assertionAlgorithms(), unverified.alg) || !unverified.verify(c.Key) {
		return Client{}, failure("invalid_client", "client_assertion is not signed with Client.Key of %s", id)
	}
	claims := unverified.claims
	audience := audienceOf(claims["aud"])
	// Clients name the issuer or one of the endpoints: RFC 7523 section 3 requires the token endpoint, and later specifications the
	// issuer.
	fits := slices.ContainsFunc([]string{s.issuer.url, s.root + "/token", s.root + "/par", s.root + "/introspect", s.root + "/revoke"},
		func(own string) bool { return slices.Contains(audience, own) })
	unique, _ := claims["jti"].(string)
	switch {
	case claims["iss"] != id || p.get("client_id") != "" && p.get("client_id") != id:
		return Client{}, failure("invalid_client", "iss and sub of client_assertion are not both the client_id")
	case !fits:
		return Client{}, failure("invalid_client", "aud of client_assertion is %v, not %s or the endpoint", audience, s.issuer.url)
	case !current(claims, time.Now()) || claims["exp"] == nil:
		return Client{}, failure("invalid_client", "client_assertion has no exp, or has expired")
	case unique == "" || !s.used.add("assertion "+id+" "+unique, struct{}{}):
		return Client{}, failure("invalid_client", "jti of client_assertion is missing, or was used before")
	default:
		return c, nil
	}
}

// assertionAlgorithms returns the algorithms of client assertions and of DPoP proofs: all asymmetric ones.
func assertionAlgorithms() []string {
	return []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
	}
}

// suits reports whether public has the type of key that alg requires, and for ECDSA the curve.
func suits(alg string, public any) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return schemes[alg].family == familyRSA || schemes[alg].family == familyPSS
	case *ecdsa.PublicKey:
		return schemes[alg].family == familyECDSA && key.Curve == curve(alg)
	case ed25519.PublicKey:
		return schemes[alg].family == familyEdDSA
	case []byte:
		return schemes[alg].family == familyHMAC
	default:
		return false
	}
}

// audienceOf returns a claim that is a string or an array of strings (RFC 7519 section 4.1.3).
func audienceOf(claim any) []string {
	switch value := claim.(type) {
	case string:
		return []string{value}
	case []any:
		var list []string
		for _, member := range value {
			if text, ok := member.(string); ok {
				list = append(list, text)
			}
		}
		return list
	default:
		return nil
	}
}
