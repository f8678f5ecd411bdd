package introspection

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/digest"
	"github.com/bearerkit/bearerkit/internal/token68"
)

// Verifier verifies access tokens by introspection. Make one with [New]; the zero Verifier cannot be used. It is safe for
// concurrent use.
type Verifier struct {
	cfg      Config
	issuer   string
	claims   *consumer.ClaimChecker
	digester *digest.Digester
	active   *accepted
	inactive *rejected
	places   *places
	breaker  breaker
	lines    lineLimit // of the log
	quirks   quirkLog
	state    state
	probe    string // a random text for Warm

	mu      sync.Mutex             // guards what follows
	flights map[digest.Sum]*flight // the latest of each token
	running map[*flight]struct{}   // all of them
}

// New returns a Verifier for cfg. If cfg has faults, the error joins all of them, and each names its field. New does no I/O
// and starts no goroutine.
func New(cfg Config) (*Verifier, error) {
	claims, err := cfg.checker()
	if err := errors.Join(cfg.validate(), err); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	return &Verifier{
		cfg: cfg, issuer: cfg.Client.Issuer(), claims: claims, digester: digest.New(),
		active: newAccepted(cfg.CacheSize, cfg.ActiveFor), inactive: newRejected(cfg.InactiveFor),
		places: newPlaces(cfg.MaxConcurrent), flights: make(map[digest.Sum]*flight), running: make(map[*flight]struct{}),
		probe:  client.RandomValue(randomBytes),
		quirks: quirkLog{issuer: cfg.Client.Issuer(), logger: cfg.Logger},
	}, nil
}

// Issuer returns the issuer of Config.Client.
func (v *Verifier) Issuer() string { return v.issuer }

// Verify verifies raw by introspection, or returns a cached result. Every error is a [*consumer.Error]. The error for a token
// that is not active, or whose form or claims are not acceptable, matches [consumer.ErrInvalidToken]. All other errors match
// [consumer.ErrUnavailable]. Verify waits for at most Config.Timeout and 0.1 s, and never past the end of ctx.
//
// A token with a [consumer.Confirmation] is bound to a key or certificate. The caller must check the proof of possession or
// reject the token, as the Guard of package middleware does.
func (v *Verifier) Verify(ctx context.Context, raw string) (*consumer.Token, error) {
	// The length is checked first, because the digest reads the whole text.
	if len(raw) > v.cfg.MaxTokenBytes {
		return nil, v.reject(consumer.ReasonTooLarge, fmt.Sprintf("the token has %d bytes, more than %d (Config.MaxTokenBytes)",
			len(raw), v.cfg.MaxTokenBytes))
	}
	d := v.digester.Sum(raw)
	token, fresh := v.active.get(d)
	if !fresh {
		return v.verifyNew(ctx, raw, d, token != nil)
	}
	if err := v.claims.Recheck(ctx, token); err != nil {
		return nil, err
	}
	return token, nil
}

// verifyNew verifies a token that is not in the cache. known is true if the token was active before.
func (v *Verifier) verifyNew(ctx context.Context, raw string, d digest.Sum, known bool) (*consumer.Token, error) {
	if err := v.checkForm(raw); err != nil {
		return nil, err
	}
	if err := v.inactive.get(d); err != nil {
		return nil, err
	}
	f, err := v.join(ctx, raw, d, known)
	if err != nil {
		return nil, err
	}
	return v.wait(ctx, f)
}

// checkForm rejects a text that cannot be a token of the server, without a request. RFC 6750 section 2.1 limits the
// characters of a token, so that it means the same in every header and form.
func (v *Verifier) checkForm(raw string) error {
	if !token68.Is(raw) {
		return v.reject(consumer.ReasonMalformed, "the token has characters that are not allowed in a token68")
	}
	if v.cfg.Accept != nil && !v.cfg.Accept(raw) {
		return v.reject(consumer.ReasonMalformed, "the token does not have the form of a token of this server (Config.Accept)")
	}
	return nil
}

// reject returns the error for a token that is not acceptable.
func (v *Verifier) reject(reason consumer.Reason, detail string) error {
	return consumer.NewError(reason, v.issuer, detail, nil)
}

// unavailable returns the error for a token that could not be checked.
func (v *Verifier) unavailable(detail string, cause error) error {
	return consumer.NewError(consumer.ReasonIntrospectionUnavailable, v.issuer, detail, cause)
}

// Introspection describes one introspection for [Config.OnIntrospect]. It contains neither the token nor its claims.
type Introspection struct {
	// Issuer is the issuer of Config.Client. It can be a metric label.
	Issuer string

	// Reason says why the token was not accepted. Empty: it was accepted.
	Reason consumer.Reason

	// Duration is how long the introspection took, including the wait until the request could be sent.
	Duration time.Duration
}
