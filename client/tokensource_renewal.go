package client

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// renewer gets the next token for a [TokenSource]. A renewal has these steps:
//
//  1. lock: wait for the other sources of the refresh token, and take the lock of the store, if it has one
//  2. reload: read the store: another process may have saved a newer token, or deleted it
//  3. store: save a token that could not be saved the last time
//  4. retryOnToken: call Config.OnToken again, if it returned an error the last time
//  5. next: send the refresh token, or call Grant, unless reload found a token that can be used
//
// Whatever step 5 receives is saved before the caller gets it. If the store has locks, only one renewer of all processes
// works at a time. A renewer is not safe for concurrent use; its TokenSource runs one renewal at a time.
type renewer struct {
	*sharedGrant

	scopes []string
	early  time.Duration

	// resource, if not nil, has the additional parameters of a refresh for one resource. The access tokens of such a renewer
	// are not stored. See [TokenSource.ForResource].
	resource url.Values

	refused *Token // the token whose refresh token the server rejected; nil if there is none
	refusal error  // the error for refused
}

// renew returns a token that replaces old. The time that it waits for the lock does not count against the time limit of the
// requests.
func (r *renewer) renew(ctx context.Context, old *Token, force bool) (o outcome) {
	unlock, err := r.lock(ctx)
	if err != nil {
		return outcome{err: err}
	}
	defer unlock()
	defer func() { o.gone = r.last == nil }()
	ctx, cancel := context.WithTimeout(ctx, r.limit())
	defer cancel()
	for _, step := range []func(context.Context) error{r.reload, r.store, r.retryOnToken} {
		if err := step(ctx); err != nil {
			return outcome{err: err}
		}
	}
	if r.adoptable(old, force) {
		return outcome{token: r.last}
	}
	o = r.next(ctx)
	if o.err != nil && ctx.Err() != nil {
		o.err = fmt.Errorf("%w: the renewal exceeded its time limit: %w", ErrUnavailable, o.err)
	}
	return o
}

// adoptable reports whether last can replace old without a request. A token that is about to expire cannot.
func (r *renewer) adoptable(old *Token, force bool) bool {
	switch t := r.last; {
	case r.resource != nil, t == nil, t.AccessToken == "", old == nil && force, old != nil && t.AccessToken == old.AccessToken:
		return false
	default:
		left, known := t.remaining()
		return !known || left > min(r.early, minPause)
	}
}

// next gets the token after last: by a refresh, or from Grant if there is no refresh token or the server rejected it.
func (r *renewer) next(ctx context.Context) outcome {
	before, refusedBefore := r.last, r.refused
	t, err := r.refresh(ctx)
	if r.refused != refusedBefore { // another process without a lock may have been faster
		if err := r.reload(ctx); err != nil {
			return outcome{err: err}
		}
		if r.adoptable(before, false) {
			return outcome{token: r.last}
		}
		if r.last != nil { // otherwise the token was deleted
			t, err = r.refresh(ctx) // sends nothing, unless there is another refresh token now
		}
	}
	switch {
	case err == nil:
		return outcome{token: t, fresh: true}
	case isIncomplete(err) || !errors.Is(err, ErrNoToken) || r.cfg.Grant == nil:
		return outcome{err: err}
	}
	if err := r.grant(ctx); err != nil || r.resource == nil {
		return outcome{token: r.last, fresh: true, err: err}
	}
	if t, err = r.refresh(ctx); errors.Is(err, ErrNoToken) && !isIncomplete(err) && r.last.RefreshToken == "" {
		err = errors.New("client: TokenSource.ForResource needs a refresh token, and the token from TokenSourceConfig.Grant has none")
	}
	return outcome{token: t, fresh: true, err: err}
}

// isIncomplete reports whether err has a token that was received, but must not be used.
func isIncomplete(err error) bool {
	_, ok := errors.AsType[*IncompleteError](err)
	return ok
}

// refresh sends the refresh token and returns the new token, which it has stored. If the server rejects the refresh token, it
// sets refused, and returns an error that matches ErrNoToken.
func (r *renewer) refresh(ctx context.Context) (*Token, error) {
	last := r.last
	switch {
	case last == nil || last.RefreshToken == "":
		return nil, ErrNoToken
	case r.refused != nil && r.refused.RefreshToken == last.RefreshToken:
		return nil, r.refusal // do not send it again
	}
	if err := r.checkScopes(last); err != nil {
		return nil, err
	}
	t, err := r.sender().refresh(ctx, last, r.scopes, r.resource)
	if incomplete, ok := errors.AsType[*IncompleteError](err); ok && !incomplete.onTokenFailed {
		return nil, r.keepRefreshToken(ctx, last, incomplete)
	}
	if endsRefreshToken(err, r.optional()) {
		r.refused, r.refusal = last, fmt.Errorf("%w: the refresh token was rejected: %w", ErrNoToken, err)
		return nil, r.refusal
	}
	if r.resource != nil && err == nil {
		return r.receiveForResource(ctx, last, t)
	}
	if err := r.receive(ctx, t, err); err != nil {
		return nil, err
	}
	return r.last, nil
}

// optional returns the names of the parameters that a refresh has in addition to the required ones (RFC 6749, Section 6).
func (r *renewer) optional() []string {
	params, _ := r.client.parameters(grantRefreshToken, r.resource, r.scopes)
	maps.DeleteFunc(params, func(name string, values []string) bool { return name == "grant_type" || strings.Join(values, "") == "" })
	return slices.Collect(maps.Keys(params))
}

// checkScopes returns an error for a scope that was not granted, and so cannot be requested (RFC 6749, Section 6). It
// compares the names only if the server uses those of the request. For one resource it compares nothing, because last has
// the scopes of another resource. It ignores offline_access (OpenID Connect Core, Section 11), because some servers do not
// list it among the granted scopes although they issue a refresh token.
func (r *renewer) checkScopes(last *Token) error {
	if r.cfg.ScopeAliases || r.resource != nil || !r.echoes(last.Scopes) {
		return nil
	}
	for _, scope := range r.scopes {
		if scope != "offline_access" && !slices.Contains(last.Scopes, scope) {
			return fmt.Errorf("client: TokenSourceConfig.Scopes: %q was not granted, so a refresh cannot request it; "+
				"set ScopeAliases if the server grants it under another name", scope)
		}
	}
	return nil
}

// echoes reports whether the server granted scopes under the names of the request. It returns false if the server granted
// none, because then that is not known.
func (r *renewer) echoes(granted []string) bool {
	return len(granted) > 0 && !slices.ContainsFunc(granted, func(scope string) bool {
		return !slices.Contains(r.scopes, scope) && !slices.Contains(r.client.cfg.Scopes, scope)
	})
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
