package weblogin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// login sends the user to the server. It leaves nothing on this one: whoever calls it a thousand times fills no store.
func (a *App) login(w http.ResponseWriter, r *http.Request) {
	o := a.cfg.Authorization
	o.ReturnTo = a.cfg.AfterLogin
	if to := r.URL.Query().Get("return_to"); isLocal(to) {
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

// isLocal reports whether a browser takes path for one of the same host. What it could read in two ways is none.
func isLocal(path string) bool {
	u, err := url.Parse(path)
	return err == nil && strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "//") && u.Host == "" && u.Scheme == "" &&
		!strings.ContainsAny(path, "\\\t\r\n") && !strings.HasPrefix(u.Path, "//") && !strings.HasPrefix(u.Path, "/\\")
}

// callback signs the user in. The exchange goes on when the browser is closed: a code works once.
func (a *App) callback(w http.ResponseWriter, r *http.Request) {
	params := r.URL.Query()
	pending, err := a.pending.Take(w, r, stateOf(params))
	if err != nil {
		a.fail(w, r, err)
		return
	}
	ctx := context.WithoutCancel(r.Context())
	token, err := a.cfg.Client.Callback(ctx, pending, params)
	if err == nil {
		err = a.signIn(ctx, token)
	}
	if err != nil {
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

// signIn begins a new session: whoever knew the id of the one before knows nothing.
func (a *App) signIn(ctx context.Context, token *client.Token) error {
	if old, ok := a.loginOf(ctx); ok {
		_ = a.tokens.Delete(ctx, old.Key) // it ends by itself, too
	}
	if err := a.sessions.Clear(ctx); err != nil {
		return err
	}
	if err := a.sessions.RenewToken(ctx); err != nil {
		return err
	}
	l := login{Key: client.RandomValue(32), At: time.Now()}
	if token.IDClaims != nil {
		l.Subject, l.Claims = token.IDClaims.Subject(), token.IDClaims.Claims()
		l.SessionID, _ = l.Claims["sid"].(string)
	}
	if err := a.tokens.Save(ctx, l.Key, token); err != nil {
		return err
	}
	return a.putLogin(ctx, l)
}

// fail says that a sign-in failed, and logs why.
func (a *App) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	switch {
	case errors.Is(err, client.ErrCallback):
		status = http.StatusBadRequest
	case errors.Is(err, client.ErrAccessDenied):
		status = http.StatusForbidden
	case errors.Is(err, client.ErrUnavailable):
		status = http.StatusServiceUnavailable
	}
	a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "sign-in failed", slog.Int("status", status), slog.Any("error", err))
	if a.cfg.OnError != nil {
		a.cfg.OnError(w, r, status, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<!doctype html><title>Sign-in</title><p>The sign-in has failed. Please try again.</p>\n"))
}
