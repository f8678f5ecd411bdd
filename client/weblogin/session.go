package weblogin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	At        time.Time      `json:"at"`           // by this machine's clock
	Issued    time.Time      `json:"iat,omitzero"` // by the server's; zero: there is no ID token
	Claims    map[string]any `json:"claims,omitzero"`
}

func newLogin(token *client.Token) login {
	l := login{Key: client.RandomValue(32), At: time.Now()}
	if id := token.IDClaims; id != nil {
		l.Subject, l.Issued, l.Claims = id.Subject(), id.IssuedAt(), id.Claims()
		l.SessionID, _ = l.Claims["sid"].(string)
	}
	return l
}

func (a *App) putLogin(ctx context.Context, l login) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("weblogin: claims: %w", err)
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
	source *source
}

// Subject is `sub` of the ID token; empty without the scope openid.
func (u *User) Subject() string { return u.login.Subject }

// Claims are those of [client.IDToken.Claims] at the sign-in. The caller does not change them.
func (u *User) Claims() map[string]any { return u.login.Claims }

// Token returns an access token that is good. It is for requests that the server sends, and not for the browser.
func (u *User) Token(ctx context.Context) (*client.Token, error) { return u.source.TokenContext(ctx) }

// Format leaves out what is known of the user, whatever the verb.
func (u User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "weblogin.User{}") }

// LogValue leaves it out, too.
func (u User) LogValue() slog.Value { return slog.StringValue("weblogin.User{}") }

type contextKey struct{}

// UserFromContext returns who is signed in, behind [App.RequireLogin].
func UserFromContext(ctx context.Context) (*User, bool) {
	u, ok := ctx.Value(contextKey{}).(*User)
	return u, ok
}

// errNobody says that nobody is signed in.
var errNobody = errors.New("weblogin: nobody is signed in")

// user returns who is signed in with this session. The error is errNobody, or that of the store, which may know that the
// user has signed out: doubt is refusal. A login ends with the time that its session had, however often that was renewed:
// notes of what has ended last no longer.
func (a *App) user(ctx context.Context) (*User, error) {
	l, ok := a.loginOf(ctx)
	if !ok {
		return nil, errNobody
	}
	ended, err := a.endedElsewhere(ctx, l)
	if err != nil {
		return nil, err
	}
	if ended || time.Since(l.At) > a.sessions.Lifetime {
		return nil, a.expel(ctx, l)
	}
	source, err := a.sources.of(l.Key)
	if err != nil {
		return nil, err
	}
	return &User{l, source}, nil
}

// expel ends a session that should have ended already. The server knows: there is nothing to revoke, except what a refresh
// may still bring.
func (a *App) expel(ctx context.Context, l login) error {
	_, err := a.end(ctx, l)
	if err := errors.Join(err, a.sessions.Destroy(ctx)); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "session not deleted", slog.Any("error", err))
	}
	return errNobody
}

// load returns the request with its session.
func (a *App) load(r *http.Request) (*http.Request, error) {
	id := ""
	if cookie, err := r.Cookie(a.sessions.Cookie.Name); err == nil {
		id = cookie.Value
	}
	ctx, err := a.sessions.Load(r.Context(), id)
	if err != nil {
		return r, fmt.Errorf("%w: %w", errStore, err)
	}
	return r.WithContext(ctx), nil
}

// keep writes the session, and its cookie.
func (a *App) keep(ctx context.Context, w http.ResponseWriter) error {
	id, end, err := a.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	a.sessions.WriteSessionCookie(ctx, w, id, end)
	return nil
}

// withSession is for handlers that keep the session themselves, if they change it: what scs would write after they have
// answered cannot fail any more.
func (a *App) withSession(next http.HandlerFunc, failed func(http.ResponseWriter, *http.Request, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r, err := a.load(r)
		if err != nil {
			failed(w, r, err)
			return
		}
		next(w, r)
	}
}

// withUser lets only requests of a user's own pages through. Their session stays awake: it is written now, and not after a
// long answer, by when it may be another.
func (a *App) withUser(next http.HandlerFunc) http.HandlerFunc {
	return a.own(a.withSession(func(w http.ResponseWriter, r *http.Request) {
		u, err := a.user(r.Context())
		if err == nil && a.sessions.IdleTimeout > 0 {
			err = a.keep(r.Context(), w)
		}
		if err != nil {
			a.refuseFor(w, r, err)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, u)))
	}, a.refuseFor))
}

// RequireLogin sends a browser that opens a page to the login if nobody is signed in, and answers 401 to all else. Another
// site's page cannot have a browser change anything here: see [App]. next finds the user by [UserFromContext], and may use
// the session, which is loaded and saved.
func (a *App) RequireLogin(next http.Handler) http.Handler {
	saved := a.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch u, err := a.user(r.Context()); {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, u)))
		case errors.Is(err, errNobody) && opensPage(r):
			query := url.Values{"return_to": {r.URL.RequestURI()}}.Encode()
			http.Redirect(w, r, a.cfg.Prefix+"login?"+query, http.StatusSeeOther)
		default:
			a.refuseFor(w, r, err)
		}
	}))
	loaded := a.withSession(saved.ServeHTTP, a.refuseFor)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if !isSafe(r) && !a.isOwn(r) {
			refuse(w, http.StatusForbidden, "cross_site")
			return
		}
		loaded(w, r)
	})
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
	u, err := a.user(r.Context())
	switch {
	case err == nil:
		answer.SignedIn, answer.Claims = true, a.shown(u.login.Claims)
		if token, err := a.tokens.Load(r.Context(), u.login.Key); err == nil {
			answer.ExpiresAt, answer.Scopes = token.Expiry, token.Scopes
		}
	case !errors.Is(err, errNobody):
		a.refuseFor(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // whoever is gone needs no answer
}

func (a *App) shown(claims map[string]any) map[string]any {
	shown := make(map[string]any)
	for name, value := range claims {
		if slices.Contains(a.cfg.Claims, name) {
			shown[name] = value
		}
	}
	return shown
}

func (a *App) refresh(w http.ResponseWriter, r *http.Request) {
	u, _ := UserFromContext(r.Context())
	if err := u.source.refresh(r.Context()); err != nil {
		a.refuseFor(w, r, err)
		return
	}
	a.status(w, r)
}
