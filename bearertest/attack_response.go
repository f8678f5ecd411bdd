package bearertest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// rejected is a token that every deployment rejects, and the response to it.
type rejected struct {
	what, raw string
	got       response
}

// rejections sends invalid tokens, each of which is wrong in one way, and returns those that were rejected. Other rows report
// the others.
func (c *check) rejections() []rejected {
	_, key := c.stranger.signingKey(c.token().algorithm)
	found := []rejected{
		{what: "an expired token", raw: c.token().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()},
		{what: "a token for another API", raw: c.token().Set("aud", "https://other.test").Sign()},
		{what: "a token of another issuer", raw: c.token().Set("iss", "https://attacker.test").Sign()},
		{what: "a wrong signature", raw: c.token().SignWith(c.token().algorithm, key).Sign()},
		{what: "an unsigned token", raw: c.token().SignWith("none", nil).Sign()},
		{what: "a token without exp", raw: c.token().Set("exp", Absent).Sign()},
		{what: "three parts of garbage", raw: "AAAA.AAAA.AAAA"},
	}
	for i := range found {
		found[i].got = c.send(c.target.requestWith(found[i].raw))
	}
	return slices.DeleteFunc(found, func(r rejected) bool { return r.got.status < 400 || r.got.status >= 500 })
}

// challengeRows check the form of rejections.
func (a *assault) challengeRows() []row {
	status := rule{
		source: "RFC 6750 sections 3 and 3.1, RFC 9110 section 15.5.2",
		change: `Respond to invalid tokens with status 401 and WWW-Authenticate: Bearer realm="…", error="invalid_token" (middleware.Guard.Deny).`,
	}
	absent := rule{
		source: "RFC 6750 sections 3 and 3.1: a request without authentication information gets no error code",
		change: `Respond with status 401 and WWW-Authenticate: Bearer realm="…" (middleware.Guard.Deny).`,
	}
	form := rule{
		source: "RFC 9110 section 11.6.1, RFC 6750 section 3",
		change: "Write only constant text to WWW-Authenticate, as quoted strings, and each parameter once.",
	}
	return []row{
		{"B7_invalid_token", status, func(c *check) {
			for _, r := range c.rejections() {
				if r.got.status != http.StatusUnauthorized || len(r.got.parameters("error", "invalid_token")) == 0 {
					c.fail(r.what, describe(r.raw), `status 401, and a challenge with error="invalid_token"`, r.got)
				}
			}
		}},
		{"B6_no_credentials", absent, noCredentials},
		{"B5_challenge_is_well_formed", form, wellFormed},
	}
}

// noCredentials sends requests without a token. The challenge must not have an error code, because a code is a statement about the
// token that the client has sent.
func noCredentials(c *check) {
	if c.target.Optional {
		c.skip("the route accepts requests without credentials (Target.Optional)")
		return
	}
	basic := c.target.request()
	basic.Header.Set("Authorization", "Basic YTpi")
	for what, r := range map[string]*http.Request{"no credentials": c.target.request(), "credentials of another scheme": basic} {
		got := c.send(r)
		challenges, _ := got.challenges()
		withError := slices.ContainsFunc(challenges, func(ch challenge) bool { return ch.parameters["error"] != "" })
		if got.status != http.StatusUnauthorized || len(challenges) == 0 || withError {
			c.fail(what, what, "status 401, and a challenge without error", got)
		}
	}
}

// wellFormed parses the challenges of all rejections. The last token contains quotation marks and line ends. If they were copied, they
// would end a quoted string, or the header field itself.
func wellFormed(c *check) {
	all := c.rejections()
	all = append(all, rejected{what: "no credentials", got: c.send(c.target.request())})
	hostile := c.token().Set("iss", "\"\r\n\u00fc").SetHeader("kid", "\\\"").Sign()
	all = append(all, rejected{what: "quotes and line feeds in the token", raw: hostile, got: c.send(c.target.requestWith(hostile))})
	for _, r := range all {
		challenges, problem := r.got.challenges()
		for _, ch := range challenges {
			if strings.EqualFold(ch.scheme, "Bearer") && len(ch.parameters) == 0 {
				problem = "the challenge Bearer has no parameter"
			}
			for name, value := range ch.parameters {
				if bad := valueProblem(name, value); bad != "" {
					problem = bad
				}
			}
		}
		if problem != "" {
			c.fail(r.what, describe(r.raw), "well-formed challenges, but "+problem, r.got)
		}
	}
}

