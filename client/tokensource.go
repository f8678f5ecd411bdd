package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// TokenSourceConfig says where a [TokenSource] gets its tokens. At least one of Token, Store and Grant is required.
type TokenSourceConfig struct {
	// Token is the first token, from a new sign-in. It replaces the one in Store. It may consist of a refresh token only.
	// Nil means that the first token comes from Store or from Grant.
	Token *Token

	// Store stores each token under Key before the source returns it. If another process saves a token there, the source
	// uses that. If another process deletes it, the source returns [ErrNoToken]. A token of another issuer or client causes
	// an error, so Key must be different for each of them.
	//
	// Nil means that the token is kept in memory only. To store it, use Config.OnToken. Key is required with Store.
	Store TokenStore
	Key   string

	// Grant gets a token when there is none that can be refreshed. It is called with Scopes. The method value
	// c.ClientCredentials has the right type. Nil means that the source returns [ErrNoToken] instead.
	Grant func(ctx context.Context, scopes ...string) (*Token, error)

	// Scopes lists the scopes that are requested from Grant and at each refresh. A refresh may request fewer scopes than
	// were granted, never more (RFC 6749, Section 6). Nil means the default of Grant, and at a refresh all scopes that were
	// granted.
	//
	// A scope that was not granted causes an error before a refresh is sent. Scopes are compared with the granted ones only
	// if all granted scopes are among Scopes and Config.Scopes. Otherwise the server has its own names for scopes, and
	// rejects what it did not grant.
	Scopes []string

	// ScopeAliases says that the server grants scopes under other names than the requested ones, so that Scopes are never
	// compared with the granted scopes. False means that they are compared as described at Scopes.
	ScopeAliases bool

	// Early is how long before its expiry a token is refreshed. The actual time is chosen at random between once and twice
	// Early, so that many processes do not send their requests at the same moment. It is never more than half of the token's
	// remaining lifetime. Zero means 30 seconds. The maximum is 24 hours.
	Early time.Duration
}

const (
	defaultEarly  = 30 * time.Second
	maxEarly      = 24 * time.Hour
	minLifetime   = time.Second      // of a new token, whatever the server says: at most one refresh per second
	minPause      = 5 * time.Second  // after the first failed renewal
	maxPause      = time.Minute      // after many failed renewals, unless the server requests more
	rejectedPause = 30 * time.Second // between two refreshes that an API causes by rejecting a token
)

// TokenSource supplies a valid access token to many callers, and refreshes it once for all of them. It implements
// [oauth2.TokenSource]. Make one with [Client.TokenSource]. It is safe for concurrent use.
//
// A TokenSource obtains tokens. It is not related to middleware.TokenSource, a function that reads the token of an
// incoming request.
//
// While the current token is valid, callers do not wait: the refresh runs in the background. If the server is
// unavailable, callers receive an error only after the token has expired. The next attempt is made 5 seconds later at the
// earliest. The pause doubles with each failure, up to about a minute, or up to 5 minutes if the server sends
// Retry-After.
//
// A refresh token that the server rejects is not sent again. A rejection is a response that says that the refresh token has
// ended, whatever its error code is. Responses about the client, the request or the network, and those after which a retry
// may succeed, are not rejections. After a rejection, the source reads the store once more, since another process may have
// refreshed the token. If none has, it calls Grant, or returns [ErrNoToken] until there is a new token in the store.
//
// If the refresh token is rejected while the access token is still valid, callers receive the access token until it
// expires, and Err returns the error. Once an API has rejected the access token too, no caller receives it again.
//
// An access token without a refresh token, in a source without Grant, cannot be renewed. It is used until it expires, or
// until an API rejects it with the error code invalid_token. If its expiry is unknown, any 401 of an API ends it, except one
// whose challenge says that a new token does not help. Only a [Transport] reports 401 responses of an API to its source.
//
// Each new token is stored before it is returned. If it cannot be stored, it is kept in memory, not returned, and stored
// at the next call. If the ID token in a response is not valid, the access token is not returned to anyone. The refresh
// token is stored, as a Token without an access token, and the next refresh must return an ID token of the same user.
//
// Two cases remain. If the process dies after the server has responded and before the token is stored, the new refresh token
// is lost. The stored one has been used, so a server that rotates refresh tokens may reject it. The user must sign in again.
// The same happens if the store cannot save the token, and another process refreshes before the next call saves it.
type TokenSource struct {
	client *Client
	early  time.Duration

	mu         sync.Mutex    // guards the fields below
	held       *Token        // the current token; nil if there is none
	since      clock.Instant // when held became the current token
	expires    bool          // whether the fields lifetime and renewAfter apply; if not, held never expires
	lifetime   time.Duration // of held, from since on
	renewAfter time.Duration // when to refresh held, from since on
	failure    error         // of the last renewal; returned until retryAt
	failures   int           // in a row
	retryAt    time.Time     // only limits the rate of requests, so the monotonic clock is enough
	rejectAt   time.Time     // when an API may cause the next refresh; likewise
	rejection  rejection     // of held by an API
	ended      *Token        // the last token; it must not be returned again; nil if there is none
	renewal    *renewal      // in progress; nil if there is none
	requested  []string      // the configured scopes, and those of the sign-ins that adopt was called for

	renewer *renewer // used by the one renewal that is in progress
}

