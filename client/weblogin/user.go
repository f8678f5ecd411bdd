package weblogin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/bearerkit/bearerkit/client"
)

// User is a user who is signed in. It is safe for concurrent use.
type User struct {
	login  login
	source *source
	app    *App
}

// Subject returns `sub` of the ID token. It is empty if the scope openid was not requested.
func (u *User) Subject() string { return u.login.Subject }

// Issuer returns `iss` of the ID token. It is empty without the scope openid. With client.Config.Tenants, it is the issuer
// of the user's tenant, and only Issuer and Subject together identify the user.
func (u *User) Issuer() string { return u.login.issuer() }

// Claims returns the claims that [client.IDToken.Claims] returned at the sign-in. It is nil without the scope openid. The
// caller must not change the map.
func (u *User) Claims() map[string]any { return u.login.Claims }

// Token returns an access token that has not expired, and refreshes it if necessary. Use it for requests that the server
// sends, and do not pass it to the browser. ctx limits the time that this call waits. If the error matches
// [client.ErrNoToken], the user must sign in again. If it matches [client.ErrUnavailable], the authorization server cannot
// be reached. If the server rejects the refresh token, the login ends.
func (u *User) Token(ctx context.Context) (*client.Token, error) {
	token, err := u.source.TokenContext(ctx)
	return token, u.endIfRejected(ctx, err)
}

// endIfRejected ends the login if err says that the server rejected the refresh token. It returns err.
func (u *User) endIfRejected(ctx context.Context, err error) error {
	if !mustSignIn(err) {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), logoutTimeout)
	defer cancel()
	if _, failed := u.app.end(ctx, u.login.Key); failed != nil {
		u.app.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "end of the login not recorded in the session store", slog.Any("error", failed))
	}
	return err
}

// mustSignIn reports whether err says that the server has rejected the refresh token for good, or an API an access token
// that cannot be refreshed, so that the user must sign in again. Such an error matches client.ErrNoToken, and the
// server's client.Error or client.ErrInvalidToken. It returns false if the server is unavailable or rejects the client
// itself, and also for a login without a refresh token whose access token has expired.
func mustSignIn(err error) bool {
	_, rejected := errors.AsType[*client.Error](err)
	return errors.Is(err, client.ErrNoToken) && (rejected || errors.Is(err, client.ErrInvalidToken))
}

// Format prints the User without claims and tokens.
func (u User) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "weblogin.User{}") }

// LogValue returns the User without claims and tokens.
func (u User) LogValue() slog.Value { return slog.StringValue("weblogin.User{}") }

// contextKey is the key of the User in the context of a request.
type contextKey struct{}

// contextWithUser returns a context from which UserFromContext reads u.
func contextWithUser(ctx context.Context, u *User) context.Context {
	return context.WithValue(ctx, contextKey{}, u)
}

// UserFromContext returns the user of a request. ok is false, and u is nil, unless the handler is behind [App.RequireLogin].
// Config.Transport can also call it with the context of a request that a Proxy forwards. Always check ok.
//
// If a handler is behind RequireLogin of several Apps, UserFromContext returns the user of the innermost one.
func UserFromContext(ctx context.Context) (u *User, ok bool) {
	u, ok = ctx.Value(contextKey{}).(*User)
	return u, ok
}

// requestUser returns the user of a request behind withUser.
func requestUser(r *http.Request) (*User, error) {
	u, ok := UserFromContext(r.Context())
	if !ok {
		return nil, errNobody
	}
	return u, nil
}
