package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// renewer gets the next token for a [TokenSource], as the only one here and, if the store can lock, anywhere. One flight at
// a time uses it.
type renewer struct {
	client *Client
	cfg    TokenSourceConfig

	last     *Token // what is known best, as it is in the store; nil: nothing
	refused  *Token // whose refresh token the server does not take any more, and
	refusal  error  // what it said
	unsaved  *Token // is not stored yet
	replaces *Token // what unsaved takes the place of; nil: whatever is there
	untold   bool   // nor has Config.OnToken taken it
}

func newRenewer(c *Client, cfg TokenSourceConfig) *renewer {
	r := &renewer{client: c, cfg: cfg}
	switch {
	case cfg.Token != nil && cfg.Store != nil:
		r.unsaved = cfg.Token.clone()
	case cfg.Token != nil:
		r.last = cfg.Token.clone()
	}
	r.cfg.Token = nil
	return r
}

// limit bounds one renewal: two requests to the token endpoint, and what else it takes to verify what comes.
func (r *renewer) limit() time.Duration { return 4*r.client.cfg.Timeout + 10*time.Second }

// renew gets a token in place of old. fresh: it is from the server. The wait for the lock takes nothing of the time for
// that.
func (r *renewer) renew(ctx context.Context, old *Token, force bool) (t *Token, fresh bool, err error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	for _, step := range []func(context.Context) error{r.reload, r.store, r.tell} {
		if err := step(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.adoptable(old, force) {
		return r.last, false, nil
	}
	t, fresh, err = r.next(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: it took too long: %w", ErrUnavailable, err)
	}
	return t, fresh, err
}

func (r *renewer) lock(ctx context.Context) (unlock func(), err error) {
	locker, ok := r.cfg.Store.(TokenLocker)
	if !ok {
		return func() {}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	unlock, err = locker.Lock(ctx, r.cfg.Key)
	switch {
	case err == nil:
		return unlock, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%w: another refreshes the token: %w", ErrUnavailable, err)
	}
	return nil, fmt.Errorf("client: TokenSource: %w", err)
}

// reload has the store's word for what the last token is. What came here and could not be stored yields to what somebody
// else has stored since; a new sign-in does not.
func (r *renewer) reload(ctx context.Context) error {
	if r.cfg.Store == nil || r.unsaved != nil && r.replaces == nil {
		return nil
	}
	stored, err := r.cfg.Store.Load(ctx, r.cfg.Key)
	switch {
	case errors.Is(err, ErrNoToken):
		stored = nil
	case err != nil:
		return fmt.Errorf("client: TokenSource: %w", err)
	case stored == nil:
		return errors.New("client: TokenSource: the store returned nothing")
	default:
		stored = stored.clone()
	}
	if same(stored, r.last) { // which may say more than can be stored
		return nil
	}
	r.last, r.unsaved, r.replaces, r.untold = stored, nil, nil, false
	return nil
}

func same(a, b *Token) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// adoptable reports whether the last token can be used in place of old. One that ends right away is left alone.
func (r *renewer) adoptable(old *Token, force bool) bool {
	switch t := r.last; {
	case t == nil, t.AccessToken == "", old == nil && force, old != nil && t.AccessToken == old.AccessToken:
		return false
	default:
		return t.Expiry.IsZero() || time.Until(t.Expiry) > min(r.cfg.Early, renewAgain)
	}
}

// next is the token after the last one.
func (r *renewer) next(ctx context.Context) (t *Token, fresh bool, err error) {
	before := r.last
	err = r.refresh(ctx)
	switch {
	case err == nil:
		return r.last, true, nil
	case isIncomplete(err):
		return nil, false, err
	case errors.Is(err, ErrInvalidGrant):
		if r.reload(ctx) == nil && r.adoptable(before, false) { // somebody without a lock was faster
			return r.last, false, nil
		}
		r.refused, r.refusal = before, err
	case !errors.Is(err, ErrNoToken):
		return nil, false, err
	}
	if r.cfg.Grant == nil {
		return nil, false, err
	}
	err = r.grant(ctx)
	return r.last, true, err
}

func isIncomplete(err error) bool {
	_, ok := errors.AsType[*IncompleteError](err)
	return ok
}

// refresh makes a last token of the one before.
func (r *renewer) refresh(ctx context.Context) error {
	last := r.last
	switch {
	case last == nil || last.RefreshToken == "":
		return ErrNoToken
	case r.refused != nil && r.refused.RefreshToken == last.RefreshToken:
		return r.refusal
	}
	for _, scope := range r.cfg.Scopes {
		if last.Scopes != nil && !slices.Contains(last.Scopes, scope) { // RFC 6749 §6
			return errors.New("client: TokenSourceConfig.Scopes has one that was not granted")
		}
	}
	t, err := r.client.refresh(ctx, last, r.cfg.Scopes)
	if incomplete, ok := errors.AsType[*IncompleteError](err); ok && !incomplete.untold {
		return r.doubt(ctx, last, incomplete)
	}
	return r.receive(ctx, t, err)
}

// doubt keeps the refresh token of an answer that is not to be used. Whoever it is about, the ID token before says whom it
// must be about.
func (r *renewer) doubt(ctx context.Context, last *Token, fault *IncompleteError) error {
	t := last.clone()
	t.AccessToken, t.Expiry = "", time.Now().Add(-time.Second)
	t.RefreshToken = fault.Token.RefreshToken // the last one, if none came
	r.unsaved, r.replaces = t, last
	if err := r.store(ctx); err != nil {
		return &IncompleteError{Token: fault.Token, Err: errors.Join(fault.Err, err)}
	}
	return fault
}

// grant begins anew. What comes with a fault goes to the caller alone: nothing says whom a refresh of it must be about.
func (r *renewer) grant(ctx context.Context) error {
	t, err := r.cfg.Grant(ctx, slices.Clone(r.cfg.Scopes)...)
	if err == nil && (t == nil || t.AccessToken == "") {
		return errors.New("client: TokenSourceConfig.Grant returned no token")
	}
	return r.receive(ctx, t, err)
}

// receive stores what came, before anybody gets it.
func (r *renewer) receive(ctx context.Context, t *Token, fault error) error {
	if incomplete, ok := errors.AsType[*IncompleteError](fault); ok && incomplete.untold {
		t, r.untold = incomplete.Token, true
	} else if fault != nil {
		return fault
	}
	r.unsaved, r.replaces = t.clone(), r.last
	return cmp.Or(r.store(ctx), fault)
}

// store puts a token into the store that is not there yet. It has a time of its own: what is left of another's may be too
// short.
func (r *renewer) store(ctx context.Context) error {
	if r.unsaved == nil {
		return nil
	}
	if r.cfg.Store != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.client.cfg.Timeout)
		defer cancel()
		if err := r.cfg.Store.Save(ctx, r.cfg.Key, r.unsaved.clone()); err != nil {
			return &IncompleteError{Token: r.unsaved.clone(), Err: fmt.Errorf("client: TokenSource: %w", err)}
		}
	}
	r.last, r.unsaved, r.replaces = r.unsaved, nil, nil
	return nil
}

// tell has Config.OnToken take what it did not take when it came.
func (r *renewer) tell(ctx context.Context) error {
	if !r.untold {
		return nil
	}
	if err := r.client.cfg.OnToken(ctx, r.last.clone()); err != nil {
		return &IncompleteError{Token: r.last.clone(), Err: err, untold: true}
	}
	r.untold = false
	return nil
}
