package weblogin

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

const (
	logoutTimeout = 15 * time.Second // for all of it: the user waits
	revokeTimeout = 5 * time.Second
)

// logout ends the session here first: the user may not come back from the server. It goes on when the browser is closed.
func (a *App) logout(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), logoutTimeout)
	defer cancel()
	var token *client.Token
	if l, ok := a.loginOf(ctx); ok {
		var err error
		if token, err = a.end(ctx, l); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	if err := a.sessions.Destroy(ctx); err != nil {
		a.fail(w, r, err)
		return
	}
	a.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	if token != nil {
		a.revoke(ctx, token)
	}
	http.Redirect(w, r, a.afterLogout(ctx, token), http.StatusSeeOther)
}

// end ends a login, but not its session. The token that is left is to be revoked.
func (a *App) end(ctx context.Context, l login) (*client.Token, error) {
	a.sources.drop(l.Key)
	return a.tokens.end(ctx, l.Key)
}

// revoke ends a token at the server, if it lets tokens be ended.
func (a *App) revoke(ctx context.Context, token *client.Token) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokeTimeout)
	defer cancel()
	hint := "refresh_token"
	if token.RefreshToken == "" {
		hint = "access_token"
	}
	err := a.cfg.Client.Revoke(ctx, cmp.Or(token.RefreshToken, token.AccessToken), hint)
	if err != nil && !errors.Is(err, client.ErrUnsupported) {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token not revoked", slog.Any("error", err))
	}
}

func (a *App) afterLogout(ctx context.Context, token *client.Token) string {
	if token == nil || token.IDToken == "" {
		return a.cfg.AfterLogout
	}
	place, err := a.cfg.Client.LogoutURL(ctx, client.LogoutOptions{
		IDTokenHint: token.IDToken, PostLogoutRedirectURI: a.cfg.PostLogoutRedirectURI,
	})
	if err != nil {
		return a.cfg.AfterLogout
	}
	return place
}

// Names that a server ends sessions by (OpenID Connect Back-Channel Logout §2.4).
const (
	endedSession  = "ended.sid."
	endedSubject  = "ended.sub."
	endedNameless = "ended.nosid." // sessions of a subject that have no id
	endedField    = "ended"
)

// loggedOutElsewhere notes that sessions have ended. It is looked up with each request, since nobody can list the sessions
// of every store. A session without an id may be the one that is meant, and ends with any of its subject.
func (a *App) loggedOutElsewhere(ctx context.Context, t *client.LogoutToken) error {
	switch {
	case t.SessionID() == "":
		return a.mark(ctx, endedSubject, t.Subject(), t.IssuedAt())
	case t.Subject() == "":
		return a.mark(ctx, endedSession, t.SessionID(), t.IssuedAt())
	}
	return errors.Join(
		a.mark(ctx, endedSession, t.SessionID(), t.IssuedAt()), a.mark(ctx, endedNameless, t.Subject(), t.IssuedAt()),
	)
}

// mark notes that sessions of a name have ended whose ID token is not younger than at. Both times are the server's. What
// comes late or twice takes nothing back.
func (a *App) mark(ctx context.Context, kind, name string, at time.Time) error {
	entry := kind + client.S256(name)
	unlock, err := a.tokens.Lock(ctx, entry)
	if err != nil {
		return err
	}
	defer unlock()
	before, err := a.marked(ctx, entry)
	if err != nil || !at.After(before) {
		return err
	}
	return a.store.put(ctx, entry, endedField, []byte(at.UTC().Format(time.RFC3339Nano)))
}

func (a *App) marked(ctx context.Context, entry string) (at time.Time, err error) {
	text, found, err := a.store.get(ctx, entry, endedField)
	if err != nil || !found {
		return time.Time{}, err
	}
	return at, at.UnmarshalText(text)
}

// endedElsewhere reports whether the server has said that the user of l has signed out.
func (a *App) endedElsewhere(ctx context.Context, l login) (bool, error) {
	entries := []string{endedSubject + client.S256(l.Subject), endedNameless + client.S256(l.Subject)}
	if l.SessionID != "" {
		entries[1] = endedSession + client.S256(l.SessionID)
	}
	for _, entry := range entries {
		at, err := a.marked(ctx, entry)
		if err != nil || !at.Before(l.Issued) {
			return true, err
		}
	}
	return false, nil
}
