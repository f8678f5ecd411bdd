package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// renewer gets the next token for a [TokenSource]. A renewal has these steps:
//
//  1. lock: take the lock of the store, if it has one
//  2. reload: read the store: another process may have saved a newer token, or deleted it
//  3. store: save a token that could not be saved the last time
//  4. retryOnToken: call Config.OnToken again, if it returned an error the last time
//  5. next: send the refresh token, or call Grant, unless reload found a token that can be used
//
// Whatever step 5 receives is saved before the caller gets it. If the store has locks, only one renewer of all processes
// works at a time. It is not safe for concurrent use; a TokenSource runs one renewal at a time.
type renewer struct {
	client *Client
	cfg    TokenSourceConfig

	last          *Token // the newest token, as the store has it; nil if there is none
	rejected      *Token // the token whose refresh token the server rejected
	refusal       error  // the error for rejected
	unsaved       *Token // a token that is yet to be stored; nil if there is none
	replaces      *Token // the stored token that unsaved replaces; nil means whatever is stored
	onTokenFailed bool   // last is yet to be passed to Config.OnToken
}

func newRenewer(c *Client, cfg TokenSourceConfig) *renewer {
	r := &renewer{client: c, cfg: cfg}
	switch {
	case cfg.Token != nil && cfg.Store != nil:
		r.unsaved = c.owned(cfg.Token)
	case cfg.Token != nil:
		r.last = c.owned(cfg.Token)
	}
	r.cfg.Token = nil
	return r
}

// limit returns the time limit of one renewal. It has room for two requests to the token endpoint, and for those that verify
// an ID token: metadata, keys and user information.
func (r *renewer) limit() time.Duration { return 4*r.client.cfg.Timeout + 10*time.Second }

// renew returns a token that replaces old. fresh reports whether it comes from the server. The time that it waits for the
// lock does not count against the time limit of the requests.
func (r *renewer) renew(ctx context.Context, old *Token, force bool) (t *Token, fresh bool, err error) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	for _, step := range []func(context.Context) error{r.reload, r.store, r.retryOnToken} {
		if err := step(ctx); err != nil {
			return nil, false, err
		}
	}
	if r.adoptable(old, force) {
		return r.last, false, nil
	}
	t, fresh, err = r.next(ctx)
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("%w: the renewal exceeded its time limit: %w", ErrUnavailable, err)
	}
	return t, fresh, err
}

// lock takes the lock of the store, if it has one.
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
		return nil, fmt.Errorf("%w: another process holds the lock of the token: %w", ErrUnavailable, err)
	}
	return nil, fmt.Errorf("client: TokenSource: %w", err)
}

// reload reads the store. The stored token replaces last, and also a token that this source could not store: another
// process has saved a newer one since. It does not replace the token of a new sign-in.
func (r *renewer) reload(ctx context.Context) error {
	if r.cfg.Store == nil {
		return nil
	}
	stored, err := r.load(ctx)
	if r.unsaved != nil && r.replaces == nil { // a new sign-in
		return r.checkReplaced(stored, err)
	}
	if err != nil {
		return err
	}
	if stored != nil {
		if err := r.client.checkOwner(stored, storedToken); err != nil {
			return err
		}
		stored = r.client.owned(stored)
	}
	if same(stored, r.last) { // keep last, which may have claims that are not stored
		return nil
	}
	r.last, r.unsaved, r.replaces, r.onTokenFailed = stored, nil, nil, false
	return nil
}

const storedToken = "TokenSource: the token stored under TokenSourceConfig.Key"

// load returns the stored token, or nil if there is none.
func (r *renewer) load(ctx context.Context) (*Token, error) {
	stored, err := r.cfg.Store.Load(ctx, r.cfg.Key)
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

// checkReplaced keeps a new sign-in from replacing the token of another client. A stored token that cannot be read is
// replaced, because nothing else makes the store usable again.
func (r *renewer) checkReplaced(stored *Token, loadErr error) error {
	if loadErr != nil || stored == nil {
		return nil //nolint:nilerr // see above
	}
	return r.client.checkOwner(stored, storedToken)
}

func same(a, b *Token) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.AccessToken == b.AccessToken && a.RefreshToken == b.RefreshToken
}

// adoptable reports whether last can replace old without a request. A token that is about to expire cannot.
func (r *renewer) adoptable(old *Token, force bool) bool {
	switch t := r.last; {
	case t == nil, t.AccessToken == "", old == nil && force, old != nil && t.AccessToken == old.AccessToken:
		return false
	default:
		left, known := t.remaining()
		return !known || left > min(r.cfg.Early, minPause)
	}
}

