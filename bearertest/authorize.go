package bearertest

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// authorize is the authorization endpoint (RFC 6749 section 3.1). It shows no page: it redirects at once.
func (s *server) authorize(w http.ResponseWriter, r *http.Request) {
	p, failed := s.authorizationRequest(r)
	c, known := s.clients[p.get("client_id")]
	redirect := p.get("redirect_uri")
	switch {
	case failed != nil && (len(p.list("client_id")) > 1 || len(p.list("redirect_uri")) > 1 || len(p) == 0):
		writePage(w, http.StatusBadRequest, failed.description)
		return
	case !known: // without a known client and redirect URI, a redirect could send the user anywhere (RFC 6749 section 4.1.2.1)
		writePage(w, http.StatusBadRequest, "client_id "+p.get("client_id")+" is not one of IssuerConfig.Clients")
		return
	case !registered(c.RedirectURIs, redirect):
		text := "redirect_uri " + redirect + " is not one of Client.RedirectURIs of " + c.ID + ": " + strings.Join(c.RedirectURIs, " ")
		writePage(w, http.StatusBadRequest, text)
		return
	}
	response := map[string]string{}
	if failed == nil {
		response, failed = s.grantCode(c, p)
	}
	if failed != nil {
		response = failed.members()
	}
	response["iss"] = s.issuer.url // RFC 9207 section 2
	if state := p.get("state"); state != "" {
		response["state"] = state
	}
	respond(w, r, redirect, p.get("response_mode"), response)
}

// authorizationRequest returns the parameters of the request, or those that were pushed (RFC 9126 section 4).
func (s *server) authorizationRequest(r *http.Request) (params, *oauthError) {
	var p params
	var failed *oauthError
	if r.Method == http.MethodPost { // OpenID Connect Core section 3.1.2.1
		p, failed = form(r)
	} else {
		p, failed = checked(r.URL.Query())
	}
	reference := p.get("request_uri")
	if failed != nil || reference == "" {
		return p, failed
	}
	pushed, ok := s.pushed.take(reference)
	if !ok || pushed.get("client_id") != p.get("client_id") {
		return nil, failure("invalid_request_uri", "request_uri was not pushed by this client, was used, or has expired")
	}
	return pushed, nil
}

// grantCode checks the request of a client, signs the user in, and returns the parameters of the response.
func (s *server) grantCode(c Client, p params) (map[string]string, *oauthError) {
	if err := checkAuthorization(c, p); err != nil {
		return nil, err
	}
	signedIn, err := s.issuer.signIn(p)
	if err != nil {
		return nil, err
	}
	if hint := p.get("id_token_hint"); hint != "" {
		if claims, ok := s.issuer.verifyOwn(hint); !ok || claims["sub"] != signedIn.user.Subject {
			return nil, failure("login_required", "%s signs in, but id_token_hint is not an ID token about this user", signedIn.user.Subject)
		}
	}
	value := rand.Text()
	s.codes.add(value, &code{
		grant:       newGrant(c, signedIn, p),
		redirectURI: p.get("redirect_uri"),
		challenge:   p.get("code_challenge"),
		key:         p.get("dpop_jkt"),
	})
	return map[string]string{"code": value}, nil
}

// checkAuthorization returns an error if a client may not send a request, or if the Issuer does not support it.
func checkAuthorization(c Client, p params) *oauthError {
	mode := p.get("response_mode")
	switch {
	case p.get("response_type") != "code":
		return failure("unsupported_response_type", "response_type is %s, not code", p.get("response_type"))
	case p.get("request") != "":
		return failure("request_not_supported", "request objects are not supported")
	case !c.may(grantCode):
		return failure("unauthorized_client", "Client.GrantTypes of %s does not contain %s", c.ID, grantCode)
	case mode != "" && mode != "query" && mode != "form_post":
		return failure("invalid_request", "response_mode is %s, not query or form_post", mode)
	case p.get("code_challenge_method") != "S256" || len(p.get("code_challenge")) != 43: // RFC 7636 section 4.2
		return failure("invalid_request", "PKCE is required: code_challenge and code_challenge_method=S256")
	}
	if err := checkResources(p.list("resource"), nil); err != nil {
		return err
	}
	return c.checkScopes(strings.Fields(p.get("scope")))
}

// checkResources returns an error if a resource is not an absolute URI without a fragment (RFC 8707 section 2), or if it is not
// one of the granted resources. Without granted resources, all are allowed.
func checkResources(resources, granted []string) *oauthError {
	for _, resource := range resources {
		u, err := url.Parse(resource)
		if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			return failure("invalid_target", "resource %s is not an absolute URI without a fragment", resource)
		}
		if len(granted) > 0 && !slices.Contains(granted, resource) {
			return failure("invalid_target", "resource %s is not one of those of the authorization request: %v", resource, granted)
		}
	}
	return nil
}

// respond sends the authorization response to the redirect URI: in its query, or as a form that the browser sends (OAuth 2.0
// Form Post Response Mode).
func respond(w http.ResponseWriter, r *http.Request, redirect, mode string, response map[string]string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if mode == "form_post" {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = formPost.Execute(w, map[string]any{"Action": template.URL(redirect), "Fields": response}) //nolint:gosec // a registered URI
		return
	}
	u, err := url.Parse(redirect)
	if err != nil {
		writePage(w, http.StatusBadRequest, "redirect_uri is not a URL")
		return
	}
	query := u.Query()
	for name, value := range response {
		query.Set(name, value)
	}
	u.RawQuery = query.Encode()
	http.Redirect(w, r, u.String(), http.StatusSeeOther)
}

// formPost is the page of the response mode form_post. Without scripts, the user clicks the button.
var formPost = template.Must(template.New("").Parse( //nolint:gochecknoglobals // a constant
	`<!DOCTYPE html><html><body onload="document.forms[0].submit()"><form method="post" action="{{.Action}}">` +
		`{{range $name, $value := .Fields}}<input type="hidden" name="{{$name}}" value="{{$value}}">{{end}}` +
		`<button>Continue</button></form></body></html>`))

// push is the pushed authorization request endpoint (RFC 9126 section 2).
func (s *server) push(w http.ResponseWriter, r *http.Request) {
	c, p, err := s.authenticated(r)
	switch {
	case err != nil:
	case p.get("request_uri") != "":
		err = failure("invalid_request", "a pushed request cannot contain request_uri")
	case !registered(c.RedirectURIs, p.get("redirect_uri")):
		err = failure("invalid_request", "redirect_uri %s is not one of Client.RedirectURIs of %s", p.get("redirect_uri"), c.ID)
	default:
		err = checkAuthorization(c, p)
	}
	if err != nil {
		err.writeTo(w)
		return
	}
	stored := maps.Clone(p)
	stored["client_id"] = []string{c.ID}
	for _, secret := range []string{"client_secret", "client_assertion", "client_assertion_type"} {
		delete(stored, secret)
	}
	reference := "urn:ietf:params:oauth:request_uri:" + rand.Text()
	s.pushed.add(reference, stored)
	writeJSON(w, http.StatusCreated, map[string]any{"request_uri": reference, "expires_in": int(pushedLifetime.Seconds())})
}

// same compares two secrets in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// object decodes a JSON object. It returns nil if text is not one.
func object(text []byte) map[string]any {
	var members map[string]any
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	return members
}
