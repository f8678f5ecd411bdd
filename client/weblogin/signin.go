package weblogin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// SignIn is a sign-in that was verified and has not taken effect yet. Config.OnSignIn receives it. It contains secrets,
// which neither fmt nor slog prints.
type SignIn struct {
	// Request is the request to the callback. Its body was already read.
	Request *http.Request

	// Token is the response of the token endpoint. Token.IDClaims has the verified claims of the user, and is nil without
	// the scope openid. Token.Extra returns members that are not standard. Do not change Token.
	Token *client.Token

	// Params has the parameters of the authorization response except code, state and response, for example the field user of
	// Apple. Do not trust them: they are not signed, and the user can change them.
	Params url.Values

	// ReturnTo is the local path to which the user is redirected after the sign-in. OnSignIn may change it, but not to the
	// login or the callback.
	ReturnTo string

	// Values are stored in the new session. OnSignIn may set it; nil means no values. No name may begin with "weblogin.",
	// and the Codec of Config.Sessions must be able to encode the values. Apps that share a SessionManager share the
	// session: a sign-in at one App removes the values that the others have set, and pages behind the others can read its
	// values. Do not use values to grant access there.
	Values map[string]any
}

// Format prints the SignIn without its secrets.
func (s SignIn) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "weblogin.SignIn{}") }

// LogValue returns the SignIn without its secrets.
func (s SignIn) LogValue() slog.Value { return slog.StringValue("weblogin.SignIn{}") }

var (
	// errNotAccepted says that Config.OnSignIn has rejected a sign-in.
	errNotAccepted = errors.New("weblogin: Config.OnSignIn rejected the sign-in")

	// errHook says that Config.OnSignIn has panicked, or has set a value that is not valid.
	errHook = errors.New("weblogin: Config.OnSignIn failed")
)

// callHook calls Config.OnSignIn, and returns an error if the sign-in must not take effect. A panic is such an error: the
// caller revokes the token. If OnSignIn ends its goroutine with runtime.Goexit, the caller does not continue, so callHook
// revokes the token itself.
func (a *App) callHook(ctx context.Context, s *SignIn) (err error) {
	if a.cfg.OnSignIn == nil {
		return nil
	}
	token, returned := s.Token, false
	defer func() {
		s.Token = token // OnSignIn may have replaced it
		switch value := recover(); {
		case value != nil:
			// The value may contain a secret, so only its type is logged. A stack has no values.
			a.cfg.Logger.LogAttrs(ctx, slog.LevelError, "panic in Config.OnSignIn",
				slog.String("type", fmt.Sprintf("%T", value)), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%w: it panicked", errHook)
		case !returned:
			a.revoke(ctx, token)
		}
	}()
	err = a.checkedHook(ctx, s)
	returned = true
	return err
}

// checkedHook calls Config.OnSignIn, and checks what it has set.
func (a *App) checkedHook(ctx context.Context, s *SignIn) error {
	s.Params = maps.Clone(s.Params)
	for _, name := range []string{"code", "state", "response"} {
		s.Params.Del(name)
	}
	if err := a.cfg.OnSignIn(ctx, s); err != nil {
		return fmt.Errorf("%w: %w", errNotAccepted, err)
	}
	if ctx.Err() != nil { // the record that a logout looks up may have expired
		return fmt.Errorf("%w: it returned after its ctx had ended", errHook)
	}
	for name := range s.Values {
		if strings.HasPrefix(name, sessionPrefix) {
			return fmt.Errorf("%w: SignIn.Values has the name %q, which begins with %q", errHook, name, sessionPrefix)
		}
	}
	// RenewToken deletes the old session, so a value that cannot be stored must be found before.
	if _, err := a.sessions.Codec.Encode(time.Now(), s.Values); err != nil {
		return fmt.Errorf("%w: SignIn.Values cannot be encoded: %w", errHook, err)
	}
	if !isLocal(s.ReturnTo) || isSignInEndpoint(a.cfg.Prefix, s.ReturnTo) {
		return fmt.Errorf("%w: SignIn.ReturnTo is %q, expected a local path outside of the sign-in", errHook, s.ReturnTo)
	}
	return nil
}

// signIn saves the token and gives the session a new id, so that an attacker who knows the old id cannot use it (session
// fixation). It returns errEnded if the user has signed out in the meantime; then the token was revoked. All other errors
// are a client.IncompleteError with the token, which the caller revokes.
func (a *App) signIn(ctx context.Context, w http.ResponseWriter, key string, s *SignIn) error {
	old, replaces := a.loginOf(ctx)
	err := a.tokens.Save(ctx, key, s.Token)
	if errors.Is(err, errEnded) {
		return err
	}
	if err == nil {
		err = a.renew(ctx, w, newLogin(key, s.Token), s.Values)
	}
	if err != nil {
		_ = a.tokens.Delete(ctx, key) // no session has its key
		return &client.IncompleteError{Token: s.Token, Err: err}
	}
	// The old login ends only now, after the new one was written. If anything fails before renew deletes the old session,
	// the user keeps the old login.
	if replaces {
		a.forget(ctx, old)
	}
	return nil
}

// renew gives the session a new id, removes its data except the logins of other Apps, and writes the session and its
// cookie. values are those of Config.OnSignIn.
func (a *App) renew(ctx context.Context, w http.ResponseWriter, l login, values map[string]any) error {
	if err := a.noteSession(ctx, l); err != nil {
		return err
	}
	a.clearSession(ctx)
	if err := a.sessions.RenewToken(ctx); err != nil {
		return err
	}
	if err := a.putLogin(ctx, l); err != nil {
		return err
	}
	for name, value := range values {
		a.sessions.Put(ctx, name, value)
	}
	return a.keep(ctx, w)
}

// forget ends a login that a new one of the same browser replaces. It does not revoke the old token, because a server may
// treat both tokens as one grant and would then revoke the new one too.
func (a *App) forget(ctx context.Context, old login) {
	a.sources.drop(old.Key)
	if err := a.tokens.Delete(ctx, old.Key); err != nil {
		a.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "token not deleted from the session store", slog.Any("error", err))
	}
}

// revokeUnkept revokes the token in err, if err has one. Such a token was received but could not be saved, its ID token was
// rejected, or Config.OnSignIn has rejected the sign-in, so that no session has it.
func (a *App) revokeUnkept(ctx context.Context, err error) {
	if incomplete, ok := errors.AsType[*client.IncompleteError](err); ok {
		a.revoke(ctx, incomplete.Token)
	}
}
