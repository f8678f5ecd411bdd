package consumer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/issuer"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

// Verifier verifies the token of a request and returns it as a [Token]. [*Consumer] and [*Group] are Verifiers. An
// implementation must be safe for concurrent use, must not return a Token together with an error, and makes its Tokens
// with [NewToken].
type Verifier interface {
	// Verify verifies raw, the token as the client sent it. Its error should match [ErrInvalidToken] or [ErrUnavailable].
	Verify(ctx context.Context, raw string) (*Token, error)
}

// Consumer verifies the access tokens of one issuer. Make one with [New]; the zero Consumer cannot be used. It is safe
// for concurrent use. Its settings cannot be changed.
type Consumer struct {
	cfg        Config
	algorithms map[string]signature.Algorithm // the accepted ones
	rules      rules
	keys       atomic.Pointer[hiddenSource] // replaced only by shareKeys
	sharing    atomic.Bool                  // keys are those of several Consumers
	fixedKeys  bool                         // see hasFixedKeys
	timeOnly   bool                         // see isTimeOnly
	cache      *tokenCache                  // nil: no cache
	statuses   *statusCache                 // nil: no cache
	versions   *statusVersions              // nil: Config.Status has none
	headers    headerMemo
	quirks     *quirkLog
	deviations atomic.Uint64            // those of all tokens so far, as deviations
	lastKey    atomic.Pointer[jwks.Key] // verified the last token; a pointer for the same reason as Token.key

	tenantClaim, tenant string // set by ResolveTenants
}

// New returns a Consumer for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no
// I/O and starts no goroutine. The issuer's metadata and keys are fetched for the first token that needs them, or by
// [Consumer.Warm].
func New(cfg Config) (*Consumer, error) {
	fault := cfg.validate()
	cfg = cfg.withDefaults()
	quirks := newQuirkLog(cfg)
	keys, err := cfg.keySource(quirks)
	if err := errors.Join(fault, err); err != nil {
		return nil, err
	}
	cfg.Keys = nil // only the hidden copy is used from here on
	c := &Consumer{
		cfg: cfg, algorithms: cfg.algorithms(), rules: cfg.rules(),
		cache: newTokenCache(cfg.CacheSize), statuses: newStatusCache(cfg.Status, cfg.StatusTTL),
		quirks: quirks,
	}
	c.keys.Store(newHiddenSource(keys))
	c.fixedKeys, c.timeOnly = c.hasFixedKeys(), c.isTimeOnly()
	c.setVersions()
	return c, nil
}

// Issuer returns Config.Issuer.
func (c *Consumer) Issuer() string { return c.cfg.Issuer }

// Verify verifies raw, a JWT in compact serialization (RFC 7515 section 3.1), and returns it as a Token. Every error is
// an [*Error]. If no usable keys are cached, Verify waits at most 3 s for metadata and keys together, and never past
// the deadline of ctx.
//
// A token with a [Confirmation] is bound to a key or certificate. Verify has no access to the connection and returns
// such a token like any other. The caller must check the proof of possession or reject the token. The Guard of package
// middleware does the former with its Config.DPoP and Config.MTLS, and the latter without them.
func (c *Consumer) Verify(ctx context.Context, raw string) (*Token, error) {
	var start time.Time
	if c.cfg.OnVerify != nil {
		start = time.Now()
	}
	t, err := c.verify(ctx, raw)
	t, err = c.outcome(ctx, start, t, err)
	if c.cfg.Explain != nil {
		c.cfg.Explain(ctx, c.explanation(ctx, raw, t, err))
	}
	return t, err
}

// verify returns a cached token after a recheck, and verifies all others.
func (c *Consumer) verify(ctx context.Context, raw string) (*Token, error) {
	// This check comes first, so that no work is spent on a text that is too long.
	if len(raw) > c.cfg.MaxTokenBytes {
		return nil, tooLarge(raw, c.cfg.MaxTokenBytes)
	}
	cached, p, ok := c.cache.get(raw)
	if ok {
		if err := c.recheck(ctx, cached); !errors.Is(err, errOutdated) {
			// A token that is rejected here stays in the cache until another token needs its place. Its next request is
			// then rejected as quickly.
			return cached, err
		}
		c.cache.remove(p)
	}
	return c.verifyNew(ctx, raw, p)
}

// outcome completes a verification. It sets the issuer of the error, ensures that no token is returned with an error,
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

// JWTOnly returns true: Verify rejects everything that is not a JWT, without I/O. The Guard of package middleware
// therefore need not check the form of a token before it calls Verify.
func (c *Consumer) JWTOnly() bool { return true }

