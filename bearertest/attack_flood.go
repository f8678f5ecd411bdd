package bearertest

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// floodRows send many invalid tokens. Each flood must cause few requests to the issuer, and must not disturb valid tokens.
func (a *assault) floodRows() []row {
	flood := rule{
		source: "CWE-400, CWE-406: a caller must not be able to make the API send requests",
		change: "Limit how often an unknown kid or a wrong signature causes a fetch of the key set: skip the fetch, do not wait (jwks.Config.MinRefetch).",
	}
	issuers := rule{
		source: "RFC 8725 sections 3.8 and 3.10",
		change: "Compare iss with the list of trusted issuers before any request (consumer.GroupConfig.Consumers, consumer.GroupConfig.Resolve).",
	}
	return []row{
		{"28_flood_of_unknown_kids", flood, func(c *check) {
			_, key := c.stranger.signingKey(c.token().algorithm)
			c.flood("unknown kids", func(n int) *Token {
				return c.token().SignWith(c.token().algorithm, key).SetHeader("kid", fmt.Sprintf("unknown-%d", n))
			})
		}},
		{"29_flood_of_wrong_signatures", flood, func(c *check) {
			_, key := c.stranger.signingKey(c.token().algorithm)
			c.flood("wrong signatures", func(int) *Token { return c.token().SignWith(c.token().algorithm, key) })
		}},
		{"30_flood_of_issuers", issuers, func(c *check) {
			// The tokens are not signed: iss must be compared before anything is fetched, so the signature does not matter.
			c.flood("unknown issuers", func(n int) *Token {
				return c.token().Set("iss", fmt.Sprintf("%s/tenant-%d", strings.TrimSuffix(c.issuer.url, "/"), n)).SignWith("none", nil).SetHeader("alg", c.token().algorithm)
			})
		}},
	}
}

// A flood is long enough to show that each token causes a fetch, and short enough for a test.
const (
	floodTokens  = 60
	floodFetches = 6 // of one document, which is more than the kit and common libraries allow in quick succession
)

// flood sends tokens, and a valid one at the end.
func (c *check) flood(what string, token func(n int) *Token) {
	before := c.issuer.Requests() // by path: key set and metadata have limits of their own
	for n := range floodTokens {
		c.reject(what, token(n))
		if len(c.failures) > 0 {
			return // all would fail in the same way
		}
	}
	for path, requests := range c.issuer.Requests() {
		if fetched := requests - before[path]; fetched > floodFetches {
			c.fail(fmt.Sprintf("%s caused %d requests to the issuer", what, fetched), fmt.Sprintf("%d tokens", floodTokens),
				fmt.Sprintf("at most %d requests for each document", floodFetches), response{status: http.StatusUnauthorized})
		}
	}
	c.accept("a valid token after "+what, c.token())
}

// brokenSetRows make the issuer publish something else than a key set. The deployment must go on with the keys that it has.
func (a *assault) brokenSetRows() []row {
	last := rule{
		source: "RFC 7517 section 5",
		change: "Replace the keys only by a set with a usable key, and limit its size. Otherwise keep the last set for some hours (jwks.Config.StaleFor).",
	}
	return []row{{"32_broken_key_set", last, func(c *check) {
		if !c.counted {
			c.skip(notCounted)
			return
		}
		defer c.restore()
		for what, document := range map[string]string{
			"an empty set": `{"keys":[]}`, "HTML": "<html>maintenance</html>", "nothing": " ", "null": "null", "keys of unknown types": `{"keys":[{"kty":"x"},null,1]}`,
			"a large document": `{"keys":[],"x":"` + strings.Repeat("x", 2<<20) + `"}`,
		} {
			// The unknown kid makes the deployment fetch the document. The valid token is signed with a key that was published before.
			c.issuer.SetJWKS([]byte(document))
			c.reject("an unknown kid while the issuer publishes "+what, c.token().SetHeader("kid", rand.Text()))
			c.accept("a valid token while the issuer publishes "+what, c.token())
			if c.target.Sleep != nil { // otherwise the limit on fetches may hide all documents but the first
				c.target.Sleep(20 * time.Second)
			}
		}
	}}}
}
