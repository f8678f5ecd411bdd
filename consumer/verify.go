package consumer

import (
	"context"
	"errors"
	"slices"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

// verifyNew verifies a token that is not in the cache. It is a function of its own so that a cache hit needs little
// stack: the garbage collector shrinks the stack of a connection's goroutine, and growing it again takes time.
func (c *Consumer) verifyNew(ctx context.Context, raw string, at slot) (*Token, error) {
	var buffer signatureBuffer
	p, signature, err := c.parse(raw, &buffer)
	if err != nil {
		return nil, err
	}
	t, err := c.verifyParsed(ctx, &p, signature)
	if err != nil {
		return nil, err
	}
	c.cache.add(at, t)
	return t, nil
}

// parsed is a token that was read but not verified. It does not hold the signature, so that the signature need not be on
// the heap.
type parsed struct {
	compact.Parts
	header  header
	headers *headerMemo // of the Consumer or Group that has read it
	claims  compact.Object
	trial   *trial // nil, unless several policies of a Group may accept the token

	variants bool // claims contains names that differ only in case

	// unestablished is true for a token of an issuer from GroupConfig.Resolve that has not verified a token yet. Anyone can
	// name such an issuer, so a wrong signature does not cause another fetch of its keys.
	unestablished bool
}

// signatureBuffer has room for the signatures of RSA keys of up to 4096 bits.
type signatureBuffer [4096 / 8]byte

// parse reads a token and trusts nothing in it. It finds every fault in the form of a token, for any issuer and without
// network access. The header segment may have up to maxHeader bytes. The returned signature is in buffer if it fits.
func parse(raw string, headers *headerMemo, maxHeader int, buffer *signatureBuffer) (p parsed, signature []byte, err error) {
	parts, err := splitToken(raw, false)
	if err != nil {
		return parsed{}, nil, err
	}
	return parseParts(parts, headers, maxHeader, buffer)
}

// parse is the function parse with the settings of c.
func (c *Consumer) parse(raw string, buffer *signatureBuffer) (p parsed, signature []byte, err error) {
	parts, err := splitToken(raw, c.acceptsPadding())
	if err != nil {
		return parsed{}, nil, err
	}
	return parseParts(parts, &c.headers, c.cfg.MaxHeaderBytes, buffer)
}

// parseParts is parse for a token that was split.
func parseParts(parts compact.Parts, headers *headerMemo, maxHeader int, buffer *signatureBuffer) (p parsed, signature []byte, err error) {
	p.Parts = parts
	payload, err := p.DecodePayload()
	if err != nil {
		return parsed{}, nil, malformed(err)
	}
	if signature, err = p.AppendSignature(buffer[:0]); err != nil {
		return parsed{}, nil, malformed(err)
	}
	p.headers = headers
	if p.header, err = headers.read(p.Parts, maxHeader); err != nil {
		return parsed{}, nil, err
	}
	if p.claims, p.variants, err = compact.ParseClaims(payload, maxDepth); err != nil {
		return parsed{}, nil, malformed(err)
	}
	return p, signature, nil
}

// verifyParsed runs all checks. Those that need neither key nor network come first: see examine.
func (c *Consumer) verifyParsed(ctx context.Context, p *parsed, signature []byte) (*Token, error) {
	t, algorithm, err := c.examine(ctx, p)
	if err != nil {
		return nil, err
	}
	p.trial.pass(inSignature)
	if t.key, err = c.signedBy(ctx, t.verified, p, algorithm, signature); err != nil {
		return nil, err
	}
	// Only headers of verified tokens are cached. Config.Check may read the header.
	t.header = p.headers.add(p.Header, p.header)
	c.report(ctx, t.deviations)
	p.trial.pass(inStatus)
	return t, c.checkVerified(ctx, t)
}

// examine runs the checks that need neither key nor network. So a token that its own claims exclude is rejected without a
// fetch of keys, and gets the same error whether or not the issuer can be reached. A flood of such tokens causes no fetch.
// The claims are only trusted once the signature is verified. Until then they can only cause a rejection.
func (c *Consumer) examine(ctx context.Context, p *parsed) (*Token, signature.Algorithm, error) {
	if p.variants {
		if err := c.rules.checkVariants(p.claims); err != nil {
			return nil, signature.Algorithm{}, err
		}
	}
	algorithm, err := c.checkHeader(&p.header)
	if err != nil {
		return nil, algorithm, err
	}
	if err := c.checkIssuer(p); err != nil {
		return nil, algorithm, err
	}
	t, err := c.readToken(p)
	if err != nil {
		return nil, algorithm, err
	}
	p.trial.pass(inClaims)
	return t, algorithm, c.checkClaims(ctx, t)
}

// checkHeader checks that `alg` is accepted and that `typ` fits the profile (RFC 8725bis sections 3.1 and 3.11).
func (c *Consumer) checkHeader(h *header) (signature.Algorithm, error) {
	accepted, ok := c.algorithms[h.algorithm]
	if !ok {
		return signature.Algorithm{}, newDetail("alg ").quote(h.algorithm).text(" is not one of ").quoteAll(c.cfg.Algorithms).
			text(" (Config.Algorithms)").reject(ReasonAlgorithm)
	}
	return accepted, c.rules.checkType(h.mediaType)
}

// checkIssuer compares `iss` before a key is looked up, so that a token can only be verified by keys of the issuer that
// it names (RFC 8725bis section 3.8).
func (c *Consumer) checkIssuer(p *parsed) error {
	if err := c.checkIssuerName(p); err != nil {
		return err
	}
	return c.checkTenant(p.claims)
}

// checkIssuerName compares the claim, or the header parameter, that names the issuer with Config.Issuer.
func (c *Consumer) checkIssuerName(p *parsed) error {
	switch {
	case c.rules.LoadBalancer:
		return c.checkLoadBalancerIssuer(p)
	case c.rules.TrustDomain:
		return c.checkTrustDomain(p.claims)
	}
	claim, there := p.claims.Get("iss")
	if !there && (c.cfg.InsecureNoIssuer || slices.Contains(c.rules.OptionalClaims, "iss")) {
		return nil
	}
	if iss, _ := claim.Text(); iss != c.cfg.Issuer {
		return issuerError(iss, c.cfg.Issuer)
	}
	return nil
}

// readToken reads the claims into a Token. It checks their types, and that the claims that the profile requires are
// present. The token is not verified yet: no caller of Verify may receive it.
func (c *Consumer) readToken(p *parsed) (*Token, error) {
	t := &Token{consumer: c, issuer: c.cfg.Issuer, claims: p.claims, verified: clock.Now()}
	r := claimReader{Object: p.claims, profile: c.rules.Name}
	r.fill(t)
	if c.rules.LoadBalancer {
		r.readLoadBalancer(t, p.header.members)
	}
	c.rules.grants(&r, t)
	// A token without exp would be valid forever.
	if !slices.Contains(c.rules.OptionalClaims, "exp") {
		r.require(t, "exp")
	}
	for _, name := range c.rules.RequiredClaims {
		r.require(t, name)
	}
	if !c.rules.LoadBalancer {
		t.clientID = c.rules.clientOf(&r)
	}
	t.principal, t.lasts = r.principal(t), c.lasts(t)
	t.fixedKeys, t.timeOnly = c.fixedKeys, c.timeOnly
	if c.rules.Workload {
		t.principal = PrincipalClient
	}
	if t.clientID == "" && c.rules.RequireClient {
		r.missingClient(c.rules.ClientClaims)
	}
	t.deviations = p.header.deviations | r.found
	if p.variants {
		t.deviations |= caseVariant
	}
	return t, r.fault
}

// checkClaims checks the claims against the Config and the profile.
func (c *Consumer) checkClaims(ctx context.Context, t *Token) error {
	if err := c.checkAudience(ctx, t); err != nil {
		return err
	}
	if err := c.checkTimes(t, t.verified); err != nil {
		return err
	}
	found, err := c.rules.checkKind(t.claims, c.cfg.InsecureAcceptIDToken)
	if err != nil {
		return err
	}
	t.deviations |= found
	return c.checkClient(t)
}

// checkClient checks that the token was issued to one of Config.ClientIDs.
func (c *Consumer) checkClient(t *Token) error {
	if len(c.cfg.ClientIDs) > 0 && !slices.Contains(c.cfg.ClientIDs, t.clientID) {
		return clientError(t.clientID, c.rules.ClientClaims, c.cfg.ClientIDs)
	}
	return nil
}

// checkAudience checks that `aud` contains one of the names of this API (RFC 7519 section 4.1.3, RFC 9068 section 4).
// Even if `aud` may be absent, one that is present must match: the token may be meant for another API.
func (c *Consumer) checkAudience(ctx context.Context, t *Token) error {
	if c.cfg.AudienceFunc != nil {
		return c.checkRequestAudience(ctx, t)
	}
	if c.cfg.InsecureNoAudience || slices.Contains(c.rules.OptionalClaims, "aud") {
		if len(t.audience) == 0 {
			return nil
		}
	}
	for _, name := range c.cfg.Audience {
		if slices.Contains(t.audience, name) {
			return nil
		}
	}
	if c.rules.LoadBalancer {
		return c.signerError(t)
	}
	return audienceError(t.audience, c.cfg.Audience)
}

// checkVerified calls Config.Check and Config.Status. They receive only tokens whose signature is verified.
func (c *Consumer) checkVerified(ctx context.Context, t *Token) error {
	if c.cfg.Check != nil {
		err := c.cfg.Check(ctx, t)
		switch {
		// Check could not decide, so the token may be good. An error after the end of ctx may only be a consequence of that.
		case errors.Is(err, ErrUnavailable), err != nil && ctx.Err() != nil:
			return undecided(ctx, ReasonStatusUnavailable, "Config.Check could not decide", err)
		case err != nil:
			return rejectBecause(ReasonClaims, "Config.Check returned an error", err)
		}
	}
	return c.checkStatus(ctx, t)
}

// lasting returns a copy of key that cached tokens can refer to. An issuer signs many tokens with one key, and all of
// them refer to the same copy.
func (c *Consumer) lasting(key jwks.Key) *jwks.Key {
	if last := c.lastKey.Load(); last != nil && last.Equal(key) {
		return last
	}
	// Two calls at the same time may both store a copy. It does not matter which one remains.
	last := key
	c.lastKey.Store(&last)
	return &last
}
