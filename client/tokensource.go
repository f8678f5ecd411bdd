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
)

// TokenSourceConfig says where a [TokenSource] has its tokens from. One of Token, Store and Grant is required.
type TokenSourceConfig struct {
	// Token is the first token, of a new sign-in: it replaces what Store has. It may be a refresh token alone. Nil: that of
	// Store, or what Grant gets.
	Token *Token

	// Store keeps the token, under Key, before it is handed out; what another process has put there is adopted, and when it
	// is deleted there, that is [ErrNoToken]. Nil: the token is kept in memory alone, and Config.OnToken is what can keep it.
	Store TokenStore
	Key   string

	// Grant gets a token when there is none, or none that can be refreshed. It is called with Scopes. Its type is that of
	// the Client's own methods, so that a method value fits: Grant: c.ClientCredentials. Nil means that the source returns
	// [ErrNoToken] instead.
	Grant func(ctx context.Context, scopes ...string) (*Token, error)

	// Scopes are requested from Grant and at each refresh. A refresh may request fewer scopes than were granted, never more
	// (RFC 6749, Section 6). Nil means the default of Grant, and at a refresh all scopes that were granted.
	Scopes []string

	// Early is how long before its end a token is refreshed. It is between once and twice as long, by chance, so that many
	// processes do not come at once, and never more than half of what is left. Zero: 30 s.
	Early time.Duration
}

const (
	defaultEarly = 30 * time.Second
	maxEarly     = 24 * time.Hour
	leastLife    = time.Second      // of a new token, whatever its server says: no more refreshes than that
	renewAgain   = 5 * time.Second  // after a failure, unless the server asks for more
	maxRenewal   = time.Minute      // between two attempts, likewise
	believeAgain = 30 * time.Second // after an API has not taken a token
)

// TokenSource has a token that is good, and refreshes it once for all who wait. It is an [oauth2.TokenSource]. It is safe
// for concurrent use.
//
// While its token is good nobody waits: the refresh runs beside. A server that cannot be reached is noticed when the token
// has ended; it is asked again after 5 s at the earliest, and after longer and longer, up to a minute. A refresh token that
// the server has refused (invalid_grant) is not sent again: what helps is a new one in the store.
//
// What a refresh has brought is never lost. If it cannot be stored, it is kept, not handed out, and stored later. If the ID
// token with it is not good, nobody gets the access token; the refresh token is stored, as a Token without an access token,
// and the next refresh must bring an ID token of the same person.
//
// One moment is left: a process that ends after the server has answered and before the store has the token takes the
// refresh token with it. The one that is stored has been used then, and a server that rotates refresh tokens may refuse it:
// the user signs in again.
type TokenSource struct {
	client *Client
	early  time.Duration

	mu        sync.Mutex // guards what follows
	held      *Token     // nil: none yet
	end       time.Time  // of held; zero: nobody knows
	renewAt   time.Time  // before end; zero: never
	failure   error      // of the last renewal; it stands until retryAt
	failures  int        // in a row
	retryAt   time.Time
	believeAt time.Time // when an API's word is taken again
	flight    *flight   // nil: nothing is on its way

	renewer *renewer // belongs to the flight
}

// flight is a token on its way. What it brings is set before done is closed.
type flight struct {
	done  chan struct{}
	token *Token
	fresh bool // it is from the server, and not from the store
	err   error
}

// TokenSource makes a source of tokens. It does no I/O.
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
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	cfg.Early = min(cmp.Or(cfg.Early, defaultEarly), maxEarly)
	cfg.Scopes = slices.Clone(cfg.Scopes)
	s := &TokenSource{client: c, early: cfg.Early, renewer: newRenewer(c, cfg)}
	if cfg.Token != nil && cfg.Store == nil {
		s.hold(cfg.Token.clone(), false)
	}
	return s, nil
}

// Token is [TokenSource.TokenContext] for code that uses golang.org/x/oauth2, which knows no context. Do not let that code
// refresh the token: here it is done already.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	t, err := s.token(context.Background())
	if err != nil {
		return nil, err
	}
	return t.OAuth2(), nil
}

// TokenContext returns a token that is good. ctx bounds the wait; the refresh itself goes on for others. An error that
// matches [ErrInvalidGrant] or [ErrNoToken] says that the user must sign in again, one that matches [ErrUnavailable] that
// it may help to wait.
func (s *TokenSource) TokenContext(ctx context.Context) (*Token, error) {
	t, err := s.token(ctx)
	if err != nil {
		return nil, err
	}
	return t.clone(), nil
}

