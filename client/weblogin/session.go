package weblogin

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

const loginKey = "weblogin"

// login is what a session has of a user who is signed in. The token lies elsewhere, under Key.
type login struct {
	Key       string         `json:"key"`
	Subject   string         `json:"sub,omitzero"`
	SessionID string         `json:"sid,omitzero"`
	At        time.Time      `json:"at"`
	Claims    map[string]any `json:"claims,omitzero"`
}

func (a *App) putLogin(ctx context.Context, l login) error {
	text, err := json.Marshal(l)
	if err != nil {
		return err
	}
	a.sessions.Put(ctx, loginKey, text)
	return nil
}

func (a *App) loginOf(ctx context.Context) (l login, ok bool) {
	text := a.sessions.GetBytes(ctx, loginKey)
	return l, text != nil && json.Unmarshal(text, &l) == nil && l.Key != ""
}

// User is who is signed in. It is safe for concurrent use.
type User struct {
	login  login
	source *client.TokenSource
}

// Subject is `sub` of the ID token; empty without the scope openid.
func (u *User) Subject() string { return u.login.Subject }

// Claims are those of [client.IDToken.Claims] at the sign-in. The caller does not change them.
func (u *User) Claims() map[string]any { return u.login.Claims }

// Token returns an access token that is good. It is for requests that the server sends, and not for the browser.
func (u *User) Token(ctx context.Context) (*client.Token, error) { return u.source.TokenContext(ctx) }

type contextKey struct{}

// UserFromContext returns who is signed in, behind [App.RequireLogin].
func UserFromContext(ctx context.Context) (*User, bool) {
	u, ok := ctx.Value(contextKey{}).(*User)
	return u, ok
}

// user returns who is signed in with this session, unless the server has said since that they have signed out.
func (a *App) user(ctx context.Context) (*User, bool) {
	l, ok := a.loginOf(ctx)
	if !ok {
		return nil, false
	}
	ended, err := a.endedElsewhere(ctx, l)
	if err != nil || ended { // doubt is refusal
		return nil, false
	}
	source, err := a.cfg.Client.TokenSource(client.TokenSourceConfig{Store: a.tokens, Key: l.Key})
	return &User{l, source}, err == nil
}

// RequireLogin sends a browser that opens a page to the login if nobody is signed in, and answers 401 to all else. next
// finds the user by [UserFromContext].
func (a *App) RequireLogin(next http.Handler) http.Handler { return a.requireLogin(next, opensPage) }

func (a *App) requireLogin(next http.Handler, opensPage func(*http.Request) bool) http.Handler {
	return a.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		u, ok := a.user(r.Context())
		switch {
		case ok:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, u)))
		case opensPage(r):
			query := url.Values{"return_to": {r.URL.RequestURI()}}.Encode()
			http.Redirect(w, r, a.cfg.Prefix+"login?"+query, http.StatusSeeOther)
		default:
			refuse(w, http.StatusUnauthorized, "login_required")
		}
	}))
}

// opensPage tells a person from a script.
func opensPage(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	html := strings.Contains(r.Header.Get("Accept"), "text/html")
	return r.Method == http.MethodGet && (mode == "navigate" || mode == "" && html)
}

// status tells a page who is signed in. There is no token in it.
func (a *App) status(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		SignedIn  bool           `json:"signed_in"`
		ExpiresAt time.Time      `json:"expires_at,omitzero"`
		Scopes    []string       `json:"scopes,omitzero"`
		Claims    map[string]any `json:"claims,omitzero"`
	}{}
	if u, ok := a.user(r.Context()); ok {
		answer.SignedIn, answer.Claims = true, make(map[string]any)
		for name, value := range u.login.Claims {
			if slices.Contains(a.cfg.Claims, name) {
				answer.Claims[name] = value
			}
		}
		if token, err := a.tokens.Load(r.Context(), u.login.Key); err == nil {
			answer.ExpiresAt, answer.Scopes = token.Expiry, token.Scopes
		}
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // whoever is gone needs no answer
}

func (a *App) refresh(w http.ResponseWriter, r *http.Request) {
	u, ok := a.user(r.Context())
	if !ok {
		refuse(w, http.StatusUnauthorized, "login_required")
		return
	}
	if _, err := u.source.Refresh(r.Context()); err != nil {
		a.refuseFor(w, r, err)
		return
	}
	a.status(w, r)
}

// refuseFor answers a script for whom there is no token.
func (a *App) refuseFor(w http.ResponseWriter, r *http.Request, err error) {
	a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "no token", slog.Any("error", err))
	switch {
	case errors.Is(err, client.ErrInvalidGrant), errors.Is(err, client.ErrNoToken):
		refuse(w, http.StatusUnauthorized, "login_required")
	case errors.Is(err, client.ErrUnavailable):
		refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable")
	default:
		refuse(w, http.StatusBadGateway, "bad_gateway")
	}
}
