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

// A logout sends requests to the server while the user waits. It succeeds here even if the server does not respond.
const (
	logoutTimeout = 15 * time.Second // for the whole logout: the user waits
	revokeTimeout = 5 * time.Second
)

// logout ends the session here, and then redirects the user to the logout of the server. The session ends first, because
// the user may not return from the server. The logout continues if the browser closes the connection.
func (a *App) logout(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), logoutTimeout)
	defer cancel()
	token, late, err := a.endLogins(ctx, r)
	if err == nil {
		err = a.endSession(ctx, w)
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	for _, one := range append(late, token) {
		if one != nil {
			a.revoke(ctx, one)
		}
	}
	http.Redirect(w, r, a.afterLogout(ctx, token), http.StatusSeeOther)
}

// endLogins ends the login of the session, and those of sign-ins that the same browser has in progress: a callback that is
// being served when the user signs out must not sign them in again. It returns the tokens to revoke: that of the session,
// which is nil if there is none, and those that sign-ins have received already.
func (a *App) endLogins(ctx context.Context, r *http.Request) (token *client.Token, late []*client.Token, err error) {
	var names []string
	if l, ok := a.loginOf(ctx); ok {
		if token, err = a.end(ctx, l.Key); err != nil {
			return nil, nil, err
		}
		names = append(names, l.Key)
	}
	for _, pending := range a.pending.Pending(r) {
		names = append(names, pending.State)
	}
	for _, name := range names {
		key, inProgress, err := a.store.get(ctx, a.owner.signIn(name), signInField)
		if err != nil {
			return nil, nil, err
		}
		if !inProgress {
			continue
		}
		received, err := a.end(ctx, string(key))
		if err != nil {
			return nil, nil, err
		}
		late = append(late, received)
	}
	return token, late, nil
}

// endSession deletes the session and its cookie. If the session has logins of other Apps, it keeps only those, under a new
// id.
func (a *App) endSession(ctx context.Context, w http.ResponseWriter) error {
	if a.clearSession(ctx) {
		if err := a.sessions.RenewToken(ctx); err != nil {
			return err
		}
		return a.keep(ctx, w)
	}
	if err := a.sessions.Destroy(ctx); err != nil {
		return err
	}
	a.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}

// end ends a login, but not its session. It returns the token to revoke, or nil.
func (a *App) end(ctx context.Context, key string) (*client.Token, error) {
	a.sources.drop(key)
	return a.tokens.end(ctx, key)
}

// revoke revokes a token at the server, if the server supports that. It revokes the refresh token if there is one, because
// that ends the grant (RFC 7009 §2.1).
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

// afterLogout returns where the user is redirected: to the logout of the server, if it has one and there is an ID token to
// name the session by.
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
