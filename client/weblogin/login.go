package weblogin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// login redirects the user to the authorization server. It stores the pending sign-in in a cookie and not in the session
// store, so that many calls cannot fill the store. It handles GET because links and redirects lead to it; all it changes
// is that cookie.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	if !isTopLevel(r) {
		reject(w, http.StatusForbidden, "not_a_page")
		return
	}
	o := a.cfg.Authorization
	o.ReturnTo = a.cfg.AfterLogin
	// An invalid return_to is ignored and not rejected: anybody may have written the link, and the user still wants to sign
	// in.
	if to := r.URL.Query().Get("return_to"); isLocal(to) && !isSignInEndpoint(a.cfg.Prefix, to) {
		o.ReturnTo = to
	}
	pending, err := a.cfg.Client.AuthorizationURL(r.Context(), o)
	if err == nil {
		err = a.pending.Save(w, r, pending)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, pending.URL, http.StatusSeeOther)
}

// A sign-in record exists while a callback runs (see redeem). It outlives the callback, so that a logout during the
// callback finds it.
const (
	callbackTimeout = 2 * time.Minute // for all requests of a sign-in; each of them has a timeout of its own
	signInLifetime  = 2 * callbackTimeout
	signInField     = "key"
)

// callback handles the authorization response and signs the user in. The code works only once, so the exchange continues
// even if the browser closes the connection.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	pending, err := a.pending.Take(w, r, stateOf(params))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callbackTimeout)
	defer cancel()
	switch err := a.redeem(ctx, w, pending, params); {
	case err == nil:
		http.Redirect(w, r, pending.ReturnTo, http.StatusSeeOther) //nolint:gosec // G710: login checked it, and it was sealed since
	case errors.Is(err, errEnded): // the user has signed out in the meantime
		http.Redirect(w, r, a.cfg.AfterLogout, http.StatusSeeOther)
	default:
		a.revokeUnkept(ctx, err)
		a.fail(w, r, err)
	}
}

// redeem exchanges the code and signs the user in.
//
// Before the exchange it stores the key of the future login, in a record under each name that a logout of the same
// browser can look up. If the user signs out during the exchange, the logout finds a record and marks the key as ended.
// tokenStore.Save then revokes the token instead of saving it.
func (a *App) redeem(ctx context.Context, w http.ResponseWriter, pending *client.PendingAuthorization, params url.Values) error {
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
	token, err := a.cfg.Client.Callback(ctx, pending, params)
	if err != nil {
		return err
	}
	return a.signIn(ctx, w, key, token)
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

// signIn saves the token and gives the session a new id, so that an attacker who knows the old id cannot use it (session
// fixation). It returns errEnded if the user has signed out in the meantime; then the token was revoked. All other errors
// are a client.IncompleteError with the token, which the caller revokes.
func (a *App) signIn(ctx context.Context, w http.ResponseWriter, key string, token *client.Token) error {
	old, replaces := a.loginOf(ctx)
	err := a.tokens.Save(ctx, key, token)
	if errors.Is(err, errEnded) {
		return err
	}
	if err == nil {
		err = a.renew(ctx, w, newLogin(key, token))
	}
	if err != nil {
		_ = a.tokens.Delete(ctx, key) // no session has its key
		return &client.IncompleteError{Token: token, Err: err}
	}
	// Only now, after the new login was written, the old one ends. If anything above fails, the user keeps the old login.
	if replaces {
		a.forget(ctx, old)
	}
	return nil
}

// renew gives the session a new id, removes its data except the logins of other Apps, and writes the session and its
// cookie.
func (a *App) renew(ctx context.Context, w http.ResponseWriter, l login) error {
	a.clearSession(ctx)
	if err := a.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if err := a.putLogin(ctx, l); err != nil {
		return err
	}
	return a.keep(ctx, w)
}

// forget ends a login that a new one of the same browser replaces. It does not revoke the old token, because a server may
// treat both tokens as one grant and would then revoke the new one too.
func (a *App) forget(ctx context.Context, old login) {
	a.sources.drop(old.Key)
	if err := a.tokens.Delete(ctx, old.Key); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token not deleted from the session store", slog.Any("error", err))
	}
}

// revokeUnkept revokes the token in err, if err has one. Such a token was received but could not be saved, or its ID
// token was rejected, so that no session has it.
func (a *App) revokeUnkept(ctx context.Context, err error) {
	if incomplete, ok := errors.AsType[*client.IncompleteError](err); ok {
		a.revoke(ctx, incomplete.Token)
	}
}
