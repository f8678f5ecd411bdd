package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// sharedGrant is what the token sources of one refresh token share: the newest token, as it is stored, and the access to the
// store. Only the renewer that has its lock may use it. See [TokenSource.ForResource].
type sharedGrant struct {
	client *Client
	cfg    TokenSourceConfig // without Token
	busy   chan struct{}     // has an element while a renewer of this process has the lock

	last          *Token // the newest token, as the store has it; nil if there is none
	unsaved       *Token // a token that is yet to be stored; nil if there is none
	replaces      *Token // the stored token that unsaved replaces; nil means whatever is stored
	onTokenFailed bool   // last is yet to be passed to Config.OnToken
}

// newSharedGrant returns a sharedGrant for cfg. With a Store, cfg.Token is saved by the first renewal.
func newSharedGrant(c *Client, cfg TokenSourceConfig) *sharedGrant {
	g := &sharedGrant{client: c, cfg: cfg, busy: make(chan struct{}, 1)}
	switch {
	case cfg.Token != nil && cfg.Store != nil:
		g.unsaved = c.owned(cfg.Token)
	case cfg.Token != nil:
		g.last = c.owned(cfg.Token)
	}
	g.cfg.Token = nil
	return g
}

// lock waits until no other source of this process uses the grant, and takes the lock of the store, if it has one.
func (g *sharedGrant) lock(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, g.limit())
	defer cancel()
	select {
	case g.busy <- struct{}{}:
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: another source uses the refresh token: %w", ErrUnavailable, ctx.Err())
	}
	release := func() { <-g.busy }
	locked := false
	defer func() {
		if !locked { // also if Lock panics
			release()
		}
	}()
	locker, ok := g.cfg.Store.(TokenLocker)
	if !ok {
		locked = true
		return release, nil
	}
	unlockStore, err := locker.Lock(ctx, g.cfg.Key)
	switch {
	case err == nil:
		locked = true
		return func() { defer release(); unlockStore() }, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: another process holds the lock of the token: %w", ErrUnavailable, err)
	}
	return nil, fmt.Errorf("client: TokenSource: %w", err)
}

// limit returns the time limit of one renewal. It has room for two requests to the token endpoint, and for those that verify
// an ID token: metadata, keys and user information.
func (g *sharedGrant) limit() time.Duration { return 4*g.client.cfg.Timeout + 10*time.Second }

// reload reads the store. The stored token replaces last. It also replaces a token that this source could not store, because
// another process has saved a newer one since then. It does not replace the token of a new sign-in.
func (g *sharedGrant) reload(ctx context.Context) error {
	if g.cfg.Store == nil {
		return nil
	}
	stored, err := g.load(ctx)
	if g.unsaved != nil && g.replaces == nil { // a new sign-in
		return g.checkReplaced(stored, err)
	}
	if err != nil {
		return err
	}
	if stored != nil {
		if err := g.client.checkOwner(stored, storedToken); err != nil {
			return err
		}
		stored = g.client.owned(stored)
	}
	if same(stored, g.last) { // keep last, which may have claims that are not stored
		return nil
	}
	g.last, g.unsaved, g.replaces, g.onTokenFailed = stored, nil, nil, false
	return nil
}

const storedToken = "TokenSource: the token stored under TokenSourceConfig.Key"

// load returns the stored token, or nil if there is none.
func (g *sharedGrant) load(ctx context.Context) (*Token, error) {
	stored, err := g.cfg.Store.Load(ctx, g.cfg.Key)
	switch {
	case errors.Is(err, ErrNoToken):
		return nil, nil //nolint:nilnil // no token is not an error here
	case err != nil:
		return nil, fmt.Errorf("client: TokenSource: %w", err)
	case stored == nil:
		return nil, errors.New("client: TokenSource: Store.Load returned neither a token nor an error")
	}
	return stored, nil
}

// checkReplaced returns an error if a new sign-in would replace the token of another client. A stored token that cannot be
// read may be replaced, because nothing else makes the store usable again.
func (g *sharedGrant) checkReplaced(stored *Token, loadErr error) error {
	if loadErr != nil || stored == nil {
		return nil //nolint:nilerr // see above
	}
	return g.client.checkOwner(stored, storedToken)
}

// same reports whether a and b are the same token. Both may be nil.
func same(a, b *Token) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// grant replaces last by a token from Grant. If Grant returns an IncompleteError, only the caller gets its token. That token
// is not stored, because a later refresh could not be compared with a verified user.
func (g *sharedGrant) grant(ctx context.Context) error {
	t, err := g.cfg.Grant(ctx, slices.Clone(g.cfg.Scopes)...)
	if err == nil && (t == nil || t.AccessToken == "") {
		return errors.New("client: TokenSourceConfig.Grant returned neither an access token nor an error")
	}
	if err == nil {
		if err := g.client.checkOwner(t, "the token that TokenSourceConfig.Grant returned"); err != nil {
			return err
		}
	}
	return g.receive(ctx, t, err)
}

// receive stores a new token, before any caller gets it.
func (g *sharedGrant) receive(ctx context.Context, t *Token, fault error) error {
	if incomplete, ok := errors.AsType[*IncompleteError](fault); ok && incomplete.onTokenFailed {
		t, g.onTokenFailed = incomplete.Token, true // valid, except that OnToken returned an error
	} else if fault != nil {
		return fault
	}
	g.unsaved, g.replaces = g.client.owned(t), g.last
	return cmp.Or(g.store(ctx), fault)
}

// store saves unsaved, if there is one, and makes it last. It has a time limit of its own. Otherwise a slow request could
// use up the time limit of the renewal, and the token would be lost.
func (g *sharedGrant) store(ctx context.Context) error {
	if g.unsaved == nil {
		return nil
	}
	if g.cfg.Store != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.client.cfg.Timeout)
		defer cancel()
		if err := g.cfg.Store.Save(ctx, g.cfg.Key, g.unsaved.clone()); err != nil {
			return &IncompleteError{Token: g.unsaved.clone(), Err: fmt.Errorf("client: TokenSource: %w", err)}
		}
	}
	g.last, g.unsaved, g.replaces = g.unsaved, nil, nil
	return nil
}

// retryOnToken calls Config.OnToken again for a token that it did not accept.
func (g *sharedGrant) retryOnToken(ctx context.Context) error {
	if !g.onTokenFailed {
		return nil
	}
	if err := g.client.cfg.OnToken(ctx, g.last.clone()); err != nil {
		return &IncompleteError{Token: g.last.clone(), Err: err, onTokenFailed: true}
	}
	g.onTokenFailed = false
	return nil
}
