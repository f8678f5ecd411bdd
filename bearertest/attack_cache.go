package bearertest

import (
	"context"
	"strings"
)

// cacheRows check that no cache mixes up the responses of two callers, or the results of two tokens.
func (a *assault) cacheRows() []row {
	shared := rule{
		source: "RFC 9111 section 3.5",
		change: "Do not send Cache-Control with public, s-maxage or must-revalidate on guarded routes, and send no-store with rejections.",
	}
	key := rule{
		source: "RFC 7519 section 7.2: all checks apply to each token",
		change: "If you cache the results of verification, use a hash of the whole token as the key, never jti, sub, or a part of the token.",
	}
	return []row{
		{"45_shared_caches", shared, sharedCaches},
		{"45_cached_result_of_another_token", key, cachedResult},
		{"38_canceled_request", rule{
			source: "CWE-400: a caller that disconnects must not disturb others",
			change: "Do not fetch keys with the context of a request.",
		}, canceledRequest},
	}
}

// sharedCaches reads Cache-Control in the responses to a valid and to an expired token. A shared cache may store a response to a
// request with Authorization only if one of the three directives permits it. A stored rejection would also reach callers with a
// valid token.
func sharedCaches(c *check) {
	good := c.send(c.target.requestWith(c.token().Sign()))
	expired := c.token().Set("exp", 1).Sign()
	for what, got := range map[string]response{"a valid token": good, "an expired token": c.send(c.target.requestWith(expired))} {
		for directive := range strings.SplitSeq(strings.ToLower(strings.Join(got.header["Cache-Control"], ",")), ",") {
			name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
			shared := name == "public" || name == "s-maxage" || name == "must-revalidate"
			if shared || name == "max-age" && value != "0" && !got.accepted() {
				c.fail("Cache-Control contains "+name, what, "a response that shared caches do not store", got)
			}
		}
	}
}

// cachedResult first sends a valid token, so that its result may be in a cache of the deployment. Then it sends tokens that have parts
// of it. A cache whose key is only jti, sub, the header or the signature returns the result of the valid token for them.
func cachedResult(c *check) {
	token := c.token().Set("jti", "bearertest-cached")
	raw := token.Sign()
	if got := c.send(c.target.requestWith(raw)); !got.accepted() {
		c.fail("a valid token", describe(raw), "a status of 2xx", got)
		return
	}
	// All of the following contain a part of the accepted token unchanged.
	parts := strings.Split(raw, ".")
	other := base64url([]byte(strings.Replace(asJSON(token.claims), "alice", "admin", 1)))
	c.rejectText("other claims with the header and the signature of an accepted token", parts[0]+"."+other+"."+parts[2])
	c.rejectText("an accepted token with another signature", parts[0]+"."+parts[1]+"."+base64url(make([]byte, 256)))
	c.rejectText("an accepted token without its signature", parts[0]+"."+parts[1]+".")
	_, key := c.stranger.signingKey(token.algorithm)
	c.reject("the same claims, signed with another key", token.SignWith(token.algorithm, key))
}

// canceledRequest sends a request whose context has ended, with a kid that causes a fetch of the keys. If the fetch uses this context,
// it fails, and the next valid token may be rejected too.
func canceledRequest(c *check) {
	_, key := c.stranger.signingKey(c.token().algorithm)
	r := c.target.requestWith(c.token().SignWith(c.token().algorithm, key).SetHeader("kid", "canceled").Sign())
	ctx, cancel := context.WithCancel(r.Context())
	cancel()
	if got := c.send(r.WithContext(ctx)); got.panicked != nil || got.accepted() {
		c.fail("a canceled request with an unknown kid", "an invalid token", "no panic, and no status of 2xx", got)
	}
	c.accept("a valid token after it", c.token())
}

// proofRows send a proof of possession again (RFC 9449). They apply if the target sends DPoP proofs.
func (a *assault) proofRows() []row {
	replay := rule{
		source: "RFC 9449 sections 4.3, 7.1 and 11.1",
		change: "Require a valid proof with each request for a bound token, and accept each proof once (middleware.Config.DPoP, middleware.DPoPConfig.Replays).",
	}
	return []row{{"27_proof_of_possession", replay, func(c *check) {
		// One token is used throughout, so that only the proof can be the reason for a rejection.
		raw := c.token().Sign()
		first := c.target.requestWith(raw)
		proof := first.Header.Get("DPoP")
		if proof == "" {
			c.skip("the requests of the target have no DPoP proof (Target.Credential)")
			return
		}
		if got := c.send(first); !got.accepted() {
			c.fail("a new proof", describe(raw), "a status of 2xx", got)
		}
		for what, proofs := range map[string][]string{"the proof again": {proof}, "no proof": nil, "two proofs": {proof, proof}, "a bad proof": {"garbage"}} {
			r := c.target.requestWith(raw)
			r.Header["Dpop"] = proofs // the canonical form of the name; nil removes the field
			c.rejectRequest(what, describe(raw), r)
		}
	}}}
}
