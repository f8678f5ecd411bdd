package middleware

import (
	"context"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// Apply applies rules to the token that a Guard verified for the request with this context. Use it behind a Guard for
// decisions about a part of a request: one of several operations in a body, or one message of a stream. Apply returns nil if
// the token meets all rules. Otherwise it returns a [*Refusal] for [Guard.Deny] or [Guard.SetDenyHeader]. The Refusal lists
// the scopes of these rules and of the route, so that a client that follows the challenge is not rejected for a scope again.
//
// Without a token in ctx, Apply returns a Refusal that matches [ErrNoToken], even if there are no rules. A token that has
// expired since the request passed is verified again; see [Deadline] for responses that last longer than a token. If the audience
// depends on the request ([consumer.Config.AudienceFunc]), it is checked for ctx, which may have another tenant than the request.
// For a token that [ContextWithToken] added, only the expiry is checked again, because no Guard verified it.
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
	if p.token == nil && refusal.Status == http.StatusUnauthorized && len(refusal.Scopes) == 0 {
		refusal.Scopes = p.neededScopes(p.guard)
	}
	refusal.Token = p.token
	if p.guard != nil {
		p.guard.logRefusal(ctx, refusal)
		p.guard.report(ctx, began, p.token, refusal)
	}
	return refusal
}

// applyAgain applies the rules after it has checked the audience for ctx, and verified the token again if it has expired.
func (p *passage) applyAgain(ctx context.Context) error {
	if p.guard != nil {
		if err := p.token.CheckAudience(ctx); err != nil {
			p.token = nil
			return err
		}
	}
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