// next gets the token after last: by a refresh, or from Grant if there is no refresh token or the server rejected it.
func (r *renewer) next(ctx context.Context) (t *Token, fresh bool, err error) {
	before := r.last
	err = r.refresh(ctx)
	switch {
	case err == nil:
		return r.last, true, nil
	case isIncomplete(err):
		return nil, false, err
	case endsRefreshToken(err):
		if r.reload(ctx) == nil && r.adoptable(before, false) { // another process without a lock was faster
			return r.last, false, nil
		}
		err = fmt.Errorf("%w: the refresh token was rejected: %w", ErrNoToken, err)
		r.rejected, r.refusal = before, err
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

// endsRefreshToken reports whether err is a definite rejection of a refresh token, so that sending it again is useless.
// The code for that is invalid_grant (RFC 6749, Section 5.2), but servers also send other codes, or no code at all.
//
// Two kinds of errors are not definite: those about the client's own authentication, including its DPoP proof, since the
// same refresh token works once they are corrected; and those that allow a retry, such as the page of a rate limiter that has
// a Retry-After header and no OAuth error code.
func endsRefreshToken(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch ErrorCode(e.Code) {
	case ErrInvalidGrant, ErrInvalidToken:
		return true
	case ErrInvalidClient, ErrUseDPoPNonce, ErrInvalidDPoPProof, ErrSlowDown:
		return false
	default: // the status decides
	}
	switch e.Status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired,
		http.StatusRequestTimeout, http.StatusMisdirectedRequest, http.StatusTooEarly, http.StatusTooManyRequests:
		return false
	}
	if e.Code == "" {
		return e.Status/100 == 4 && e.RetryAfter == 0 && !e.Is(ErrUnavailable)
	}
	return (e.Status/100 == 4 || e.Status/100 == 2) && !e.Is(ErrUnavailable)
}

// refresh replaces last by a refresh.
func (r *renewer) refresh(ctx context.Context) error {
	last := r.last
	switch {
	case last == nil || last.RefreshToken == "":
		return ErrNoToken
	case r.rejected != nil && r.rejected.RefreshToken == last.RefreshToken:
		return r.refusal // do not send it again
	}
	for _, scope := range r.cfg.Scopes {
		if last.Scopes != nil && !slices.Contains(last.Scopes, scope) { // RFC 6749, Section 6
			return fmt.Errorf("client: TokenSourceConfig.Scopes: %q was not granted, so a refresh cannot request it", scope)
		}
	}
	t, err := r.client.refresh(ctx, last, r.cfg.Scopes)
	if incomplete, ok := errors.AsType[*IncompleteError](err); ok && !incomplete.onTokenFailed {
		return r.keepRefreshToken(ctx, last, incomplete)
	}
	return r.receive(ctx, t, err)
}

// keepRefreshToken handles a response that has a refresh token but cannot be used. The refresh token is stored without the
// access token, together with the ID token of last, so that the next refresh must be about the same user.
func (r *renewer) keepRefreshToken(ctx context.Context, last *Token, fault *IncompleteError) error {
	t := last.clone()
	t.AccessToken, t.Expiry = "", time.Now().Add(-time.Second)
	t.RefreshToken = fault.Token.RefreshToken // that of last, if the response had none
	r.unsaved, r.replaces = t, last
	if err := r.store(ctx); err != nil {
		return &IncompleteError{Token: fault.Token, Err: errors.Join(fault.Err, err)}
	}
	return fault
}

// grant replaces last by a token from Grant. If that returns an IncompleteError, only the caller gets its token. It is
// not stored, because a later refresh could not be checked against a known user.
func (r *renewer) grant(ctx context.Context) error {
	t, err := r.cfg.Grant(ctx, slices.Clone(r.cfg.Scopes)...)
	if err == nil && (t == nil || t.AccessToken == "") {
		return errors.New("client: TokenSourceConfig.Grant returned neither an access token nor an error")
	}
	if err == nil {
		if err := r.client.checkOwner(t, "the token that TokenSourceConfig.Grant returned"); err != nil {
			return err
		}
	}
	return r.receive(ctx, t, err)
}

// receive stores a new token, before any caller gets it.
func (r *renewer) receive(ctx context.Context, t *Token, fault error) error {
	if incomplete, ok := errors.AsType[*IncompleteError](fault); ok && incomplete.onTokenFailed {
		t, r.onTokenFailed = incomplete.Token, true // valid, except that OnToken returned an error
	} else if fault != nil {
		return fault
	}
	r.unsaved, r.replaces = r.client.owned(t), r.last
	return cmp.Or(r.store(ctx), fault)
}

// store saves unsaved, if there is one, and makes it last. It has a time limit of its own. A slow request may have used
// up most of the renewal's limit, and the token must not be lost.
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

// retryOnToken calls Config.OnToken again for a token that it did not accept.
func (r *renewer) retryOnToken(ctx context.Context) error {
	if !r.onTokenFailed {
		return nil
	}
	if err := r.client.cfg.OnToken(ctx, r.last.clone()); err != nil {
		return &IncompleteError{Token: r.last.clone(), Err: err, onTokenFailed: true}
	}
	r.onTokenFailed = false
	return nil
}
