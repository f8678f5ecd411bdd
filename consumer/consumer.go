package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/jwks"
)

// Verifier verifies the token of a request and returns it as a [Token]. [*Consumer] and [*Group] are Verifiers. A Verifier
// never returns a Token together with an error, and is safe for concurrent use. A Verifier of your own makes its Tokens
// with [NewToken].
type Verifier interface {
	Verify(ctx context.Context, raw string) (*Token, error)
}

// Consumer verifies the access tokens of one issuer. It is safe for concurrent use. It cannot be changed: for other
// settings make another Consumer.
type Consumer struct {
	cfg        Config
	algorithms map[string]algorithm // the accepted ones
	rules      rules
	keys       *hiddenSource
	cache      *tokenCache  // nil: no cache
	statuses   *statusCache // nil: no cache
	headers    headerMemo
	lastKey    atomic.Pointer[jwks.Key] // verified the last token; a pointer for the same reason as Token.key
}

// New returns a Consumer, or an error that joins all faults of cfg. It does no I/O and starts no goroutine: the first
// token or [Consumer.Warm] makes it fetch the issuer's metadata and keys.
func New(cfg Config) (*Consumer, error) {
	fault := cfg.validate()
	cfg = cfg.withDefaults()
	keys, err := cfg.keySource()
	if err := errors.Join(fault, err); err != nil {
		return nil, err
	}
	cfg.Keys = nil // only the hidden copy is used from here on
	return &Consumer{
		cfg: cfg, algorithms: cfg.algorithms(), rules: cfg.rules(), keys: &hiddenSource{keys},
		cache: newTokenCache(cfg.CacheSize), statuses: newStatusCache(cfg.StatusTTL),
	}, nil
}

// Issuer returns Config.Issuer.
func (c *Consumer) Issuer() string { return c.cfg.Issuer }

// Verify verifies raw, a JWT in compact serialization, and returns it as a Token. Every error is an [*Error].
//
// A token with a [Confirmation] is bound to a key or certificate. Verify does not see the connection and returns such a
// token like any other: the caller must check the proof of possession, as the Guard of package middleware does.
func (c *Consumer) Verify(ctx context.Context, raw string) (*Token, error) {
	var start time.Time
	if c.cfg.OnVerify != nil {
		start = time.Now()
	}
	t, err := c.verify(ctx, raw)
	return c.outcome(ctx, start, t, err)
}

// verify returns a cached token after a recheck, and verifies all others.
func (c *Consumer) verify(ctx context.Context, raw string) (*Token, error) {
	if len(raw) > c.cfg.MaxTokenBytes {
		return nil, tooLarge(raw, c.cfg.MaxTokenBytes)
	}
	cached, d, ok := c.cache.get(raw)
	if ok {
		if err := c.recheck(ctx, cached); !errors.Is(err, errOutdated) {
			return cached, err
		}
		c.cache.remove(d)
	}
	return c.verifyNew(ctx, raw, d)
}

// outcome ends a verification. It writes the issuer into the error, makes sure that no token is returned with an error,
// and calls OnVerify.
func (c *Consumer) outcome(ctx context.Context, start time.Time, t *Token, err error) (*Token, error) {
	if err != nil {
		t, err = nil, c.named(err)
	}
	if c.cfg.OnVerify != nil {
		c.cfg.OnVerify(ctx, c.verification(start, t, err))
	}
	return t, err
}

// JWTOnly reports whether Verify rejects everything but JWTs, and does so without I/O. It is true for a Consumer. The
// Guard then does not check the form of a token before it calls Verify.
func (c *Consumer) JWTOnly() bool { return true }

// Warm fetches the issuer's metadata and keys, unless usable keys are held already. It returns nil if tokens can be
// verified, so it fits readiness probes.
func (c *Consumer) Warm(ctx context.Context) error {
	source, ok := c.keys.Source.(interface{ Warm(context.Context) error })
	if !ok {
		return nil
	}
	if err := source.Warm(ctx); err != nil {
		return unavailable(ctx, ReasonKeysUnavailable, err)
	}
	return nil
}

// Refresh fetches metadata and keys now, whatever their age. Call it when you know that the issuer has withdrawn a key:
// once Refresh returns nil, tokens of that key are rejected, cached ones too. After an error, the keys held before stay in
// use. Keys that are not fetched, such as those of a file, are not affected.
func (c *Consumer) Refresh(ctx context.Context) error {
	source, ok := c.keys.Source.(interface{ Refresh(context.Context) error })
	if !ok {
		return nil
	}
	if err := source.Refresh(ctx); err != nil {
		return unavailable(ctx, ReasonKeysUnavailable, err)
	}
	return nil
}

// Run keeps metadata and keys fresh in the background, and returns nil when ctx ends. It is optional: without Run, a
// request that finds them old starts their refresh, which is enough for an API that is in use.
func (c *Consumer) Run(ctx context.Context) error {
	source, ok := c.keys.Source.(interface{ Run(context.Context) error })
	if !ok {
		<-ctx.Done()
		return nil
	}
	return source.Run(ctx)
}

// Format writes the issuer, whatever the verb. Without this method fmt would print the secret of a [Config] that has one.
func (c *Consumer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "{issuer %q}", c.cfg.Issuer) }

// hiddenSource hides keys, which may be secret, from fmt. If a program prints a struct with a [Consumer] in an unexported
// field, fmt calls no Format method, but it does not follow a second pointer either.
type hiddenSource struct{ jwks.Source }

// keyAt is Key. It passes now to the sources of this module, which would otherwise read the clocks again.
func (s *hiddenSource) keyAt(ctx context.Context, now clock.Instant, kid, alg string) (jwks.Key, error) {
	source, ok := s.Source.(interface {
		KeyAt(ctx context.Context, now clock.Instant, kid, alg string) (jwks.Key, error)
	})
	if !ok {
		return s.Key(ctx, kid, alg)
	}
	return source.KeyAt(ctx, now, kid, alg)
}
