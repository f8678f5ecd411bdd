package consumer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// GroupConfig joins several issuers behind one Verify. [NewGroup] copies it.
type GroupConfig struct {
	// Consumers are the issuers known beforehand, each with its own audience, algorithms, profile and keys. A token goes
	// to the one whose issuer it names and to no other.
	Consumers []*Consumer

	// Opaque verifies what does not look like a JWT, for example by introspection (RFC 7662). Nil: refused.
	Opaque Verifier

	// Resolve makes the Consumer of an issuer that is not among Consumers, for example of a new tenant. It decides first
	// whether the issuer is accepted, and answers nil or any error if it is not; it should decide without I/O where it
	// can, since anybody can send any issuer. An error that matches [ErrUnavailable] or is the context's says that it
	// could not be decided now. The Consumer should have PublicAddressesOnly set. Nil: no other issuers.
	//
	// Concurrent requests for one issuer share one call. It runs on a context that outlives the request, for at most 3 s,
	// and no request waits for it much longer. A token that is longer than 16 KiB and than the largest MaxTokenBytes among
	// Consumers is refused before, whatever the resolved Consumer allows.
	Resolve func(ctx context.Context, issuer string) (*Consumer, error)

	// MaxResolved is how many Consumers made by Resolve are kept, one that was not used of late being dropped for a new
	// one, together with its remembered tokens. Zero: 100.
	MaxResolved int

	// CacheSize is how many verified tokens are remembered, for all issuers together: the CacheSize of a Consumer does
	// not count here, except that a negative one keeps its tokens from being remembered. Zero: 10 000; negative: none.
	CacheSize int
}

// Group verifies the tokens of several issuers. It is safe for concurrent use.
type Group struct {
	consumers map[string]*Consumer
	opaque    Verifier
	resolver  *resolver   // nil: none
	cache     *tokenCache // nil: none
	headers   headerMemo
	maxBytes  int
}

// NewGroup checks cfg and reports all that is wrong with it. Like [New] it does no I/O.
func NewGroup(cfg GroupConfig) (*Group, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	g := &Group{
		consumers: make(map[string]*Consumer, len(cfg.Consumers)),
		opaque:    cfg.Opaque,
		cache:     newTokenCache(orDefault(cfg.CacheSize, defaultCacheSize)),
		maxBytes:  defaultMaxTokenBytes,
	}
	for _, c := range cfg.Consumers {
		g.consumers[c.cfg.Issuer] = c
		g.maxBytes = max(g.maxBytes, c.cfg.MaxTokenBytes)
	}
	if cfg.Resolve != nil {
		g.resolver = newResolver(cfg.Resolve, orDefault(cfg.MaxResolved, defaultMaxResolved))
	}
	return g, nil
}

func (cfg GroupConfig) validate() error {
	var faults []error
	seen := make(map[string]bool)
	for i, c := range cfg.Consumers {
		if c == nil {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers[%d] is nil", i))
			continue
		}
		if seen[c.cfg.Issuer] {
			faults = append(faults, fmt.Errorf("consumer: GroupConfig.Consumers names issuer %q twice", c.cfg.Issuer))
		}
		seen[c.cfg.Issuer] = true
	}
	if len(cfg.Consumers) == 0 && cfg.Resolve == nil {
		faults = append(faults, errors.New("consumer: GroupConfig.Consumers is required where Resolve is not set"))
	}
	if cfg.MaxResolved < 0 {
		faults = append(faults, errors.New("consumer: GroupConfig.MaxResolved is negative"))
	}
	return errors.Join(faults...)
}

// Verify proves raw with the Consumer of the issuer it names. An issuer that nobody knows is refused before any network.
// Every error is an [*Error], unless it comes from GroupConfig.Opaque.
func (g *Group) Verify(ctx context.Context, raw string) (*Token, error) {
	start := time.Now()
	if len(raw) > g.maxBytes {
		return nil, refuse(ReasonTooLarge, "token")
	}
	known, d, ok := g.cache.get(raw)
	if ok {
		if err := g.recheck(ctx, known); !errors.Is(err, errKeyReplaced) {
			return known.consumer.outcome(ctx, start, known, err)
		}
		g.cache.remove(d)
	}
	return g.verifyNew(ctx, start, raw, d)
}

