package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

// TokenSourceConfig says where a [TokenSource] has its tokens from. One of Token, Store and Grant is required.
type TokenSourceConfig struct {
	// Token is the first token, of a new sign-in: it replaces what Store has. Nil: that of Store, or what Grant gets.
	Token *Token

	// Store keeps the token, under Key, before it is handed out; what another process has put there is adopted. Nil: the
	// token is kept in memory alone, and Config.OnToken is what can keep it.
	Store TokenStore
	Key   string

	// Grant gets a token where there is none to refresh, as [Client.ClientCredentials] does. Nil: that is [ErrNoToken].
	Grant func(ctx context.Context) (*Token, error)

	// Scopes are asked for at each refresh. They may be fewer than what was granted, and never more. Nil: all of it.
	Scopes []string

	// Early is how long before its end a token is refreshed. It is between once and twice as long, by chance, so that many
	// processes do not come at once, and never more than half of what is left. Zero: 30 s.
	Early time.Duration
}

const (
	defaultEarly = 30 * time.Second
	renewAgain   = 5 * time.Second // after a failure, unless the server asks for more
)

// TokenSource has a token that is good, and refreshes it once for all who wait. It is an [oauth2.TokenSource]. It is safe
// for concurrent use.
//
// While its token is good nobody waits: the refresh runs beside. A server that cannot be reached is noticed when the token
// has ended; it is asked again after 5 s at the earliest. What a refresh has brought is never lost: if it cannot be stored,
// it is kept, not handed out, and stored then.
type TokenSource struct {
	client *Client
	cfg    TokenSourceConfig

	mu      sync.Mutex // guards what follows
	held    *Token     // nil: none yet
	renewAt time.Time  // zero: at its end, which nobody knows
	failure error      // of the last renewal; it stands until renewAt
	flight  *renewal   // nil: nothing is on its way
	unsaved *Token     // is not stored yet
}

// renewal is a token on its way. token and err are set before done is closed.
type renewal struct {
	done  chan struct{}
	token *Token
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
	cfg.Early = cmp.Or(cfg.Early, defaultEarly)
	cfg.Scopes = slices.Clone(cfg.Scopes)
	s := &TokenSource{client: c, cfg: cfg}
	switch {
	case cfg.Token != nil && cfg.Store != nil:
		s.unsaved = cfg.Token
	case cfg.Token != nil:
		s.hold(cfg.Token)
	}
	return s, nil
}

// Token is [TokenSource.TokenContext] for code that uses golang.org/x/oauth2, which knows no context.
func (s *TokenSource) Token() (*oauth2.Token, error) {
	t, err := s.TokenContext(context.Background())
	if err != nil {
		return nil, err
	}
	return t.OAuth2(), nil
}

// TokenContext returns a token that is good, which the caller does not change. ctx bounds the wait; the refresh itself
// goes on for others. An error that matches [ErrInvalidGrant] or [ErrNoToken] says that the user must sign in again, one
// that matches [ErrUnavailable] that it may help to wait.
func (s *TokenSource) TokenContext(ctx context.Context) (*Token, error) {
	s.mu.Lock()
	now := time.Now()
	held, good := s.held, s.held != nil && (s.held.Expiry.IsZero() || now.Before(s.held.Expiry))
	early := s.renewAt.IsZero() || now.Before(s.renewAt)
	switch failure := s.failure; {
	case good && early:
		s.mu.Unlock()
		return held, nil
	case failure != nil && early && s.flight == nil:
		s.mu.Unlock()
		return nil, failure
	}
	flight := s.startLocked(ctx, held)
	s.mu.Unlock()
	if good {
		return held, nil
	}
	return flight.wait(ctx)
}

// Refresh gets the next token now, and does otherwise what [TokenSource.TokenContext] does.
func (s *TokenSource) Refresh(ctx context.Context) (*Token, error) {
	t, err := s.TokenContext(ctx)
	if err != nil {
		return nil, err
	}
	return s.after(ctx, t)
}

// after returns a token that is not rejected, which an API would not have.
func (s *TokenSource) after(ctx context.Context, rejected *Token) (*Token, error) {
	s.mu.Lock()
	if held := s.held; held != nil && held.AccessToken != rejected.AccessToken {
		s.mu.Unlock()
		return s.TokenContext(ctx)
	}
	if s.failure != nil && time.Now().Before(s.renewAt) && s.flight == nil {
		failure := s.failure
		s.mu.Unlock()
		return nil, failure
	}
	flight := s.startLocked(ctx, rejected)
	s.mu.Unlock()
	return flight.wait(ctx)
}

func (r *renewal) wait(ctx context.Context) (*Token, error) {
	select {
	case <-r.done:
		return r.token, r.err
	case <-ctx.Done():
		return nil, fmt.Errorf("client: waiting for a token: %w", ctx.Err())
	}
}

