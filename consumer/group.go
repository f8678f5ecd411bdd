package consumer

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/hint"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

// GroupConfig describes the issuers of a [Group]. [NewGroup] copies it.
type GroupConfig struct {
	// Consumers contains the Consumers of all issuers that are known in advance, each with its own audience,
	// algorithms, profile and keys. A token is verified by a Consumer whose Issuer equals its `iss`, and by no other.
	// For a token without `iss`, the trust domain in `sub` takes its place; see [ProfileSPIFFE]. Required, unless
	// Resolve is set.
	//
	// An issuer may have up to 4 Consumers, for example two with different audiences and profiles. They are tried in
	// the order of this list, and the first one that accepts the token verifies it. A token is never accepted by the
	// checks of two Consumers together. If all of them reject it, the error is that of the Consumer that completed the
	// most checks, in the order form, audience, time, kind, keys, signature, status. If one of them returns an error
	// that matches [ErrUnavailable], that error is returned instead, because the token may be valid.
	//
	// Consumers of one issuer share their keys if they use discovery with the same settings (Metadata, MetadataURL,
	// DiscoveryTimeout, HTTPClient, PublicAddressesOnly, InsecureAllowHTTP, and KeyCache except OnRefresh). NewGroup makes
	// the later ones use the keys, OnRefresh and Logger of the first, so the key set is fetched once. They also share one
	// check of the signature, and so do Consumers with the same Config.Keys.
	Consumers []*Consumer

	// Opaque verifies tokens that are not signed JWTs, for example by introspection (RFC 7662): see package introspection. A
	// token that looks like a signed JWT is never passed to it; an encrypted JWT is. The Group neither caches the Tokens of
	// Opaque nor calls Config.Status for them. Nil: tokens that are not signed JWTs are rejected.
	Opaque Verifier

	// Resolve returns the Consumer of an issuer that is not in Consumers, for example of a new tenant. Nil: issuers
	// that are not in Consumers are rejected.
	//
	// Resolve must decide whether the issuer is accepted. If it is not, Resolve returns a nil Consumer or an error. If
	// it cannot decide now, it returns an error that matches [ErrUnavailable], or the error of its context. Anybody can
	// send a token with any issuer, so Resolve should decide without I/O if possible, and the Consumer should have
	// PublicAddressesOnly set. Resolve must be safe for concurrent use.
	//
	// Concurrent requests for one issuer share one call. The call does not end with the request that started it. It has
	// a timeout of 3 s, and no request waits for it much longer. A denial is cached for 30 s. An issuer that has not
	// verified a token yet is resolved at most once in 30 s.
	//
	// Before Resolve is called, a token is limited to the larger of 16 KiB and the largest MaxTokenBytes in Consumers,
	// even if the resolved Consumer allows more. In the same way, its header is limited to the larger of 2 KiB and the
	// largest MaxHeaderBytes in Consumers.
	Resolve func(ctx context.Context, issuer string) (*Consumer, error)

	// MaxResolved is the maximum number of kept Consumers that Resolve returned and that have verified a token. If
	// there are more, one that was not used recently is dropped, and so are its cached tokens. The same number of
	// Consumers that have not verified a token yet is kept separately; they never replace one that has. Set MaxResolved
	// to at least the number of issuers in use. Zero: 100.
	MaxResolved int

	// CacheSize is the maximum number of cached tokens of all issuers together. The CacheSize of a Consumer is not
	// used, except that tokens of a Consumer with a negative CacheSize are not cached. Zero: 10 000. Negative: no
	// cache.
	CacheSize int
}

// Group verifies the tokens of several issuers. Make one with [NewGroup]; the zero Group cannot be used. It is safe for
// concurrent use.
type Group struct {
	policies  map[string][]policy // by issuer
	consumers []*Consumer         // of all policies
	shared    []bool              // which consumers have the keys of an earlier one of the same issuer
	sources   []*Consumer         // the others
	opaque    Verifier
	resolver  *resolver   // nil: none
	cache     *tokenCache // nil: no cache
	headers   headerMemo
	maxBytes  int // of a token
	maxHeader int // of its header

	folded map[string]string // issuers by hint.Fold, for errors
}

