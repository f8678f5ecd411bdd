package consumer

import (
	"context"
	"slices"
)

// CheckAudience returns nil if the token is meant for the request with the context ctx, and otherwise an [*Error] with
// [ReasonAudience]. Verify has made this check for its own ctx. Call CheckAudience if you use the token for another
// request, such as one with another tenant in its context. The Guard of package middleware does so for nested handlers.
// It returns nil for tokens whose Consumer has no Config.AudienceFunc, and for tokens of [NewToken].
func (t *Token) CheckAudience(ctx context.Context) error {
	if t.consumer == nil || t.consumer.cfg.AudienceFunc == nil {
		return nil
	}
	return t.consumer.named(t.consumer.checkRequestAudience(ctx, t))
}

// checkRequestAudience checks `aud` against Config.AudienceFunc. The result depends on the request, so it must not be
// cached with the token.
func (c *Consumer) checkRequestAudience(ctx context.Context, t *Token) error {
	names := c.cfg.AudienceFunc(ctx)
	for _, name := range names {
		// An empty name is a mistake of the function, for example for an unknown tenant.
		if name != "" && slices.Contains(t.audience, name) {
			return nil
		}
	}
	return newDetail("aud ").quoteSome(t.audience).text(" does not contain any of ").quoteSome(names).
		text(" (Config.AudienceFunc)").reject(ReasonAudience)
}
