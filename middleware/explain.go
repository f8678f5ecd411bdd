package middleware

import (
	"context"
	"errors"
	"fmt"

	"github.com/bearerkit/bearerkit/consumer"
)

// trace collects the results of one request for Config.Explain. It is nil if Config.Explain is not set.
type trace struct {
	verified bool // the Verifier was called
	token    consumer.Explanation
	rule     int // the index of the rule that was not met
}

// ruleFailed records the index of the rule that was not met.
func (t *trace) ruleFailed(i int) {
	if t != nil {
		t.rule = i
	}
}

// verifyExplained calls the Verifier and stores the results of its checks in the trace. It calls Explain only for the types of
// package consumer, whose Explain decides like Verify. A custom Verifier that embeds a Consumer has the Explain of that
// Consumer, but may have a stricter Verify of its own. So its Verify decides.
func (p *passage) verifyExplained(ctx context.Context) (token *consumer.Token, err error) {
	p.trace.verified = true
	switch verifier := p.guard.cfg.Verifier.(type) {
	case *consumer.Consumer:
		token, p.trace.token, err = verifier.Explain(ctx, p.raw)
	case *consumer.Group:
		token, p.trace.token, err = verifier.Explain(ctx, p.raw)
	default:
		token, err = verifier.Verify(ctx, p.raw)
		p.trace.token.Checks = []consumer.CheckResult{
			checked("token", "a token that the Verifier accepts", "Config.Verifier", err),
		}
	}
	return token, err
}

// checked returns the result of a check that failed if err is not nil.
func checked(name, expected, field string, err error) consumer.CheckResult {
	check := consumer.CheckResult{Name: name, Result: consumer.ResultPassed, Expected: expected, Field: field}
	if err != nil {
		check.Result, check.Detail = consumer.ResultFailed, detailOf(err)
	}
	return check
}

// explain calls Config.Explain with the results of all checks: those of the credential, of the Verifier, and of the rules. A
// token that an outer handler has verified has one result instead of those of the Verifier. refusal is nil if the request
// passed.
func (p *passage) explain(ctx context.Context, refusal *Refusal) {
	x := consumer.Explanation{Issuer: p.trace.token.Issuer}
	if refusal != nil {
		x.Reason = refusal.Reason
	}
	x.Checks = append(x.Checks, p.explainCredential(refusal))
	x.Checks = append(x.Checks, p.explainProof(refusal)...)
	switch {
	case p.trace.verified && !errors.Is(refusal.cause(), errBadCredential):
		x.Checks = append(x.Checks, p.trace.token.Checks...)
		x.Checks = append(x.Checks, p.explainBinding(refusal)...)
	case p.token != nil:
		x.Issuer = p.token.Issuer()
		x.Checks = append(x.Checks, checked("token", "a token that an outer handler of this Guard has verified", "", nil))
	case x.Reason == consumer.ReasonBinding: // of a token that an outer handler has verified
		x.Checks = append(x.Checks, p.explainBinding(refusal)...)
	}
	x.Checks = append(x.Checks, p.explainRules(refusal)...)
	p.guard.cfg.Explain(ctx, x)
}

// cause returns the error that led to r, or nil if r is nil.
func (r *Refusal) cause() error {
	if r == nil {
		return nil
	}
	return r.Err
}

// explainCredential returns the result of reading the credential from the request.
func (p *passage) explainCredential(refusal *Refusal) consumer.CheckResult {
	expected := "one token68 in the places that TokenSources lists"
	if p.guard.cfg.TokenSources == nil {
		expected = "one Authorization header with " + p.guard.acceptedSchemes() + " and a token68"
	}
	if p.guard.cfg.Optional {
		expected += ", or no credentials on a route without rules"
	}
	check := checked("credential", expected, "Config.TokenSources", nil)
	early := refusal != nil && !p.trace.verified && p.token == nil
	if early && !p.isMalformedProof(refusal) && refusal.Reason != consumer.ReasonBinding || errors.Is(refusal.cause(), errBadCredential) {
		check = checked("credential", expected, "Config.TokenSources", refusal)
		check.Detail = refusal.Detail
	}
	return check
}

// acceptedSchemes names the schemes of the Authorization header that the Guard accepts.
func (g *Guard) acceptedSchemes() string {
	switch {
	case g.dpop == nil:
		return "the scheme Bearer"
	case g.dpop.cfg.Required:
		return "the scheme DPoP"
	}
	return "the scheme Bearer or DPoP"
}

// isMalformedProof reports whether the proof was rejected before the token was verified.
func (p *passage) isMalformedProof(refusal *Refusal) bool {
	return p.raw != "" && !p.trace.verified && errors.Is(refusal.cause(), errProof)
}

// explainProof returns the result of reading the proof of a request with the scheme DPoP. The check "binding" includes its
// verification.
func (p *passage) explainProof(refusal *Refusal) []consumer.CheckResult {
	const expected, field = "one DPoP header with a proof, and a known URL of this API", "Config.DPoP"
	check := checked("proof", expected, field, nil)
	if p.isMalformedProof(refusal) {
		check = checked("proof", expected, field, refusal)
		check.Detail = refusal.Detail
	} else if p.proof == nil {
		return nil
	}
	return []consumer.CheckResult{check}
}

// expectedBinding says which tokens the Guard accepts.
func (p *passage) expectedBinding() string {
	switch {
	case p.proof != nil:
		return "a token that is bound to the key of a new proof for this request (jkt), and to the certificate of the client if it has x5t#S256"
	case p.guard.certificates != nil:
		return "a verified token that is not bound, or bound to the certificate of the client (x5t#S256)"
	}
	return "a verified token that is not bound to a key or certificate (no cnf)"
}

// explainBinding returns the result of the checks that the Guard makes after those of the Verifier: the Token is not nil or
// zero, and the sender has the key and the certificate that it is bound to.
func (p *passage) explainBinding(refusal *Refusal) []consumer.CheckResult {
	expected := p.expectedBinding()
	for _, check := range p.trace.token.Checks {
		if check.Result == consumer.ResultFailed {
			return []consumer.CheckResult{{Name: "binding", Result: consumer.ResultNotReached, Expected: expected}}
		}
	}
	check := checked("binding", expected, "", nil)
	if refusal != nil && p.token == nil {
		check = checked("binding", expected, "", refusal)
		check.Detail = refusal.Detail
	}
	return []consumer.CheckResult{check}
}

// explainRules returns one result for each rule of the route.
func (p *passage) explainRules(refusal *Refusal) (checks []consumer.CheckResult) {
	for i, rule := range *p.rules {
		expected := fmt.Sprintf("a token that meets rule %q", rule.label())
		if rule.wants != "" {
			expected += ": " + rule.wants
		}
		check := checked("rule", expected, "", nil)
		switch {
		case p.token == nil, refusal != nil && i > p.trace.rule:
			check.Result = consumer.ResultNotReached
		case refusal != nil && i == p.trace.rule:
			check.Result, check.Detail = consumer.ResultFailed, refusal.Detail
		}
		checks = append(checks, check)
	}
	return checks
}
