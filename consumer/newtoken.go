package consumer

import (
	"encoding/json"
	"sync"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// defaultRules returns the rules of ProfileDefault, which are made once.
var defaultRules = sync.OnceValue(Config{}.rules) //nolint:gochecknoglobals // nothing changes the value

// NewToken returns a Token with the given claims. Use it in custom Verifiers and in tests of handlers. For opaque tokens, use
// the Verifier of package introspection. A [ClaimChecker] also checks the claims.
//
// NewToken trusts its caller: it checks no signature, audience, or time. Call it only after the token was verified.
// issuer becomes [Token.Issuer] and must not be empty. claims is one JSON object without repeated names. The registered
// claims must have the types of RFC 7519 section 4.1, and `iss`, if present, must equal issuer. Otherwise NewToken
// returns an [*Error]. [Token.ClientID] is the first of `client_id`, `azp`, `cid` and `appid`, as with
// [ProfileDefault]. NewToken copies claims.
//
// A Token without `exp` has a zero [Token.Expiry].
func NewToken(issuer string, claims json.RawMessage) (*Token, error) {
	if issuer == "" {
		return nil, reject(ReasonInternal, "NewToken: issuer is empty")
	}
	o, variants, err := compact.ParseClaims(string(claims), maxDepth)
	if err != nil {
		return nil, malformed(err)
	}
	byDefault := defaultRules()
	if variants {
		if err := byDefault.checkVariants(o); err != nil {
			return nil, err
		}
	}
	if _, named := o.Get("iss"); named && textOf(o, "iss") != issuer {
		return nil, &Error{Reason: ReasonIssuer, Issuer: issuer, Detail: "NewToken: iss in the claims differs from issuer"}
	}
	t := &Token{issuer: issuer, claims: o, verified: clock.Now()}
	r := claimReader{Object: o}
	r.fill(t)
	byDefault.grants(&r, t)
	t.clientID = byDefault.clientOf(&r)
	t.principal = r.principal(t)
	if r.fault != nil {
		return nil, r.fault
	}
	return t, nil
}
