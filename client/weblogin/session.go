package weblogin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/clock"
)

// login is the data in a session about the signed-in user. The token is a separate entry of the store; Key is part of its
// name.
type login struct {
	Key       string         `json:"key"`
	Subject   string         `json:"sub,omitzero"` // empty: there was no ID token
	SessionID string         `json:"sid,omitzero"`
	At        time.Time      `json:"at"`           // by the clock of this machine
	Issued    time.Time      `json:"iat,omitzero"` // by the clock of the server; zero: there was no ID token
	Claims    map[string]any `json:"claims,omitzero"`
}

// newLogin returns the login of a user who signs in now. Without an ID token it only has a key and a time.
func newLogin(key string, token *client.Token) login {
	l := login{Key: key, At: clock.Now().Time()}
	if id := token.IDClaims; id != nil {
		l.Subject, l.Issued, l.Claims = id.Subject(), id.IssuedAt(), id.Claims()
		l.SessionID, _ = l.Claims["sid"].(string)
	}
	return l
}

// issuer returns `iss` of the ID token. It is empty without one.
func (l login) issuer() string {
	issuer, _ := l.Claims["iss"].(string)
	return issuer
}

// putLogin writes a login into the session of ctx. It is encoded as JSON, because the codec of the session may not know the type
// login.
func (a *App) putLogin(ctx context.Context, l login) error {
	text, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("weblogin: the claims of the ID token cannot be encoded: %w", err)
	}
	a.sessions.Put(ctx, a.owner.sessionKey(), text)
	return nil
}

// loginOf returns the login of this App in the session of ctx. The login may have ended.
func (a *App) loginOf(ctx context.Context) (l login, ok bool) {
	text := a.sessions.GetBytes(ctx, a.owner.sessionKey())
	return l, text != nil && json.Unmarshal(text, &l) == nil && l.Key != ""
}

// clearSession removes everything from the session except the logins of other Apps. It reports whether there are such
// logins.
func (a *App) clearSession(ctx context.Context) (others bool) {
	for _, name := range a.sessions.Keys(ctx) {
		if strings.HasPrefix(name, sessionPrefix) && name != a.owner.sessionKey() {
			others = true
			continue
		}
		a.sessions.Remove(ctx, name)
	}
	return others
}

// errNobody says that no user is signed in with the session.
var errNobody = errors.New("weblogin: no user is signed in")

// user returns the user who is signed in with the session of ctx. The error is errNobody, or an error of the store: if
// the store cannot be read, the login may have ended, so user does not return a User.
func (a *App) user(ctx context.Context) (*User, error) {
	l, ok := a.loginOf(ctx)
	if !ok {
		return nil, errNobody
	}
	source, err := a.sources.of(l)
	if err != nil {
		return nil, err
	}
	// The end of a login leaves a note in the store (see finalStore). The name of the note contains the key of the login and
	// not the session id, because a handler may have changed the id.
	gone, err := a.tokens.hasEnded(ctx, l.Key)
	if err != nil {
		return nil, err
	}
	if gone {
		return nil, a.leave(ctx, l)
	}
	// The server may have ended the session, by its sid or by its subject.
	elsewhere, err := a.endedElsewhere(ctx, l)
	if err != nil {
		return nil, err
	}
	if elsewhere || a.isTooOld(l, source) || mustSignIn(source.Err()) {
		return nil, a.expel(ctx, l)
	}
	return &User{l, source, a}, nil
}

// maxClockSkew is the maximum time that the At of a login may be in the future, because another process may have a clock
// that is ahead.
const maxClockSkew = 5 * time.Minute

// isTooOld reports whether a login is older than Lifetime of the SessionManager. The session may exist for longer,
// because the application can renew it. The notes about ended logins are kept for little more than Lifetime (see
// finalStore.recordLifetime), so a login must not be accepted for longer.
func (a *App) isTooOld(l login, s *source) bool {
	return s.begun.Age() > a.sessions.Lifetime || l.At.Sub(clock.Now().Time()) > maxClockSkew
}

// expel ends a login that must not continue: the server has ended it or rejected its refresh token, or it is too old. It
// revokes nothing. If a refresh in progress receives a token, tokenStore.Save revokes that token.
func (a *App) expel(ctx context.Context, l login) error {
	if _, err := a.end(ctx, l.Key); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "end of the login not recorded in the session store", slog.Any("error", err))
	}
	return a.leave(ctx, l)
}

// leave removes a login that has ended from its session, and returns errNobody. The id of the session does not change: a
// request that writes the login again does not restore it, because the note about its end remains.
func (a *App) leave(ctx context.Context, l login) error {
	a.sources.drop(l.Key)
	var err error
	if a.clearSession(ctx) {
		_, _, err = a.sessions.Commit(ctx)
	} else {
		err = a.sessions.Destroy(ctx)
	}
	if err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "session not deleted from the session store", slog.Any("error", err))
	}
	return errNobody
}

// load returns r with its session in the context. Without a session cookie, the session is new and empty.
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

// keep writes the session and its cookie.
func (a *App) keep(ctx context.Context, w http.ResponseWriter) error {
	id, end, err := a.sessions.Commit(ctx)
	if err != nil {
		return err
	}
	a.sessions.WriteSessionCookie(ctx, w, id, end)
	return nil
}

// withSession loads the session for handlers that write it themselves. The scs middleware would write it after the
// response, when an error can no longer be reported.
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

// withUser returns a handler that calls next only for requests from the application's own pages, and only if a user is
// signed in. It extends the idle timeout of the session before next runs. Afterwards would be too late, because the
// session may have changed during a long response.
func (a *App) withUser(next http.HandlerFunc) http.HandlerFunc {
	return a.own(a.withSession(func(w http.ResponseWriter, r *http.Request) {
		u, err := a.user(r.Context())
		if err == nil && a.sessions.IdleTimeout > 0 {
			err = a.keep(r.Context(), w)
		}
		if err != nil {
			a.rejectFor(w, r, err)
			return
		}
		next(w, r.WithContext(contextWithUser(r.Context(), u)))
	}, a.rejectFor))
}

// RequireLogin returns a handler that calls next only if a user is signed in. next can read the user with [UserFromContext],
// and can use Config.Sessions: the session is loaded before the call and saved after it.
//
// If nobody is signed in, a browser that opens a page is redirected to the login. All other requests receive a 401 with the
// error login_required.
//
// Requests with a method other than GET and HEAD, such as OPTIONS, must come from the application's own pages, as [App]
// describes. GET and HEAD requests are rejected if they carry the Origin of another site. Links on other sites can cause GET
// requests, so next must not change anything for GET and HEAD.
func (a *App) RequireLogin(next http.Handler) http.Handler {
	// LoadAndSave uses the session that withSession below has loaded. If LoadAndSave loaded it itself, scs would write its
	// own response when the store fails.
	saved := a.sessions.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch u, err := a.user(r.Context()); {
		case err == nil:
			next.ServeHTTP(w, r.WithContext(contextWithUser(r.Context(), u)))
		case errors.Is(err, errNobody) && opensPage(r):
			query := url.Values{"return_to": {r.URL.RequestURI()}}.Encode()
			http.Redirect(w, r, a.cfg.Prefix+"login?"+query, http.StatusSeeOther)
		default:
			a.rejectFor(w, r, err)
		}
	}))
	loaded := a.withSession(saved.ServeHTTP, a.rejectFor)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if a.hasForeignOrigin(r) || !isSafe(r) && !a.isOwn(r) {
			reject(w, http.StatusForbidden, "cross_site")
			return
		}
		loaded(w, r)
	})
}
