package consumer

import (
	"context"
	"errors"
)

// Explain verifies raw like [Group.Verify], with the same effects, and also returns the result of each check. The checks are
// those of the Consumer whose result Verify returned. See [Consumer.Explain].
func (g *Group) Explain(ctx context.Context, raw string) (*Token, Explanation, error) {
	t, err := g.Verify(ctx, raw)
	if g.opaque != nil && !looksLikeJWT(raw) {
		return t, explainOpaque(err), err
	}
	if c := selected(t, err); c != nil {
		return t, c.explanation(ctx, raw, t, err), err
	}
	x := explainer{ctx: ctx, err: err, maxBytes: g.maxBytes, maxHeader: g.maxHeader}
	return t, x.explain(raw, t), err
}

// selected returns the Consumer whose result is t or err, or nil if no Consumer was selected.
func selected(t *Token, err error) *Consumer {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.consumer
	}
	if t != nil {
		return t.consumer
	}
	return nil
}

// explainOpaque explains the result of GroupConfig.Opaque, whose checks are not known.
func explainOpaque(err error) Explanation {
	x := explainer{err: err}
	x.add(CheckResult{Name: "opaque", Expected: "a token that GroupConfig.Opaque accepts", Field: "GroupConfig.Opaque"}, err)
	return x.finish()
}
