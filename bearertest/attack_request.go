package bearertest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// schemeRows send a valid token, with another form of the Authorization header.
func (a *assault) schemeRows() []row {
	scheme := rule{
		source: "RFC 6750 section 2.1, RFC 9110 sections 11.1 and 11.4",
		change: "Read the token only from a header field with the scheme Bearer (in any case), spaces, and one token (middleware.BearerToken).",
	}
	single := rule{
		source: "RFC 6750 sections 2 and 3.1",
		change: "Reject requests with more than one Authorization field. Otherwise a proxy and the API could read different tokens (middleware.Config.TokenSources).",
	}
	return []row{
		{"B1_scheme_in_any_case", scheme, a.authorization(schemeInAnyCase)},
		{"B1_other_schemes", scheme, a.authorization(otherSchemes)},
		{"B3_two_authorization_headers", single, a.authorization(twoAuthorizations)},
	}
}

// authorization runs test with the scheme and the token of a valid request, if the target uses the Authorization header.
func (a *assault) authorization(test func(c *check, scheme, raw string)) func(c *check) {
	return func(c *check) {
		if c.place != inAuthorization {
			c.skip("the deployment does not read tokens from the Authorization header (Target.Credential)")
			return
		}
		scheme, raw, _ := strings.Cut(c.target.requestWith(c.token().Sign()).Header.Get("Authorization"), " ")
		test(c, scheme, raw)
	}
}

// withAuthorization returns a valid request in which lines replace the Authorization header.
func (c *check) withAuthorization(lines ...string) *http.Request {
	// The request also has the other fields that Target.Credential adds, such as a proof. So only Authorization is wrong.
	r := c.target.requestWith(c.token().Sign())
	r.Header["Authorization"] = lines
	return r
}

// schemeInAnyCase sends the scheme in lower and in upper case. Both are correct (RFC 9110 section 11.1), so the row fails if the
// deployment rejects one of them.
func schemeInAnyCase(c *check, scheme, _ string) {
	for _, other := range []string{strings.ToLower(scheme), strings.ToUpper(scheme)} {
		r := c.target.requestWith(c.token().Sign())
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		r.Header.Set("Authorization", other+" "+raw)
		if got := c.send(r); !got.accepted() {
			c.fail("the scheme "+other, describe(raw), "a status of 2xx", got)
		}
	}
}

// otherSchemes sends a valid token in values of Authorization that do not have the form of RFC 6750. Two programs that read such a
// value leniently may read different tokens from it.
func otherSchemes(c *check, scheme, raw string) {
	for what, line := range map[string]string{
		"no scheme": raw, "Basic": "Basic " + raw, "Token": "Token " + raw, "JWT": "JWT " + raw, "no space": scheme + raw, "a colon": scheme + ": " + raw,
		"an underscore": scheme + "_" + raw, "a comma": scheme + "," + raw, "two tokens": scheme + " " + raw + " " + raw, "a list": scheme + " " + raw + ", " + scheme + " " + raw,
		"a parameter": scheme + " token=" + raw, "a parameter after it": scheme + " " + raw + ", x=y", "quotes": scheme + ` "` + raw + `"`,
		"the scheme twice": scheme + " " + scheme + " " + raw, "the scheme after it": raw + " " + scheme, "a longer scheme": "X" + scheme + " " + raw,
	} {
		c.rejectRequest("Authorization: "+what, describe(raw), c.withAuthorization(line))
	}
	for _, line := range []string{scheme, scheme + " ", "", " "} {
		if !c.target.Optional || strings.TrimSpace(line) != "" {
			c.rejectRequest("Authorization without a token", "the text "+oneLine(line), c.withAuthorization(line))
		}
	}
}

// twoAuthorizations sends two Authorization fields. Some servers use the first one, some the last one, and some join them.
func twoAuthorizations(c *check, scheme, raw string) {
	good := scheme + " " + raw
	for what, lines := range map[string][]string{
		"the same token twice": {good, good}, "a valid token first": {good, scheme + " garbage"}, "a valid token last": {scheme + " garbage", good},
		"Basic first": {"Basic YTpi", good}, "Basic last": {good, "Basic YTpi"},
	} {
		c.rejectRequest("two Authorization fields: "+what, describe(raw), c.withAuthorization(lines...))
	}
}

// placeRows send a valid token in a place where the deployment must not read it.
func (a *assault) placeRows() []row {
	places := rule{
		source: "RFC 6750 sections 2.2 and 2.3, RFC 9700 section 4.3.2",
		change: "Read tokens only from the places that your clients use (middleware.Config.TokenSources). Addresses are logged, and browsers add cookies " +
			"to requests of other sites.",
	}
	fallback := rule{
		source: "RFC 6750 section 3.1",
		change: "Reject a request whose credential is not valid. Do not try other places then (middleware.Config.TokenSources, middleware.FirstOf).",
	}
	return []row{
		{"B2_token_in_other_places", places, func(c *check) { otherPlaces(c, false) }},
		{"50_fallback_to_other_places", fallback, func(c *check) { otherPlaces(c, true) }},
	}
}

