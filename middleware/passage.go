package middleware

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/token68"
)

// TokenFromContext returns the token that the innermost Guard verified for the request with this context. ok is false,
// and token is nil, if there is none: outside of a Guard, for a request that Config.Optional let pass without
// credentials, and for a preflight that Config.AllowPreflight let pass. In all other handlers behind a Guard ok is true.
//
// Check ok before you use token: the methods of a nil [consumer.Token] panic.
func TokenFromContext(ctx context.Context) (token *consumer.Token, ok bool) {
	p := passageOf(ctx)
	if p == nil || p.token == nil {
		return nil, false
	}
	return p.token, true
}

// ContextWithToken returns a copy of ctx in which [TokenFromContext] finds t. Use it to test handlers, or to pass a
// token to code that runs outside of the request. A [Guard] ignores this token: a request with this context must still
// have its own credential.
//
// If t is nil, or if neither a verification nor [consumer.NewToken] made it, TokenFromContext finds no token.
func ContextWithToken(ctx context.Context, t *consumer.Token) context.Context {
	if !isVerified(t) {
		t = nil
	}
	return &passage{Context: ctx, rules: new([]Rule), token: t}
}

// passage is the state of one request in one Guard: the credential, the rules and the token. It is also the context of
// the handlers behind that Guard. It does not change after it was stored in a request.
type passage struct {
	context.Context //nolint:containedctx // the parent context, as in every implementation of a context

	guard *Guard // nil in a context of ContextWithToken
	rules *[]Rule
	raw   string          // the credential as the client sent it
	token *consumer.Token // nil if the request passed without a token
	trace *trace          // for Config.Explain; nil if that is not set

	proof *sentProof // the DPoP proof; nil for a bearer token
}

// decide runs every check for r and reports the decision. It returns either r with the passage as its context, or a
// *Refusal. rules is a pointer so that no request has to copy the list.
func (g *Guard) decide(r *http.Request, rules *[]Rule) (*http.Request, error) {
	ctx, began := r.Context(), g.startTime()
	p := &passage{Context: ctx, guard: g, rules: rules}
	if g.cfg.Explain != nil {
		p.trace = new(trace)
	}
	if err := p.check(r); err != nil {
		refusal := refusalOf(ctx, err)
		refusal.Token = p.token // never a Token that a Refusal of the application contains
		if p.token == nil && refusal.Status == http.StatusUnauthorized && len(refusal.Scopes) == 0 {
			refusal.Scopes = p.neededScopes(g)
		}
		g.logRefusal(ctx, refusal)
		g.report(ctx, began, p.token, refusal)
		if p.trace != nil {
			p.explain(ctx, refusal)
		}
		return r, refusal
	}
	if g.cfg.OnDecision != nil {
		g.report(ctx, began, p.token, nil)
	}
	if p.trace != nil {
		p.explain(ctx, nil)
	}
	return r.WithContext(p.asContext(ctx)), nil
}

// startTime returns the current time if Config.OnDecision needs it. Otherwise it does not read the clock.
func (g *Guard) startTime() time.Time {
	if g.cfg.OnDecision == nil {
		return time.Time{}
	}
	return time.Now()
}