// Warm fetches the issuer's metadata and keys, unless usable keys are cached. It returns nil if tokens can be verified
// now, and otherwise an [*Error] that matches [ErrUnavailable]. It waits until the fetches have ended, as long as
// DiscoveryTimeout and KeyCache.Timeout allow, or until ctx ends. It does nothing for keys that are not fetched. Call it
// before the first request, or in a readiness probe.
func (c *Consumer) Warm(ctx context.Context) error {
	source, ok := c.keys.Load().Source.(interface{ Warm(context.Context) error })
	if !ok {
		return nil
	}
	if err := source.Warm(ctx); err != nil {
		return unavailable(ctx, ReasonKeysUnavailable, err)
	}
	return nil
}

// Refresh fetches metadata and keys now, whatever their age. Call it when you know that the issuer has withdrawn a key:
// once Refresh returns nil, tokens of that key are rejected, including cached ones. If Refresh returns an error, the
// previous keys stay in use. Refresh does nothing for keys that are not fetched, such as those of a file.
func (c *Consumer) Refresh(ctx context.Context) error {
	source, ok := c.keys.Load().Source.(interface{ Refresh(context.Context) error })
	if !ok {
		return nil
	}
	if err := source.Refresh(ctx); err != nil {
		return unavailable(ctx, ReasonKeysUnavailable, err)
	}
	return nil
}

// Run refreshes metadata and keys whenever they are due, and returns nil when ctx ends. Call it in a goroutine of its
// own. It is optional: without Run, requests start the refreshes, which is enough for an API that receives requests
// regularly.
func (c *Consumer) Run(ctx context.Context) error {
	source, ok := c.keys.Load().Source.(interface{ Run(context.Context) error })
	if !ok {
		<-ctx.Done()
		return nil
	}
	return source.Run(ctx)
}

// Format implements [fmt.Formatter]. It writes the issuer, whatever the verb. Without it, fmt would print the secret of
// a [Config] that has one.
func (c *Consumer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "{issuer %q}", c.cfg.Issuer) }

// maxKeys is the maximum number of keys that are tried for one token. A [jwks.Source] returns no more, but a custom one
// may be wrong.
const maxKeys = 4

// hiddenSource hides keys, which may be secret, from fmt. If a program prints a struct with a [Consumer] in an unexported
// field, fmt calls no Format method, but it does not follow a second pointer either.
type hiddenSource struct {
	jwks.Source
	timed     timedSource     // the same, or nil if it has no KeysAt
	renewable renewableSource // the same, or nil if it has no KeysAfter
	confirms  confirmSource   // the same, or nil if it has no Confirm
}

// timedSource is a source of this module that reads the clocks. KeysAt is Keys for a caller that has read them already.
type timedSource interface {
	KeysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error)
}

// renewableSource is a source of this module that fetches its keys; see [jwks.Remote.KeysAfter].
type renewableSource interface {
	KeysAfter(ctx context.Context, now clock.Instant, kid, alg string, tried []jwks.Key) ([]jwks.Key, error)
}

// confirmSource is a source of this module that needs to know which keys have verified a token; see
// [jwks.PEMEndpoint.Confirm].
type confirmSource interface {
	Confirm(key jwks.Key)
}

// newHiddenSource looks the methods of keys up once, because requests would notice it. A type of another package has only
// Keys, even if it embeds a source of this module: it may override Keys, for example to exclude keys.
func newHiddenSource(keys jwks.Source) *hiddenSource {
	s := &hiddenSource{Source: keys}
	if isOwn(keys) {
		s.timed, _ = keys.(timedSource)
		s.renewable, _ = keys.(renewableSource)
		s.confirms, _ = keys.(confirmSource)
	}
	return s
}

// isOwn reports whether package jwks or internal/issuer defines the type of keys.
func isOwn(keys jwks.Source) bool {
	of := reflect.TypeOf(keys)
	if of != nil && of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	return of != nil && (of.PkgPath() == reflect.TypeFor[jwks.Remote]().PkgPath() ||
		of.PkgPath() == reflect.TypeFor[issuer.Remote]().PkgPath())
}

// keysAt is Keys, with an error if there are none. It passes now to a source that would otherwise read the clocks again.
func (s *hiddenSource) keysAt(ctx context.Context, now clock.Instant, kid, alg string) ([]jwks.Key, error) {
	if s.timed != nil {
		return s.timed.KeysAt(ctx, now, kid, alg)
	}
	keys, err := s.Keys(ctx, kid, alg)
	if err == nil && len(keys) == 0 {
		return nil, jwks.ErrKeyNotFound
	}
	return keys[:min(len(keys), maxKeys)], err
}
