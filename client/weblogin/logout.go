package weblogin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// logout ends the session here first: the user may not come back from the server.
func (a *App) logout(w http.ResponseWriter, r *http.Request) {
	ctx := context.WithoutCancel(r.Context())
	l, ok := a.loginOf(ctx)
	var token *client.Token
	if ok {
		token, _ = a.tokens.Load(ctx, l.Key) // without it there is less to end
		if err := a.tokens.Delete(ctx, l.Key); err != nil {
			a.fail(w, r, err)
			return
		}
	}
	if err := a.sessions.Destroy(ctx); err != nil {
		a.fail(w, r, err)
		return
	}
	if token != nil {
		a.revoke(ctx, token)
	}
	http.Redirect(w, r, a.afterLogout(ctx, token), http.StatusSeeOther)
}

// revoke ends the tokens at the server, if it lets them be ended.
func (a *App) revoke(ctx context.Context, token *client.Token) {
	if token.RefreshToken == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, revokeTimeout)
	defer cancel()
	err := a.cfg.Client.Revoke(ctx, token.RefreshToken, "refresh_token")
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

// loggedOutElsewhere notes that sessions have ended. It is looked up with each request, since nobody can list the sessions
// of every store.
func (a *App) loggedOutElsewhere(ctx context.Context, t *client.LogoutToken) error {
	if t.SessionID() != "" {
		return a.tokens.mark(ctx, "sid", t.SessionID(), time.Now())
	}
	return a.tokens.mark(ctx, "sub", t.Subject(), time.Now())
}

func (a *App) endedElsewhere(ctx context.Context, l login) (bool, error) {
	for kind, name := range map[string]string{"sid": l.SessionID, "sub": l.Subject} {
		if name == "" {
			continue
		}
		at, err := a.tokens.marked(ctx, kind, name)
		if err != nil || !at.IsZero() && !l.At.After(at) {
			return true, err
		}
	}
	return false, nil
}
