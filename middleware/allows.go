package middleware

import "context"

// Allows reports whether [Apply] would return nil. Unlike Apply, it neither logs a Refusal nor passes it to Config.OnDecision.
// Use it to show callers only what they may do, for example in a list of tools. Call Apply before an operation
// is performed.
func Allows(ctx context.Context, rules ...Rule) bool {
	before := passageOf(ctx)
	if before == nil || before.token == nil {
		return false
	}
	p := passage{
		Context: ctx, rules: &rules, guard: before.guard, raw: before.raw, token: before.token, proof: before.proof,
	}
	return p.applyAgain(ctx) == nil
}