// Refresh gets the next token now, from the server or from another process that was faster, and does otherwise what
// [TokenSource.TokenContext] does. After a failure the source keeps its pause.
func (s *TokenSource) Refresh(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	f, err := s.startLocked(ctx, s.held, true)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	t, err := f.wait(ctx)
	if err != nil {
		return nil, err
	}
	return t.clone(), nil
}

// token returns what nobody may change.
func (s *TokenSource) token(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	now, held := time.Now(), s.held
	good := held != nil && held.AccessToken != "" && (s.end.IsZero() || now.Before(s.end))
	if good && (s.renewAt.IsZero() || now.Before(s.renewAt)) {
		s.mu.Unlock()
		return held, nil
	}
	f, err := s.startLocked(ctx, held, false)
	s.mu.Unlock()
	switch {
	case good:
		return held, nil
	case err != nil:
		return nil, err
	}
	return f.wait(ctx)
}

// errOften says that an API has refused a token, too soon after the last one.
var errOften = errors.New("client: an API does not take new tokens either")

// Err returns the error of the last attempt to get a token, or nil if it succeeded or there was none. It sends no request. A
// refresh that runs while the old token is still good reports its failure only here.
func (s *TokenSource) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// after returns a token that is not rejected, which an API would not have. An API that refuses whatever it gets causes no
// more than one refresh in 30 s.
func (s *TokenSource) after(ctx context.Context, rejected *Token) (*Token, error) {
	s.mu.Lock()
	if s.held != nil && s.held.AccessToken != rejected.AccessToken {
		s.mu.Unlock()
		return s.token(ctx)
	}
	if s.flight == nil && time.Now().Before(s.believeAt) {
		s.mu.Unlock()
		return nil, errOften
	}
	f, err := s.startLocked(ctx, rejected, true)
	if err == nil {
		s.believeAt = time.Now().Add(believeAgain)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return f.wait(ctx)
}

func (f *flight) wait(ctx context.Context) (*Token, error) {
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
	}
	select {
	case <-f.done: // at the same time
		return f.token, f.err
	default:
		return nil, fmt.Errorf("client: waiting for a token: %w", ctx.Err())
	}
}

var errPanic = errors.New("client: TokenSource: Grant, Store or OnToken panicked")

// startLocked joins the flight that is on its way, or starts one, in place of old, unless the last one failed a moment ago.
// Whoever started it may go away. With force a token that is good is refreshed as well.
func (s *TokenSource) startLocked(ctx context.Context, old *Token, force bool) (*flight, error) {
	switch {
	case s.flight != nil:
		return s.flight, nil
	case s.failure != nil && time.Now().Before(s.retryAt):
		return nil, s.failure
	}
	f := &flight{done: make(chan struct{}), err: errPanic}
	s.flight = f
	ctx = context.WithoutCancel(ctx)
	go func() {
		defer s.land(f)
		defer func() { _ = recover() }() // it would end the process; errPanic stands
		f.token, f.fresh, f.err = s.renewer.renew(ctx, old, force)
	}()
	return f, nil
}

func (s *TokenSource) land(f *flight) {
	defer close(f.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if f.err == nil {
		s.hold(f.token, f.fresh)
		return
	}
	if s.renewer.last == nil { // somebody has signed out
		s.held = nil
	}
	s.failures++
	s.failure, s.retryAt = f.err, time.Now().Add(pauseAfter(f.err, s.failures))
}

// pauseAfter is twice as long each time, and somewhat more by chance. Where only the user can help it stays short, since no
// server is asked then.
func pauseAfter(err error, failures int) time.Duration {
	pause, asked := renewAgain, time.Duration(0)
	if !errors.Is(err, ErrInvalidGrant) && !errors.Is(err, ErrNoToken) {
		pause = min(renewAgain<<min(failures-1, 10), maxRenewal)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		asked = e.RetryAfter
	}
	return max(pause+rand.N(pause/5), asked) //nolint:gosec // G404: it hides nothing
}

// hold takes a token and draws when to refresh it.
func (s *TokenSource) hold(t *Token, fresh bool) {
	s.held, s.end, s.renewAt = t, t.Expiry, time.Time{}
	s.failure, s.failures = nil, 0
	if t.Expiry.IsZero() {
		return
	}
	if least := time.Now().Add(leastLife); fresh && s.end.Before(least) {
		s.end = least
	}
	early := s.early + rand.N(s.early) //nolint:gosec // G404: it hides nothing
	s.renewAt = s.end.Add(-min(early, max(time.Until(s.end)/2, 0)))
}

// Format leaves the tokens out, whatever the verb.
func (s *TokenSource) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "client.TokenSource{}") }

// LogValue leaves the tokens out.
func (s *TokenSource) LogValue() slog.Value { return slog.StringValue("client.TokenSource{}") }