// renewal is one attempt to get a new token. All callers that need the token wait for done. The outcome is set before done is
// closed, and not changed afterwards.
type renewal struct {
	done chan struct{}
	outcome
}

// outcome is the result of a renewal.
type outcome struct {
	token *Token
	fresh bool // the token comes from the server, not from the store
	gone  bool // the token was deleted from the store
	err   error
}

// TokenSource returns a source of tokens for c. It reports all faults of cfg together. It does no I/O and starts no
// goroutine. The first call of [TokenSource.TokenContext], [TokenSource.Token] or [TokenSource.Refresh] may do both.
func (c *Client) TokenSource(cfg TokenSourceConfig) (*TokenSource, error) {
	var faults []error
	if cfg.Token == nil && cfg.Store == nil && cfg.Grant == nil {
		faults = append(faults, errors.New("client: TokenSourceConfig: one of Token, Store and Grant is required"))
	}
	if cfg.Store != nil && cfg.Key == "" {
		faults = append(faults, errors.New("client: TokenSourceConfig.Key is required with Store"))
	}
	if cfg.Early < 0 {
		faults = append(faults, errors.New("client: TokenSourceConfig.Early is negative"))
	}
	if cfg.Token != nil {
		faults = append(faults, c.checkOwner(cfg.Token, "TokenSourceConfig.Token"))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	cfg.Early = min(cmp.Or(cfg.Early, defaultEarly), maxEarly)
	cfg.Scopes = slices.Clone(cfg.Scopes)
	s := &TokenSource{
		client: c, early: cfg.Early, requested: cfg.Scopes,
		renewer: &renewer{sharedGrant: newSharedGrant(c, cfg), early: cfg.Early, scopes: cfg.Scopes},
	}
	if cfg.Token != nil && cfg.Store == nil {
		s.hold(c.owned(cfg.Token), false)
	}
	return s, nil
}

// Token implements [oauth2.TokenSource]. It is [TokenSource.TokenContext] without a context. Do not refresh the result
// with another library, because the source refreshes it.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	t, err := s.token(context.Background())
	if err != nil {
		return nil, err
	}
	return t.OAuth2(), nil
}

// TokenContext returns a valid token, refreshed if necessary. ctx limits the time that this caller waits; the refresh
// itself continues for other callers. If the error matches [ErrNoToken], the user must sign in again. If it also matches
// [ErrInvalidToken], an API has rejected the last access token. If it matches [ErrUnavailable], a later call may succeed. If
// it is an [*IncompleteError], see the comment of that type.
func (s *TokenSource) TokenContext(ctx context.Context) (*Token, error) {
	t, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	return t.clone(), nil
}

// Refresh refreshes the token now, even if it is still valid, and returns the new one. If another process has refreshed it
// meanwhile, that token is used instead. After a failure, Refresh returns the error of that failure until the pause is over.
// Its errors are those of [TokenSource.TokenContext].
func (s *TokenSource) Refresh(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	n, err := s.renewLocked(ctx, s.held, true)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	t, err := n.wait(ctx)
	if err != nil {
		return nil, err
	}
	return t.clone(), nil
}