// leakRows check that responses contain nothing that helps an attacker.
func (a *assault) leakRows() []row {
	oracle := rule{
		source: "CWE-203, CWE-209: a response that says which check failed helps to forge a token",
		change: "Send the same status, challenge and body for every invalid token. Log the reason instead (middleware.Config.Logger).",
	}
	reflected := rule{
		source: "RFC 6750 section 3, CWE-113, CWE-79",
		change: "Never copy text from a token or from the request into a response. The error texts of libraries contain such text.",
	}
	host := rule{
		source: "RFC 9728 section 7, CWE-644",
		change: "Take realm and resource_metadata from the configuration, never from the Host header (middleware.Config.Resource).",
	}
	echo := rule{
		source: "RFC 6750 section 5.3",
		change: "Do not send the token back, also not in pages for debugging.",
	}
	return []row{
		{"41_same_response_for_all_reasons", oracle, sameResponse},
		{"40_text_of_the_token_in_the_response", reflected, reflectedText},
		{"42_host_in_the_challenge", host, hostInChallenge},
		{"43_token_in_the_response", echo, func(c *check) {
			for _, token := range []*Token{c.token(), c.token().Set("exp", 1)} {
				raw := token.Sign()
				got := c.send(c.target.requestWith(raw))
				// With the signature alone, anyone who knows the claims has the token.
				if contains(got, raw) || contains(got, raw[strings.LastIndexByte(raw, '.')+1:]) {
					c.fail("the response contains the token", describe(raw), "a response without the token", response{status: got.status})
				}
			}
		}},
	}
}

// sameResponse compares the rejections. If two rejections of one token differ, for example in a request id, it compares only the
// status and the challenges.
func sameResponse(c *check) {
	all := c.rejections()
	if len(all) == 0 {
		c.fail("invalid tokens", "invalid tokens", "a rejection of at least one of them", response{status: http.StatusOK})
		return
	}
	first := all[0]
	again := c.send(c.target.requestWith(first.raw))
	for _, r := range all[1:] {
		// Bodies that differ for the same token say nothing about the reason.
		sameBody := r.got.body == first.got.body || again.body != first.got.body
		if r.got.status != first.got.status || !slices.Equal(r.got.header["Www-Authenticate"], first.got.header["Www-Authenticate"]) || !sameBody {
			c.fail(r.what, describe(r.raw), "the response to "+first.what+": "+first.got.String(), r.got)
		}
	}
}

// reflectedText puts a word into each part of a token. The responses must not contain it: an error page could run it as a script, and
// a line end would start a header field of the attacker.
func reflectedText(c *check) {
	const word = "bearertest-reflected"
	for name, token := range map[string]*Token{
		"iss": c.token().Set("iss", "https://"+word+".test"), "aud": c.token().Set("aud", word), "kid": c.token().SetHeader("kid", word),
		"alg": c.token().SetHeader("alg", word), "typ": c.token().SetHeader("typ", word), "sub": c.token().Set("sub", word).Set("exp", 1),
		"a line feed in kid": c.token().SetHeader("kid", "x\r\nX-Reflected: "+word), "exp": c.token().Set("exp", word),
		"scope": c.token().Set("scope", word).Set("aud", "https://other.test"),
	} {
		raw := token.Sign()
		if got := c.send(c.target.requestWith(raw)); contains(got, word) {
			c.fail("the response contains the text of "+name, describe(raw), "no text of the token", got)
		}
	}
}

// hostInChallenge sends the host of an attacker. If the challenge contains it, a client may read the metadata of the API from that host,
// and then request tokens from an authorization server of the attacker.
func hostInChallenge(c *check) {
	const host = "attacker.test"
	for _, name := range []string{"Host", "X-Forwarded-Host", "Forwarded"} {
		r := c.target.request()
		switch name {
		case "Host":
			r.Host = host
		case "Forwarded":
			r.Header.Set(name, "host="+host)
		default:
			r.Header.Set(name, host)
		}
		if got := c.send(r); strings.Contains(strings.Join(got.header["Www-Authenticate"], " "), host) {
			c.fail("the challenge contains the value of "+name, "no credential", "challenges from the configuration", got)
		}
	}
}

// contains reports whether the header or the body of a response contains text.
func contains(got response, text string) bool {
	if strings.Contains(got.body, text) {
		return true
	}
	for _, values := range got.header {
		if strings.Contains(strings.Join(values, "\n"), text) {
			return true
		}
	}
	return false
}
