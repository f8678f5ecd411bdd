package middleware

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Apply applies rules to the token that a Guard verified for the request with this context. Use it behind a Guard for decisions
// that need more than the request: about one operation of several in a body, or one message of a stream. It needs no
// [http.Request]. It returns nil if the token meets all rules, and otherwise a [*Refusal] for [Guard.Deny] or
// [Guard.SetDenyHeader]. The Refusal lists the scopes of these rules and of the route, so that a client that follows the
// challenge is not rejected for a scope again.
//
// Without a token in ctx, Apply returns a Refusal that matches [ErrNoToken], even if there are no rules. A token that has
// expired since the request passed is verified again; see [Deadline] for responses that last longer than a token. For a token
// that [ContextWithToken] added, only the expiry is checked again, because no Guard verified it.
//
// A Refusal is logged and passed to Config.OnDecision like that of a request. If the token meets the rules, OnDecision is not
// called. Config.Explain is not called. Call [Guard.Declare] with the rules when the program starts, so that the metadata
// document lists their scopes.
func Apply(ctx context.Context, rules ...Rule) error {
	began := time.Now()
	p := passage{Context: ctx, rules: &rules}
	err := error(errNoCredential)
	if before := passageOf(ctx); before != nil && before.token != nil {
		p.guard, p.raw, p.token, p.proof = before.guard, before.raw, before.token, before.proof
		err = p.applyAgain(ctx)
	}
	if err == nil {
		return nil
	}
	refusal := refusalOf(ctx, err)
	if refusal.Scopes == nil && errors.Is(err, ErrNoToken) {
		refusal.Scopes = p.neededScopes(nil)
	}
	refusal.Token = p.token
	if p.guard != nil {
		p.guard.logRefusal(ctx, refusal)
		p.guard.report(ctx, began, p.token, refusal)
	}
	return refusal
}

// applyAgain applies the rules after it has verified the token again if it has expired.
func (p *passage) applyAgain(ctx context.Context) error {
	expiry := p.token.Expiry()
	if !expiry.IsZero() && !time.Now().Before(expiry) {
		expired := p.token
		p.token = nil
		if p.guard == nil {
			return &consumer.Error{Reason: consumer.ReasonExpired, Issuer: expired.Issuer()}
		}
		var err error
		if p.token, err = p.verifyNow(ctx); err != nil {
			return err
		}
		if err := p.stillBound(expired); err != nil {
			return err
		}
	}
	return p.apply(ctx)
}
