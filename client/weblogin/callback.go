package weblogin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// A sign-in record exists while a callback runs (see redeem). It outlives the callback, so that a logout during the
// callback finds it.
const (
	callbackTimeout = 2 * time.Minute // for all requests of a sign-in; each of them has a timeout of its own
	signInLifetime  = 2 * callbackTimeout
	signInField     = "key"
)

// callback handles an authorization response in the query.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	if a.isPosted() {
		// The response must be a form. A code in a URL is not used, because others may have read it in a log. Without a
		// code, a user has opened a bookmark, or has reloaded the page.
		err := client.ErrNotPending
		if r.URL.Query().Has("state") {
			err = fmt.Errorf("%w: it arrived in the query, expected a form, because Config.Authorization.ResponseMode is %q",
				err, a.cfg.Authorization.ResponseMode)
		}
		a.failSignIn(w, r, nil, err)
		return
	}
	a.finish(w, r, r.URL.Query())
}

// finish handles the authorization response and signs the user in. The code works only once, so the exchange continues
// even if the browser closes the connection.
func (a *App) finish(w http.ResponseWriter, r *http.Request, params url.Values) {
	pending, err := a.pending.Take(w, r, stateOf(params))
	if err == nil && pending.RedirectURI != a.owner.redirectURI {
		// Another App of the same client has begun the sign-in. It may require less of its users than this one.
		err = fmt.Errorf("%w: it was begun at another redirect URI", client.ErrNotPending)
	}
	if err != nil {
		a.failSignIn(w, r, nil, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callbackTimeout)
	defer cancel()
	s := &SignIn{Request: r, Params: params, ReturnTo: pending.ReturnTo}
	switch err := a.redeem(ctx, w, pending, s); {
	case err == nil:
		http.Redirect(w, r, s.ReturnTo, http.StatusSeeOther) //nolint:gosec // G710: login or callHook has checked it, and it was sealed since
	case errors.Is(err, errEnded) && !errors.Is(err, errNotAccepted): // the user has signed out in the meantime
		http.Redirect(w, r, a.cfg.AfterLogout, http.StatusSeeOther)
	default:
		a.revokeUnkept(ctx, err)
		a.failSignIn(w, r, pending, err)
	}
}

// failSignIn writes the response to a callback that failed. If the user is signed in and the sign-in was completed before,
// or has expired, the user has pressed the back button or has two tabs. failSignIn then redirects to the application.
func (a *App) failSignIn(w http.ResponseWriter, r *http.Request, pending *client.PendingAuthorization, err error) {
	if errors.Is(err, client.ErrNotPending) && !errors.Is(err, errNotAccepted) { // OnSignIn may return any error
		if _, err := a.user(r.Context()); err == nil {
			http.Redirect(w, r, a.cfg.AfterLogin, http.StatusSeeOther)
			return
		}
	}
	a.failPending(w, r, err, pending)
}

// redeem exchanges the code and signs the user in.
//
// Before the exchange it stores the key of the future login, in a record under each name that a logout of the same
// browser can look up. If the user signs out during the exchange, the logout finds a record and marks the key as ended.
// tokenStore.Save then revokes the token instead of saving it.
func (a *App) redeem(ctx context.Context, w http.ResponseWriter, pending *client.PendingAuthorization, s *SignIn) error {
	key := client.RandomValue(32)
	names := []string{pending.State} // a logout reads it from the cookie of this sign-in
	if old, ok := a.loginOf(ctx); ok {
		names = append(names, old.Key)
	}
	for _, name := range names {
		if err := a.store.put(ctx, a.owner.signIn(name), signInField, []byte(key), signInLifetime); err != nil {
			return err
		}
	}
	token, err := a.cfg.Client.Callback(ctx, pending, s.Params)
	if err != nil {
		return asUnmet(pending, err)
	}
	s.Token = token
	if !a.isSameUser(ctx, pending, token) {
		return &client.IncompleteError{Token: token, Err: errUnmet}
	}
	if err := a.callHook(ctx, s); err != nil {
		return &client.IncompleteError{Token: token, Err: err}
	}
	return a.signIn(ctx, w, key, s)
}

// isSameUser reports whether a sign-in that one user must complete was completed by that user. Callback has compared the
// subject. With client.Config.Tenants, that is another user if the issuer is another one than that of the current login.
func (a *App) isSameUser(ctx context.Context, pending *client.PendingAuthorization, token *client.Token) bool {
	current, ok := a.loginOf(ctx)
	if pending.Subject == "" || !ok || token.IDClaims == nil || current.Subject != pending.Subject {
		return true
	}
	return current.issuer() == token.IDClaims.Issuer()
}

// errUnmet says that another user has signed in than the request required, or in another way.
var errUnmet = errors.New("weblogin: the sign-in does not meet the requirements")

// asUnmet returns err. If an ID token was rejected that had to be about a certain user or a certain way to sign in, the result
// also matches errUnmet, because that is then the usual reason.
func asUnmet(pending *client.PendingAuthorization, err error) error {
	_, rejected := errors.AsType[*client.IncompleteError](err)
	if errors.Is(err, client.ErrUnavailable) || errors.Is(err, client.ErrBadResponse) {
		rejected = false // the ID token is missing, or could not be verified
	}
	if rejected && (pending.Subject != "" || len(pending.ACRValues) > 0 || pending.MaxAge > 0) {
		return fmt.Errorf("%w: %w", errUnmet, err)
	}
	return err
}

// stateOf returns the state of an authorization response. It reads the state of a signed response without verification,
// because Callback verifies it afterwards.
func stateOf(params url.Values) string {
	var inner struct {
		State string `json:"state"`
	}
	if response := params.Get("response"); response != "" && client.InsecureDecode(response, &inner) == nil {
		return inner.State
	}
	return params.Get("state")
}
