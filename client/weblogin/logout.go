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

// The time limits of a logout. It sends requests to the server while the user waits, and ends the session here even if
// the server does not respond.
const (
	logoutTimeout = 15 * time.Second // for the whole logout
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
	// The login has ended at this point, so an error of the server cannot keep the user signed in. Even after an error of the
	// store, the tokens must be revoked now, because the store has them no longer.
	for _, one := range append(late, token) {
		if one != nil {
			a.revoke(ctx, one)
		}
	}
	if err != nil {
		a.fail(w, r, err)
		return
	}
	http.Redirect(w, r, a.afterLogout(ctx, token), http.StatusSeeOther)
}

// endLogins ends the login of the session and all sign-ins of the same browser that are in progress, so that a callback
// that is running now does not sign the user in again afterwards. It returns the tokens to revoke: that of the session,
// which is nil if there is none, and those that sign-ins in progress have already saved. With an error, it returns the tokens
// that it has deleted so far.
func (a *App) endLogins(ctx context.Context, r *http.Request) (token *client.Token, late []*client.Token, err error) {
	var names []string
	if l, ok := a.loginOf(ctx); ok {
		if token, err = a.end(ctx, l.Key); err != nil {
			return token, nil, err
		}
		names = append(names, l.Key)
	}
	// A callback stores a record under its state, and under the key of the login that it replaces. See redeem.
	for _, pending := range a.pending.Pending(r) {
		names = append(names, pending.State)
	}
	for _, name := range names {
		key, inProgress, err := a.store.get(ctx, a.owner.signIn(name), signInField)
		if err != nil {
			return token, late, err
		}
		if !inProgress {
			continue
		}
		received, err := a.end(ctx, string(key))
		late = append(late, received)
		if err != nil {
			return token, late, err
		}
	}
	return token, late, nil
}

// endSession deletes the session and its cookie. If the session also has logins of other Apps, endSession keeps these
// logins, deletes everything else, and gives the session a new id.
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
	// An empty value and the zero time make the browser delete the cookie.
	a.sessions.WriteSessionCookie(ctx, w, "", time.Time{})
	return nil
}

// end marks a login as ended and deletes its token, but does not change its session. It returns the token, which the
// caller must revoke, or nil if there is none.
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
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token not revoked at the authorization server", slog.Any("error", err))
	}
}

// maxLogoutURL is the number of bytes that every server should accept in a URL (RFC 9110 §4.1).
const maxLogoutURL = 8000

// afterLogout returns the URL to which the user is redirected: Config.LogoutURL, or the logout page of the server if it has
// one and there is an ID token that identifies the session, and otherwise Config.AfterLogout. An ID token that makes the
// URL too long for servers and proxies is omitted.
func (a *App) afterLogout(ctx context.Context, token *client.Token) string {
	switch {
	case token != nil && a.cfg.LogoutURL != "":
		return a.cfg.LogoutURL
	case token == nil || token.IDToken == "":
		return a.cfg.AfterLogout
	}
	o := client.LogoutOptions{IDTokenHint: token.IDToken, PostLogoutRedirectURI: a.cfg.PostLogoutRedirectURI}
	place, err := a.cfg.Client.LogoutURL(ctx, o)
	if err == nil && len(place) > maxLogoutURL {
		o.IDTokenHint = ""
		place, err = a.cfg.Client.LogoutURL(ctx, o)
	}
	if err != nil {
		return a.cfg.AfterLogout
	}
	return place
}
