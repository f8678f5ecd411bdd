package client

import (
	"context"
	"errors"
	"fmt"
)

// adopt stores t, the token of a new sign-in with these scopes, and makes it the current token. A source from ForResource
// uses the refresh token of t at once to get its own token. adopt waits for a renewal that is in progress, and callers of the
// source wait for adopt, so that neither overwrites the token of the other.
func (s *TokenSource) adopt(ctx context.Context, t *Token, scopes []string) error {
	if err := s.client.checkOwner(t, "the token of the new sign-in"); err != nil {
		return err
	}
	n := &renewal{done: make(chan struct{}), outcome: outcome{err: errPanic}}
	for !s.begin(n) {
		if err := s.settled(ctx); err != nil {
			return err
		}
	}
	go func() {
		defer s.finish(n)
		defer func() { _ = recover() }() // a panic here would end the process; callers get errPanic
		n.outcome = s.renewer.adopt(context.WithoutCancel(ctx), t, scopes)
	}()
	if _, err := n.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requested = union(s.requested, scopes)
	return nil
}

// scopesWith returns the scopes to request in a new sign-in: those of all earlier sign-ins, those of t, and more.
func (s *TokenSource) scopesWith(t *Token, more []string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return union(s.requested, t.Scopes, more)
}

// begin makes n the renewal in progress. It does nothing and returns false if another renewal is in progress.
func (s *TokenSource) begin(n *renewal) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.renewal != nil {
		return false
	}
	s.renewal = n
	return true
}

// settled waits until the renewal in progress has ended. It ignores its outcome.
func (s *TokenSource) settled(ctx context.Context) error {
	s.mu.Lock()
	n := s.renewal
	s.mu.Unlock()
	if n == nil {
		return nil
	}
	select {
	case <-n.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("client: waiting for a token: %w", ctx.Err())
	}
}

// adopt stores t in place of the last token. Later calls of Grant also request the scopes of the sign-in. Refreshes do so if
// they request scopes at all.
func (r *renewer) adopt(ctx context.Context, t *Token, scopes []string) outcome {
	unlock, err := r.lock(ctx)
	if err != nil {
		return outcome{err: err}
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	r.unsaved, r.replaces, r.onTokenFailed = r.client.owned(t), nil, false
	for _, step := range []func(context.Context) error{r.reload, r.store} {
		if err := step(ctx); err != nil {
			return outcome{err: err}
		}
	}
	r.refused, r.refusal = nil, nil
	if r.scopes != nil {
		r.scopes = union(r.scopes, scopes)
	}
	if r.cfg.Grant != nil {
		r.cfg.Scopes = union(r.cfg.Scopes, scopes)
	}
	if r.resource == nil {
		return outcome{token: r.last, fresh: true}
	}
	token, err := r.refresh(ctx)
	if errors.Is(err, ErrNoToken) && r.last.RefreshToken == "" {
		err = errors.New("client: TokenSource.ForResource needs a refresh token, and the token of the new sign-in has none")
	}
	return outcome{token: token, fresh: true, err: err}
}