// otherPlaces sends a valid token in other places than that of the target: alone, or together with a bad one.
func otherPlaces(c *check, withBad bool) {
	if c.target.Optional && !withBad {
		c.skip("the route accepts requests without credentials (Target.Optional)")
		return
	}
	raw := c.token().Sign()
	for what, r := range c.elsewhere(raw) {
		if withBad {
			c.target.carry(r, "AAAA.AAAA.AAAA")
			what = "a bad token in the right place, and a valid one in " + what
		}
		c.rejectRequest(what, describe(raw), r)
	}
}

// elsewhere returns requests with a token in places that clients use, except for that of the target.
func (c *check) elsewhere(raw string) map[string]*http.Request {
	found := make(map[string]*http.Request)
	if c.place != inQuery {
		for _, name := range []string{"access_token", "token"} {
			r := c.target.request()
			query := r.URL.Query()
			query.Set(name, raw)
			r.URL.RawQuery = query.Encode()
			r.RequestURI = r.URL.RequestURI()
			found["the query parameter "+name] = r
		}
	}
	if c.place != inCookie {
		for _, name := range []string{"access_token", "token", "jwt", "Authorization"} {
			r := c.target.request()
			r.AddCookie(&http.Cookie{Name: name, Value: raw, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
			found["the cookie "+name] = r
		}
	}
	form := c.target
	form.Body = url.Values{"access_token": {raw}}.Encode()
	form.Method = http.MethodPost
	r := form.request()
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	found["a form"] = r
	if c.place != elsewhere {
		for _, name := range []string{"X-Access-Token", "X-Forwarded-Access-Token", "X-Auth-Token", "Proxy-Authorization"} {
			r := c.target.request()
			r.Header.Set(name, raw)
			found["the header field "+name] = r
		}
	}
	return found
}

// methodRows use other methods.
func (a *assault) methodRows() []row {
	methods := rule{
		source: "RFC 9110 section 9, RFC 6750 section 3",
		change: "Guard the route for all methods, and in front of the router (middleware.Guard.Handler, middleware.Guard.Routes).",
	}
	preflight := rule{
		source: "Fetch standard, section CORS protocol: a preflight has no credentials, and only the CORS middleware responds to it",
		change: "Put the CORS middleware in front of the guard, and never call the handler for a preflight (middleware.Config.AllowPreflight).",
	}
	cors := rule{
		source: "Fetch standard, section CORS protocol",
		change: "Do not allow credentials for origins that you have not listed.",
	}
	return []row{
		{"49_methods_without_a_token", methods, methodsWithoutToken},
		{"49_preflight", preflight, preflightRequest},
		{"49_foreign_origin", cors, foreignOrigin},
	}
}

// methodsWithoutToken sends other methods without a token. Another method may be another route, which may be public, so only a
// response like that to the valid token is a failure.
func methodsWithoutToken(c *check) {
	if c.target.Optional {
		c.skip("the route accepts requests without credentials (Target.Optional)")
		return
	}
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "QUERY"} {
		r := c.target.request()
		r.Method = method
		same := method == "HEAD" && c.target.method() == "GET" // the response has no body to compare
		if got := c.send(r); got.panicked != nil || got.accepted() && (same || c.handled(got)) {
			c.fail("method "+method, "no credential", "a rejection, or the response of another route", got)
		}
	}
}

// handled reports whether a response contains that of the handler to the valid token.
func (a *assault) handled(got response) bool {
	body := strings.TrimSpace(a.good.body) // a short one, such as "ok", could be in any response
	return len(body) >= 4 && strings.Contains(got.body, body)
}

// preflightRequest sends a CORS preflight without a token. A guard that lets preflights pass must not let them reach the handler.
func preflightRequest(c *check) {
	r := c.target.request()
	r.Method = http.MethodOptions
	r.Header.Set("Origin", "https://attacker.test")
	r.Header.Set("Access-Control-Request-Method", c.target.method())
	r.Header.Set("Access-Control-Request-Headers", "authorization")
	if got := c.send(r); got.panicked != nil || got.status >= 500 || c.handled(got) {
		c.fail("a preflight without a token", "no credential", "a rejection, or the response of the CORS middleware", got)
	}
}

// foreignOrigin sends a valid request from a page of another site. If the response allows that origin with credentials, the page can
// read the response with the cookies of the user.
func foreignOrigin(c *check) {
	for _, origin := range []string{"https://attacker.test", "null"} {
		r := c.target.requestWith(c.token().Sign())
		r.Header.Set("Origin", origin)
		got := c.send(r)
		reflected := slices.Contains(got.header["Access-Control-Allow-Origin"], origin)
		if got.panicked != nil || reflected && slices.Contains(got.header["Access-Control-Allow-Credentials"], "true") {
			c.fail("Origin: "+origin, "a valid token", "no Access-Control-Allow-Credentials for this origin", got)
		}
	}
}
