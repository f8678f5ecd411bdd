package bearertest

import (
	"crypto"
	"crypto/rand"
	"time"
)

// elapsedRows let time pass.
func (a *assault) elapsedRows() []row {
	cached := rule{
		source: "RFC 7519 section 4.1.4, RFC 9068 section 4",
		change: "Check exp for each request, including those whose token is in a cache.",
	}
	removed := rule{
		source: "RFC 7517 section 5, RFC 8725 section 3.8",
		change: "Replace the whole key set when you fetch it, fetch it at least once per hour, and forget the results of keys that were removed (jwks.Config.FreshFor).",
	}
	return []row{
		{"45_cached_result_after_exp", cached, func(c *check) {
			if c.target.Sleep == nil {
				c.skip(noSleep)
				return
			}
			// The first request puts the result into a cache, if the deployment has one.
			raw := c.token().Set("exp", time.Now().Add(time.Minute).Unix()).Sign()
			c.acceptText("a token that is valid for a minute", raw)
			c.target.Sleep(time.Minute + c.target.skew() + time.Second)
			c.rejectText("the same token after its end", raw)
		}},
		{"33_removed_key", removed, removedKey},
	}
}

const noSleep = "time must pass: run Attacks in a testing/synctest bubble, and set Target.Sleep"

// removedKey publishes a key for some time. Afterwards no token of it may be accepted.
func removedKey(c *check) {
	alg := c.token().algorithm
	fresh := generateKey(alg)
	signer, ok := fresh.(crypto.Signer)
	switch {
	case c.target.Sleep == nil:
		c.skip(noSleep)
		return
	case !c.counted || !ok:
		c.skip(notCounted)
		return
	}
	defer c.restore()
	kid := "bearertest-" + rand.Text() // a deployment may remember that it does not know a kid, so each one is used once
	sign := func() *Token {
		return c.token().Set("exp", time.Now().Add(24*time.Hour).Unix()).SignWith(alg, fresh).SetHeader("kid", kid)
	}
	c.issuer.SetJWKS(keySet(append(c.issuer.keys(), []byte(asJSON(JWK(kid, alg, signer.Public()))))))
	accepted := sign().Sign()
	if !c.becomesAccepted(accepted) {
		c.skip("the deployment did not fetch the key set again")
		return
	}
	c.restore()
	c.target.Sleep(90 * time.Minute) // the rule allows one hour
	c.accept("a valid token after a long time", c.token())
	c.target.Sleep(time.Minute) // the fetch may run in the background
	c.rejectText("a token that was accepted with a key that is removed", accepted)
	c.reject("a new token of the removed key", sign())
}