// check finds the credential, verifies it, and applies the rules. It sets p.token as soon as a token is verified.
func (p *passage) check(r *http.Request) (err error) {
	if p.guard.dpop == nil {
		p.raw, err = p.guard.bearerCredential(r)
	} else {
		err = p.readCredential(r)
	}
	if errors.Is(err, ErrNoToken) && p.mayBeAnonymous(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if p.token, err = p.verify(r); err != nil {
		return p.formFirst(err)
	}
	return p.apply(r.Context())
}

// bearerCredential returns the one token of a request without the scheme DPoP. It reads every configured source, because a request with a token in two places
// is rejected whichever of them is valid (RFC 6750 section 2).
func (g *Guard) bearerCredential(r *http.Request) (string, error) {
	if g.cfg.TokenSources == nil {
		found, err := BearerToken(r)
		return g.wellFormed(found, err)
	}
	found, missing := "", error(errNoCredential)
	for _, source := range g.cfg.TokenSources {
		token, err := source.read(r)
		switch {
		case errors.Is(err, errOtherScheme):
			missing = err
		case errors.Is(err, ErrNoToken):
		case err != nil:
			return "", err
		case found != "":
			return "", errTwoPlaces
		default:
			found = token
		}
	}
	if found == "" {
		return "", missing
	}
	return g.wellFormed(found, nil)
}

// wellFormed rejects a credential that is not a token68. It leaves the check to formFirst if the Verifier accepts JWTs
// only: such a Verifier rejects every other form without I/O, and most credentials are valid.
func (g *Guard) wellFormed(found string, err error) (string, error) {
	if err == nil && !g.jwtOnly && !token68.Is(found) {
		return "", errBadCredential
	}
	return found, err
}

// BearerToken is a [TokenSource] that reads the Authorization header with the scheme Bearer (RFC 6750 section 2.1). It
// is the only source of a Guard whose Config.TokenSources is nil.
//
// It returns [ErrNoToken] if the header is absent or has another scheme. It returns [ErrInvalidRequest] if the request
// has several Authorization headers, or if no credential follows the scheme.
func BearerToken(r *http.Request) (string, error) {
	lines := r.Header["Authorization"]
	if len(lines) == 0 {
		return "", errNoHeader
	}
	if len(lines) > 1 {
		return "", errTwoHeaders
	}
	// This is the form that nearly all clients send. unusualToken accepts the other spellings that the RFCs allow.
	if len(lines[0]) > len("Bearer ") && lines[0][:len("Bearer ")] == "Bearer " && lines[0][len("Bearer ")] > ' ' {
		return lines[0][len("Bearer "):], nil
	}
	return unusualToken(lines[0])
}

// mayBeAnonymous reports whether the request may pass without a token although bearerCredential returned missing. Every rule
// is about a token, so without a token no rule is met. Credentials of another scheme cannot be checked, so they do not
// count as absent.
func (p *passage) mayBeAnonymous(missing error) bool {
	return p.guard.cfg.Optional && len(*p.rules) == 0 && !errors.Is(missing, errOtherScheme)
}

// verify returns the token of an outer passage through the same Guard, or calls the Verifier.
func (p *passage) verify(r *http.Request) (*consumer.Token, error) {
	token := p.verifiedBefore()
	known := token != nil
	if !known {
		var err error
		if token, err = p.verifyNow(r.Context()); err != nil {
			return nil, err
		}
	}
	if _, bound := token.Confirmation(); bound || p.proof != nil {
		if err := p.bind(r, token, known); err != nil {
			return nil, err
		}
	}
	return token, nil
}

// verifyNow calls the Verifier and rejects tokens that grant no access.
func (p *passage) verifyNow(ctx context.Context) (*consumer.Token, error) {
	var token *consumer.Token
	var err error
	if p.trace == nil {
		token, err = p.guard.cfg.Verifier.Verify(ctx, p.raw)
	} else {
		token, err = p.verifyExplained(ctx)
	}
	if err != nil {
		return nil, err
	}
	if !isVerified(token) {
		return nil, faultOf(token)
	}
	return token, nil
}

// isVerified reports whether t was made by a verification or by consumer.NewToken. The zero Token grants no access.
func isVerified(t *consumer.Token) bool { return t != nil && !t.VerifiedAt().IsZero() }

// verifiedBefore returns the token that this Guard has already verified for the same request, if it has not expired
// since. The credential and the proof must be the same: a request that a handler creates with the context of its own request is a
// different request and must have its own credential. A handler may also change the tenant in the context. So the
// audience is checked again if it depends on the request.
func (p *passage) verifiedBefore() *consumer.Token {
	for outer := p.outer(); outer != nil; outer = outer.outer() {
		known := outer.guard == p.guard && outer.token != nil && outer.raw == p.raw && outer.proof.equals(p.proof)
		if known && time.Now().Before(outer.token.Expiry()) && outer.token.CheckAudience(p.Context) == nil {
			p.proof = outer.proof // it has the new nonce
			return outer.token
		}
	}
	return nil
}

// apply applies the rules in their order.
func (p *passage) apply(ctx context.Context) error {
	for i, rule := range *p.rules {
		if err := rule.apply(ctx, verified{p.token, p.raw}); err != nil {
			p.trace.ruleFailed(i)
			return p.rejected(refusalOf(ctx, err), rule)
		}
	}
	return nil
}

// rejected returns refusal after it has added the name of the rule, the token, and the scopes of the route.
func (p *passage) rejected(refusal *Refusal, rule Rule) error {
	refusal.Rule, refusal.Issuer, refusal.Token = rule.label(), p.token.Issuer(), p.token
	refusal.Detail = cmp.Or(refusal.Detail, rule.detail)
	if refusal.Code == codeInsufficientAuthentication {
		p.combineSignIns(refusal, p.guard)
	}
	if len(refusal.Scopes) == 0 && p.showsScopes(refusal) {
		refusal.Scopes = p.neededScopes(p.guard)
	}
	return refusal
}

// passageKey is the key under which a context returns the innermost passage.
type passageKey struct{}

// passageOf returns the innermost passage in ctx, or nil.
func passageOf(ctx context.Context) *passage {
	p, _ := ctx.Value(passageKey{}).(*passage)
	return p
}

// outer returns the passage around p, through the same or another Guard. It is nil if there is none.
func (p *passage) outer() *passage { return passageOf(p.Context) }

// asContext returns a copy of p on the heap, as the context of the admitted request. p itself stays on the stack, so that a
// rejected request allocates no passage. The copy hides the tokens of outer passages even if it has no token itself.
func (p *passage) asContext(ctx context.Context) context.Context {
	kept := *p
	kept.Context = ctx
	return &kept
}

// Value implements [context.Context]. It returns p itself for passageKey.
func (p *passage) Value(key any) any {
	if key == (passageKey{}) {
		return p
	}
	return p.Context.Value(key)
}

// Format implements [fmt.Formatter], so that a printed context does not show the token.
func (p *passage) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "%v.WithToken", p.Context) }