// verifyNew is apart from Verify for the reason that [Consumer.verifyNew] is.
func (g *Group) verifyNew(ctx context.Context, start time.Time, raw string, d digest) (*Token, error) {
	if g.opaque != nil && !looksLikeJWT(raw) {
		return g.opaque.Verify(ctx, raw)
	}
	var buffer signatureBuffer
	u, signature, err := parse(raw, &g.headers, &buffer)
	if err != nil {
		return nil, err
	}
	c, err := g.route(ctx, textOf(u.claims, "iss"))
	if err != nil {
		return nil, err
	}
	if len(raw) > c.cfg.MaxTokenBytes {
		return c.outcome(ctx, start, nil, refuse(ReasonTooLarge, "token"))
	}
	t, err := c.prove(ctx, u, signature)
	if err == nil {
		g.remember(u, d, t)
	}
	return c.outcome(ctx, start, t, err)
}

// JWTOnly is that of [Consumer.JWTOnly]: false if GroupConfig.Opaque is set.
func (g *Group) JWTOnly() bool { return g.opaque == nil }

func (g *Group) remember(u unproven, d digest, t *Token) {
	t.header = g.headers.add(u.Header, u.header)
	if t.consumer.cache != nil {
		g.cache.add(d, t)
	}
}

// recheck also wants the Consumer that verified t to be still the one of its issuer.
func (g *Group) recheck(ctx context.Context, t *Token) error {
	if g.consumers[t.issuer] != t.consumer && !g.resolver.holds(t.issuer, t.consumer) {
		return errKeyReplaced
	}
	return t.consumer.recheck(ctx, t)
}

// route finds the Consumer of an issuer. It is the only one whose keys are ever tried on the token.
func (g *Group) route(ctx context.Context, issuer string) (*Consumer, error) {
	if c, ok := g.consumers[issuer]; ok {
		return c, nil
	}
	if g.resolver == nil {
		return nil, errUnknownIssuer()
	}
	return g.resolver.consumer(ctx, issuer)
}

func errUnknownIssuer() error { return refuse(ReasonIssuer, "iss is not an accepted issuer") }

// looksLikeJWT tells a JWT from an opaque token, which may hold dots as well.
func looksLikeJWT(raw string) bool {
	parts, err := compact.Split(raw)
	if err != nil {
		return false
	}
	_, err = readObject(parts.DecodeHeader())
	return err == nil
}

// Forget drops what GroupConfig.Resolve said of issuer, a yes or a no, so that it is asked again. Tokens remembered for
// the issuer are dropped with it. Consumers known beforehand stay.
func (g *Group) Forget(issuer string) {
	if g.resolver != nil {
		g.resolver.forget(issuer)
	}
}

// Warm makes all Consumers known beforehand ready, a few at a time. Nil means that all of them are.
func (g *Group) Warm(ctx context.Context) error {
	return g.each(maxWarming, func(c *Consumer) error { return c.Warm(ctx) })
}

// Run keeps the keys of all Consumers known beforehand fresh and returns nil when ctx ends.
func (g *Group) Run(ctx context.Context) error {
	err := g.each(len(g.consumers), func(c *Consumer) error { return c.Run(ctx) })
	<-ctx.Done() // there may be no Consumer to wait for
	return err
}

const maxWarming = 16

// each calls f for all Consumers, for atMost of them at once, and joins what they say.
func (g *Group) each(atMost int, f func(*Consumer) error) error {
	places := make(chan struct{}, atMost)
	faults := make(chan error, len(g.consumers))
	for _, c := range g.consumers {
		places <- struct{}{}
		go func() {
			faults <- f(c)
			<-places
		}()
	}
	var joined []error
	for range g.consumers {
		joined = append(joined, <-faults)
	}
	return errors.Join(joined...)
}
