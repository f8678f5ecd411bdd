package consumer

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// Verifier turns the token of a request into a verified [Token]. [*Consumer] and [*Group] are Verifiers. A Verifier
// never returns a Token together with an error, and is safe for concurrent use.
type Verifier interface {
	Verify(ctx context.Context, raw string) (*Token, error)
}

// Consumer verifies the access tokens of one issuer. It is safe for concurrent use, and it cannot be changed: for
// another policy make another Consumer.
type Consumer struct {
	cfg        Config
	algorithms map[string]algorithm // those that are accepted
	rules      rules
	keys       *hiddenSource
	cache      *tokenCache  // nil: none
	statuses   *statusCache // nil: none
	headers    headerMemo
	lastKey    atomic.Pointer[jwks.Key] // the one that verified the last token; behind a pointer like Token.key
}

// New checks cfg and reports all that is wrong with it. It does no I/O: the issuer is asked when the first token comes,
// or by [Consumer.Warm].
func New(cfg Config) (*Consumer, error) {
	fault := cfg.validate()
	cfg = cfg.withDefaults()
	keys, err := cfg.keySource()
	if err := errors.Join(fault, err); err != nil {
		return nil, err
	}
	cfg.Keys = nil // only the hidden one is kept
	return &Consumer{
		cfg: cfg, algorithms: cfg.algorithms(), rules: cfg.rules(), keys: &hiddenSource{keys},
		cache: newTokenCache(cfg.CacheSize), statuses: newStatusCache(cfg.StatusTTL),
	}, nil
}

// Issuer is the configured issuer.
func (c *Consumer) Issuer() string { return c.cfg.Issuer }

// Verify proves raw, a compact JWS, and returns what it says. Every error is an [*Error].
//
// A token with a [Confirmation] is returned like any other: whoever sees the connection must ask for the proof. A guard
// of package middleware does.
func (c *Consumer) Verify(ctx context.Context, raw string) (*Token, error) {
	var start time.Time
	if c.cfg.OnVerify != nil { // nobody else looks at it
		start = time.Now()
	}
	t, err := c.verify(ctx, raw)
	return c.outcome(ctx, start, t, err)
}

// JWTOnly reports that Verify refuses whatever is not a JWT by itself, without I/O: always for a Consumer. A guard then
// need not look at the form of a token that Verify accepts.
func (c *Consumer) JWTOnly() bool { return true }

// Warm fetches what is needed to verify, unless it is there already. Nil means ready: a usable set of keys is held.
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

// Refresh fetches metadata and keys now, whatever their age. It is for an operator who knows that a key was withdrawn:
// when it returns nil, the key and all remembered tokens that it verified have lost trust. After an error what was held
// before is still in use. Keys that are not fetched are left as they are.
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

// Run keeps metadata and keys fresh in the background and returns nil when ctx ends. Without it they are refreshed by
// the requests that notice their age, which is enough for an API that is in use.
func (c *Consumer) Run(ctx context.Context) error {
	source, ok := c.keys.Source.(interface{ Run(context.Context) error })
	if !ok {
		<-ctx.Done()
		return nil
	}
	return source.Run(ctx)
}

// Format writes what [Token.LogValue] shows, whatever the verb. Without it fmt would print every claim.
func (t *Token) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "{issuer %q client %q expiry %v}", t.issuer, t.clientID, t.expiry)
}

// Format writes the issuer, whatever the verb. Without it fmt would print the secret of a [Config] that has one.
func (c *Consumer) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "{issuer %q}", c.cfg.Issuer) }

// hiddenSource keeps keys that may be secret from whoever prints something that holds a [Consumer] in an unexported
// field: fmt calls no method there, but it follows no second pointer either.
type hiddenSource struct{ jwks.Source }
