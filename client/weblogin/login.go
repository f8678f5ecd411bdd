package weblogin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/bearerkit/bearerkit/client"
)

// login sends the user to the server. It leaves nothing on this one: whoever calls it a thousand times fills no store. It is
// a GET, since it is where links and redirects lead, and changes nothing but a cookie of the browser that asks.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	if !isTopLevel(r) {
		refuse(w, http.StatusForbidden, "not_a_page")
		return
	}
	o := a.cfg.Authorization
	o.ReturnTo = a.cfg.AfterLogin
	if to := r.URL.Query().Get("return_to"); isLocal(to) && !a.isEndpoint(to) {
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

// isEndpoint knows where a user would begin again, instead of being where they were.
func (a *App) isEndpoint(place string) bool {
	place, _, _ = strings.Cut(place, "?")
	return place == a.cfg.Prefix+"login" || place == a.cfg.Prefix+"callback"
}

// isTopLevel refuses frames, images and scripts: another site's page could have a browser begin a hundred sign-ins in them,
// until its cookies do not fit into a request any more. A browser that says nothing keeps no cookie of ours there.
func isTopLevel(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

const maxReturnTo = 1 << 10 // it is kept in a cookie

// isLocal reports whether a browser takes path for one of the same host. What it could read in two ways is none.
func isLocal(path string) bool {
	u, err := url.Parse(path)
	return err == nil && len(path) <= maxReturnTo && strings.HasPrefix(path, "/") && u.Host == "" && u.Scheme == "" &&
		isOneReading(path) && isOneReading(u.Path)
}

func isOneReading(path string) bool {
	return !strings.HasPrefix(path, "//") && !strings.Contains(path, "\\") && !strings.ContainsFunc(path, unicode.IsControl)
}

// callbackTimeout is for the requests of a sign-in, each of which has a limit of its own.
const callbackTimeout = 2 * time.Minute

// callback signs the user in. The exchange goes on when the browser is closed: a code works once.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	pending, err := a.pending.Take(w, r, stateOf(params))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callbackTimeout)
	defer cancel()
	token, err := a.cfg.Client.Callback(ctx, pending, params)
	if err == nil {
		err = a.signIn(ctx, w, token)
	}
	if err != nil {
		a.revokeUnkept(ctx, err)
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, pending.ReturnTo, http.StatusSeeOther) //nolint:gosec // G710: login has looked, and it was sealed since
}

// stateOf finds the sign-in that an answer belongs to. In a signed answer it is looked for unverified: Callback verifies.
func stateOf(params url.Values) string {
	var inner struct {
		State string `json:"state"`
	}
	if response := params.Get("response"); response != "" && client.InsecureDecode(response, &inner) == nil {
		return inner.State
	}
	return params.Get("state")
}

// signIn begins a new session: whoever knew the id of the one before knows nothing. If that fails, the error has the token.
func (a *App) signIn(ctx context.Context, w http.ResponseWriter, token *client.Token) error {
	old, replaces := a.loginOf(ctx)
	l := newLogin(token)
	err := a.tokens.Save(ctx, l.Key, token)
	if err == nil {
		err = a.renew(ctx, w, l)
	}
	if err != nil {
		_ = a.tokens.Delete(ctx, l.Key) // nobody has its key
		return &client.IncompleteError{Token: token, Err: err}
	}
	if replaces {
		a.forget(ctx, old)
	}
	return nil
}

func (a *App) renew(ctx context.Context, w http.ResponseWriter, l login) error {
	if err := a.sessions.Clear(ctx); err != nil {
		return err
	}
	if err := a.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if err := a.putLogin(ctx, l); err != nil {
		return err
	}
	return a.keep(ctx, w)
}

// forget ends the login that a new one of the same browser has replaced. Its token is not revoked: a server may count both
// as one grant, and end the new one with the old.
func (a *App) forget(ctx context.Context, old login) {
	a.sources.drop(old.Key)
	if err := a.tokens.Delete(ctx, old.Key); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token not deleted", slog.Any("error", err))
	}
}

// revokeUnkept ends a token that was received and is nobody's: it could not be kept, or the ID token with it is not good.
func (a *App) revokeUnkept(ctx context.Context, err error) {
	if incomplete, ok := errors.AsType[*client.IncompleteError](err); ok {
		a.revoke(ctx, incomplete.Token)
	}
}

// fail says that something failed, and logs why.
func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, client.ErrCallback):
		status = http.StatusBadRequest
	case errors.Is(err, client.ErrAccessDenied):
		status = http.StatusForbidden
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, errStore):
		status = http.StatusServiceUnavailable
	}
	a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "sign-in or logout failed", slog.Int("status", status), slog.Any("error", err))
	if a.cfg.ErrorHandler != nil {
		a.cfg.ErrorHandler(w, r, status, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><title>Sign-in</title><p>That did not work. Please try again.</p>\n"))
}
