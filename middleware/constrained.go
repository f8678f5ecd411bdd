package middleware

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
)

// SenderConstrained requires a token that is bound to a key or certificate of the client (RFC 9449 section 6, RFC 8705
// section 3). Use it for routes that must not accept bearer tokens, in an API whose other routes accept them. The rule does
// not check the binding: the Guard does that for every bound token, before it applies any rule. Set Config.DPoP or
// Config.MTLS: a Guard without both rejects bound tokens, so no token meets the rule.
//
// If the rule is not met, the response is 401 with the code invalid_token: the client needs another token, and no scope
// would help. With Config.DPoP, the response also has a challenge with the scheme DPoP. It lists the algorithms with
// which the client can request a bound token. There is no challenge for client certificates.
//
// The name of the rule is "sender_constrained".
func SenderConstrained() Rule {
	return Rule{
		name: "sender_constrained", detail: errNotConstrained.detail, wants: "a cnf with a key or certificate", bound: true,
		test: testConstrained,
	}
}

func testConstrained(_ context.Context, v verified) error {
	if _, bound := v.token.Confirmation(); bound { // the Guard rejects bindings that it cannot check before it applies rules
		return nil
	}
	return &Refusal{
		Status: http.StatusUnauthorized, Code: codeInvalidToken, Reason: consumer.ReasonBinding, Err: errNotConstrained,
	}
}

var errNotConstrained = &detailed{
	consumer.ErrInvalidToken, "the token has no cnf, expected one that is bound to a key or certificate (SenderConstrained)",
}