// NewGroup returns a Group for cfg. If cfg has faults, the error joins all of them, and each names its field. NewGroup
// does no I/O and starts no goroutine.
func NewGroup(cfg GroupConfig) (*Group, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Group{
		policies:  make(map[string][]policy, len(cfg.Consumers)),
		consumers: slices.Clone(cfg.Consumers),
		opaque:    cfg.Opaque,
		cache:     newTokenCache(orDefault(cfg.CacheSize, defaultCacheSize)),
		maxBytes:  defaultMaxTokenBytes, maxHeader: defaultMaxHeaderBytes,
		folded: make(map[string]string, len(cfg.Consumers)),
	}
	for _, c := range g.consumers {
		g.folded[hint.Fold(c.cfg.Issuer)] = c.cfg.Issuer
		policies, first := withPolicy(g.policies[c.cfg.Issuer], c)
		g.policies[c.cfg.Issuer], g.shared = policies, append(g.shared, !first)
		if first {
			g.sources = append(g.sources, c)
		}
		// The length is checked before the issuer is known, so the largest limit applies to all tokens.
		g.maxBytes, g.maxHeader = max(g.maxBytes, c.cfg.MaxTokenBytes), max(g.maxHeader, c.cfg.MaxHeaderBytes)
	}
	if cfg.Resolve != nil {
		g.resolver = newResolver(cfg.Resolve, orDefault(cfg.MaxResolved, defaultMaxResolved))
	}
	return g, nil
}

// validate joins all faults of cfg.
func (cfg GroupConfig) validate() error {
	var faults []error
	policies := make(map[string]int)
	for i, c := range cfg.Consumers {
		if c == nil {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers[%d] is nil", i))
			continue
		}
		if c.keys.Load() == nil {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers[%d] was not made by New", i))
			continue
		}
		if c.rules.LoadBalancer {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers[%d] has the profile %s, which a Group cannot use", i, c.rules.Name))
		}
		if slices.Contains(cfg.Consumers[:i], c) {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers[%d] is in the list twice", i))
		}
		policies[c.cfg.Issuer]++
		if policies[c.cfg.Issuer] == maxPolicies+1 {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers has more than %d Consumers of issuer %q",
				maxPolicies, c.cfg.Issuer))
		}
	}
	if len(cfg.Consumers) == 0 && cfg.Resolve == nil {
		faults = append(faults, errors.New("consumer: GroupConfig.Consumers is required if Resolve is not set"))
	}
	if cfg.Opaque != nil && nilcheck.IsNil(cfg.Opaque) {
		faults = append(faults, errors.New("consumer: GroupConfig.Opaque contains a nil value"))
	}
	if cfg.MaxResolved < 0 {
		faults = append(faults, fmt.Errorf("consumer: GroupConfig.MaxResolved is negative: %d", cfg.MaxResolved))
	}
	return errors.Join(faults...)
}

// Verify verifies raw with a Consumer whose Issuer equals `iss`. An issuer that is neither in GroupConfig.Consumers nor
// accepted by GroupConfig.Resolve never causes a fetch of metadata or keys. Every error is an [*Error], except for errors
// of GroupConfig.Opaque, which are returned unchanged.
//
// If an issuer has several Consumers, Verify calls OnVerify of the one whose result it returns. A cached token stays with
// the Consumer that has verified it. If that Consumer rejects it later, for example because it was revoked, the others are
// tried.
func (g *Group) Verify(ctx context.Context, raw string) (*Token, error) {
	start := time.Now()
	if len(raw) > g.maxBytes {
		return nil, tooLarge(raw, g.maxBytes)
	}
	cached, at, ok := g.cache.get(raw)
	if !ok {
		return g.verifyNew(ctx, start, raw, at, rejection{})
	}
	err := cached.recheckInGroup(ctx)
	switch {
	case err == nil && cached.timeOnly: // there is no OnVerify to call
		return cached, nil
	case errors.Is(err, errOutdated):
		g.cache.remove(at)
		return g.verifyNew(ctx, start, raw, at, rejection{})
	case err != nil && cached.resident == nil && len(g.policies[cached.consumer.cfg.Issuer]) > 1:
		return g.verifyNew(ctx, start, raw, at, rejectionOf(cached, err))
	}
	return cached.consumer.outcome(ctx, start, cached, err)
}

// recheckInGroup is [Consumer.recheck] for a token in the cache of a Group. The Consumer that verified the token must
// still belong to the Group.
func (t *Token) recheckInGroup(ctx context.Context) error {
	if t.resident != nil && !t.resident.touch() {
		return errOutdated
	}
	return t.consumer.recheck(ctx, t)
}