// token is TokenContext without the copy. Callers must not change what it returns.
func (s *TokenSource) token(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	held, age := s.held, s.since.Age()
	valid := held != nil && held.AccessToken != "" && (!s.expires || age < s.lifetime)
	if valid && (!s.expires || age < s.renewAfter) {
		s.mu.Unlock()
		return held, nil
	}
	n, err := s.renewLocked(ctx, held, false)
	s.mu.Unlock()
	switch {
	case valid: // the renewal goes on in the background, and its error is kept for later
		return held, nil
	case err != nil:
		return nil, err
	}
	return n.wait(ctx)
}

// Err returns the error of the last attempt to get a token, or nil if it succeeded or there was none. It sends no request. A
// refresh that runs while the old token is still valid reports its failure only here.
func (s *TokenSource) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// wait returns the outcome of n, or an error when ctx ends. The renewal continues then.
func (n *renewal) wait(ctx context.Context) (*Token, error) {
	select {
	case <-n.done:
		return n.token, n.err
	case <-ctx.Done():
	}
	select {
	case <-n.done: // both were ready: prefer the token
		return n.token, n.err
	default:
		return nil, fmt.Errorf("client: waiting for a token: %w", ctx.Err())
	}
}

var (
	errPanic      = errors.New("client: TokenSource: Grant, Store, OnToken or another function of the application panicked")
	errZeroSource = errors.New("client: TokenSource: the zero value cannot be used; call Client.TokenSource")
)

// renewLocked joins the renewal that is in progress, or starts one that replaces old. During the pause after a failure it
// returns the error of that failure. With force, a token that is still valid is refreshed too. The renewal does not end with
// ctx, because other callers may wait for it.
func (s *TokenSource) renewLocked(ctx context.Context, old *Token, force bool) (*renewal, error) {
	switch {
	case s.client == nil:
		return nil, errZeroSource
	case s.renewal != nil:
		return s.renewal, nil
	case s.failure != nil && time.Now().Before(s.retryAt):
		return nil, s.failure
	case old == nil:
		old = s.ended // the store may still have it
	}
	n := &renewal{done: make(chan struct{}), outcome: outcome{err: errPanic}}
	s.renewal = n
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer s.finish(n)
		defer func() { _ = recover() }() // a panic here would end the process; callers get errPanic
		n.outcome = s.renewer.renew(ctx, old, force)
	}()
	return n, nil
}

// finish stores the result of a renewal in s and wakes the callers that wait for it.
func (s *TokenSource) finish(n *renewal) {
	defer close(n.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewal = nil
	if n.err == nil {
		s.hold(n.token, n.fresh)
		return
	}
	if n.gone {
		s.held = nil
	}
	if s.endLocked(n.err) || s.ended != nil {
		n.err = rejectedByAPI(n.err)
	}
	s.failures++
	s.failure, s.retryAt = n.err, time.Now().Add(pauseAfter(n.err, s.failures))
}

// pauseAfter returns how long to wait after a failed renewal. The pause doubles with each failure, and a random part
// keeps many processes apart. It stays short if the user must sign in again, because then no request is sent.
func pauseAfter(err error, failures int) time.Duration {
	pause, requested := minPause, time.Duration(0)
	if !errors.Is(err, ErrNoToken) {
		pause = min(minPause<<min(failures-1, 10), maxPause)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		requested = min(e.RetryAfter, fetch.MaxRetryAfter) // a Grant may return any value
	}
	return max(pause+rand.N(pause/5), requested) //nolint:gosec // G404: the value is not a secret
}

// hold makes t the current token and chooses when to refresh it. From here on its age is measured on both clocks, so that
// neither a sleep of the machine nor a clock that is set back extends its lifetime.
func (s *TokenSource) hold(t *Token, fresh bool) {
	s.held, s.since = t, clock.Now()
	s.failure, s.failures = nil, 0
	s.rejection, s.ended = notRejected, nil
	s.lifetime, s.expires = t.remaining()
	if fresh {
		s.lifetime = max(s.lifetime, minLifetime)
	}
	early := s.early + rand.N(s.early) //nolint:gosec // G404: the value is not a secret
	s.renewAfter = s.lifetime - min(early, max(s.lifetime/2, 0))
}

// Format implements [fmt.Formatter]. For every verb, it omits the tokens.
func (s *TokenSource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.TokenSource{}") }

// LogValue implements [slog.LogValuer]. It omits the tokens.
func (s *TokenSource) LogValue() slog.Value { return slog.StringValue("client.TokenSource{}") }