// startLocked joins the renewal that is on its way, or starts one, in place of old. Whoever started it may go away.
func (s *TokenSource) startLocked(ctx context.Context, old *Token) *renewal {
	if s.flight != nil {
		return s.flight
	}
	flight := &renewal{done: make(chan struct{})}
	s.flight = flight
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), renewFor(s.client.cfg.Timeout))
	go func() {
		defer cancel()
		flight.token, flight.err = s.renew(ctx, old)
		s.landed(flight)
		close(flight.done)
	}()
	return flight
}

// renewFor has room for a lock that another process holds for one request, and two of one's own.
func renewFor(timeout time.Duration) time.Duration { return 4 * timeout }

func (s *TokenSource) landed(flight *renewal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.flight = nil
	if flight.err == nil {
		s.hold(flight.token)
		return
	}
	s.failure, s.renewAt = flight.err, time.Now().Add(max(renewAgain, retryAfter(flight.err)))
}

func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// hold takes a token and draws when to refresh it.
func (s *TokenSource) hold(t *Token) {
	s.held, s.renewAt, s.failure = t, time.Time{}, nil
	if t.Expiry.IsZero() {
		return
	}
	early := s.cfg.Early + rand.N(s.cfg.Early) //nolint:gosec // G404: it hides nothing
	s.renewAt = t.Expiry.Add(-min(early, max(time.Until(t.Expiry)/2, 0)))
}

// renew gets a token in place of old, as the only one here and, if the store can lock, anywhere.
func (s *TokenSource) renew(ctx context.Context, old *Token) (*Token, error) {
	if locker, ok := s.cfg.Store.(TokenLocker); ok {
		unlock, err := locker.Lock(ctx, s.cfg.Key)
		if err != nil {
			return nil, err
		}
		defer unlock()
	}
	if unsaved := s.takeUnsaved(); unsaved != nil {
		t, err := s.keep(ctx, unsaved, nil)
		if err != nil || s.usable(t) {
			return t, err
		}
		old = t
	}
	last, err := s.latest(ctx, old)
	switch {
	case err != nil:
		return nil, err
	case last != old && s.usable(last):
		return last, nil
	}
	t, err := s.next(ctx, last)
	if !errors.Is(err, ErrInvalidGrant) {
		return s.keep(ctx, t, err)
	}
	again, loadErr := s.latest(ctx, last) // somebody without a lock may have been faster
	switch {
	case loadErr == nil && again != last && s.usable(again):
		return again, nil
	case s.cfg.Grant != nil:
		t, err = s.cfg.Grant(ctx)
		return s.keep(ctx, t, err)
	}
	return nil, err
}

// latest is what the store has, if that is not what is known already.
func (s *TokenSource) latest(ctx context.Context, known *Token) (*Token, error) {
	if s.cfg.Store == nil {
		return known, nil
	}
	stored, err := s.cfg.Store.Load(ctx, s.cfg.Key)
	switch {
	case errors.Is(err, ErrNoToken):
		return known, nil
	case err != nil:
		return nil, fmt.Errorf("client: TokenSource: %w", err)
	case known != nil && stored.AccessToken == known.AccessToken && stored.RefreshToken == known.RefreshToken:
		return known, nil
	}
	return stored, nil
}

// usable leaves a token alone that ends right away.
func (s *TokenSource) usable(t *Token) bool {
	return t.Expiry.IsZero() || time.Until(t.Expiry) > min(s.cfg.Early, renewAgain)
}

// next is the token after last, which is nil if there was none.
func (s *TokenSource) next(ctx context.Context, last *Token) (*Token, error) {
	switch {
	case last != nil && last.RefreshToken != "":
		for _, scope := range s.cfg.Scopes {
			if last.Scopes != nil && !slices.Contains(last.Scopes, scope) { // RFC 6749 §6
				return nil, errors.New("client: TokenSourceConfig.Scopes has one that was not granted")
			}
		}
		return s.client.refresh(ctx, last, s.cfg.Scopes)
	case s.cfg.Grant != nil:
		return s.cfg.Grant(ctx)
	}
	return nil, ErrNoToken
}

// keep stores what was received before anybody gets it. A token that came with a fault is stored as one that has ended:
// nobody uses it, and its refresh token is not lost.
func (s *TokenSource) keep(ctx context.Context, t *Token, fault error) (*Token, error) {
	if incomplete, ok := errors.AsType[*IncompleteError](fault); ok {
		ended := *incomplete.Token
		ended.Expiry = time.Now().Add(-time.Second)
		t = &ended
	} else if fault != nil {
		return nil, fault
	}
	if s.cfg.Store != nil {
		if err := s.cfg.Store.Save(ctx, s.cfg.Key, t); err != nil {
			s.keepUnsaved(t)
			return nil, errors.Join(fault, &IncompleteError{Token: t, Err: err})
		}
	}
	if fault != nil {
		s.keepFaulty(t)
		return nil, fault
	}
	return t, nil
}

func (s *TokenSource) takeUnsaved() *Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.unsaved
	s.unsaved = nil
	return t
}

func (s *TokenSource) keepUnsaved(t *Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsaved = t
}

// keepFaulty has the next renewal begin with the refresh token of t.
func (s *TokenSource) keepFaulty(t *Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = t
}