// verifyNew is a function of its own for the same reason as [Consumer.verifyNew]. earlier is the rejection by the Consumer
// that has verified the token for an earlier request, or zero.
func (g *Group) verifyNew(ctx context.Context, start time.Time, raw string, at slot, earlier rejection) (*Token, error) {
	if g.opaque != nil && !looksLikeJWT(raw) {
		// A token that looks like a JWT is never passed to opaque. Otherwise a rejected JWT would get a second chance
		// there.
		return g.opaque.Verify(ctx, raw)
	}
	var buffer signatureBuffer
	p, signature, err := parse(raw, &g.headers, g.maxHeader, &buffer)
	if err != nil {
		return nil, err
	}
	issuer := issuerOf(p.claims)
	if policies := g.policies[issuer]; len(policies) > 1 {
		tr := newTrial(start, policies, earlier)
		t, c, err := tr.run(ctx, raw, &p, signature)
		if err == nil && !tr.undecided {
			g.keep(at, t)
		}
		return c.outcome(ctx, start, t, err)
	}
	c, home, err := g.route(ctx, issuer)
	if err != nil {
		return nil, err
	}
	p.unestablished = home != nil && c.lastKey.Load() == nil
	t, err := c.verifyInGroup(ctx, raw, &p, signature)
	if err == nil {
		t.resident = home
		g.keep(at, t)
	}
	return c.outcome(ctx, start, t, err)
}

// verifyInGroup verifies a token that a Group has read.
func (c *Consumer) verifyInGroup(ctx context.Context, raw string, p *parsed, signature []byte) (*Token, error) {
	// The limits of this Consumer may be lower than those of the Group.
	if err := c.checkLength(raw, p.Parts); err != nil {
		return nil, err
	}
	return c.verifyParsed(ctx, p, signature)
}

// JWTOnly reports whether Verify rejects everything that is not a JWT, without I/O. It is false if GroupConfig.Opaque
// is set. See [Consumer.JWTOnly].
func (g *Group) JWTOnly() bool { return g.opaque == nil }

// Issuers returns the issuers of GroupConfig.Consumers in the order of that list, and then the issuer of GroupConfig.Opaque. Each
// issuer is returned once. The Verifier in Opaque must have a method Issuer() string, as those of package introspection have;
// otherwise its issuer is not known and not returned. Issuers also does not return the issuers that GroupConfig.Resolve accepts.
// The caller may change the list.
func (g *Group) Issuers() []string {
	issuers, seen := make([]string, 0, len(g.policies)+1), make(map[string]bool, len(g.policies)+1)
	add := func(issuer string) {
		if !seen[issuer] {
			issuers, seen[issuer] = append(issuers, issuer), true
		}
	}
	for _, c := range g.consumers {
		add(c.cfg.Issuer)
	}
	if opaque, ok := g.opaque.(interface{ Issuer() string }); ok {
		add(opaque.Issuer())
	}
	return issuers
}

// keep caches t. If its Consumer comes from Resolve, keep marks the issuer as established. It is called after the
// signature was verified, so a forged token cannot make the Group keep an issuer.
func (g *Group) keep(at slot, t *Token) {
	if t.resident != nil {
		g.resolver.establish(t.resident)
	}
	if t.consumer.cache != nil {
		g.cache.add(at, t)
	}
}

// route returns the Consumer of an issuer with one policy, the only one whose keys are tried on the token. The resident is
// nil if the Consumer is one of GroupConfig.Consumers.
func (g *Group) route(ctx context.Context, issuer string) (*Consumer, *resident, error) {
	if policies := g.policies[issuer]; len(policies) > 0 {
		return policies[0].Consumer, nil, nil
	}
	if g.resolver == nil {
		return nil, nil, unknownIssuer(issuer, g.similarTo(issuer))
	}
	home, err := g.resolver.find(ctx, issuer)
	if err != nil {
		return nil, nil, err
	}
	return home.consumer, home, nil
}

// similarTo returns the issuer in GroupConfig.Consumers that differs from issuer only a little, or "".
func (g *Group) similarTo(issuer string) string {
	if len(issuer) > maxIssuerBytes {
		return ""
	}
	return g.folded[hint.Fold(issuer)]
}

// checkLength checks the limits of c for a token that has already been split.
func (c *Consumer) checkLength(raw string, p compact.Parts) error {
	switch {
	case len(raw) > c.cfg.MaxTokenBytes:
		return tooLarge(raw, c.cfg.MaxTokenBytes)
	case len(p.Header) > c.cfg.MaxHeaderBytes:
		return headerTooLarge(p, c.cfg.MaxHeaderBytes)
	}
	return nil
}
