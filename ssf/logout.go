package ssf

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/store"
)

// LogoutConfig configures [LogoutHandler].
type LogoutConfig struct {
	// Client verifies the logout tokens. Its Issuer is the issuer of the access tokens, and its ClientID is the client whose
	// backchannel_logout_uri is the URL of the handler. Required.
	Client *client.Client

	// Storage stores the entries of the deny list, as in [Config]. Required.
	Storage store.Storage

	// TokenLifetime is the longest time from the issue of an access token to its expiry, as in [Config]. Required.
	TokenLifetime time.Duration

	// SessionClaim says that the access tokens carry the session in the claim `sid`. True: a logout token with a session
	// denies the tokens of that session only. False: it also denies the tokens that the user received before the logout,
	// because any token without `sid` may be one of the session. In both cases, a logout token that names a session but no user
	// has no effect on access tokens without `sid`.
	SessionClaim bool

	// OnLogout is called after the tokens were denied, for example to end sessions of the application. If it returns an error,
	// the response has the status 503, and the server may send the logout token again. It must be safe for concurrent use.
	// Nil: no call.
	OnLogout func(ctx context.Context, token *client.LogoutToken) error
}

// LogoutHandler returns a handler for the backchannel_logout_uri of a client (OpenID Connect Back-Channel Logout 1.0 section 2.5). It
// denies the access tokens of the session that has ended, or of all sessions of the user if the logout token names no session. All
// processes that share the Storage respond with 401 to these tokens as soon as they have read the entries: see the comment of this
// package.
//
// [client.Client.BackchannelLogout] verifies the logout tokens and writes the responses: 200 if the tokens are denied, 400 if the
// logout token is not valid or was handled before, and 503 if it has not taken effect. All have Cache-Control: no-store. A logout
// token that arrives in two processes denies the same tokens twice, which has no further effect.
//
// If cfg has faults, the error joins all of them, and each names its field.
func LogoutHandler(cfg LogoutConfig) (http.Handler, error) {
	var faults faults
	faults.check(cfg.Client != nil, "LogoutConfig.Client is required")
	faults.check(!nilcheck.IsNil(cfg.Storage), "LogoutConfig.Storage is required: the Storage of the API's store.DenyList")
	faults.check(cfg.TokenLifetime > 0, "LogoutConfig.TokenLifetime is required: the longest time from the issue of an access token to its expiry")
	faults.check(cfg.TokenLifetime <= longestTime, "LogoutConfig.TokenLifetime is %v, expected at most 366 days", cfg.TokenLifetime)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	tokens := denier{list: store.DenyList{Storage: cfg.Storage}, lifetime: cfg.TokenLifetime, sessionClaim: cfg.SessionClaim}
	return cfg.Client.BackchannelLogout(func(ctx context.Context, token *client.LogoutToken) error {
		ended := Target{Issuer: token.Issuer(), Subject: token.Subject(), Session: token.SessionID()}
		// The Client has verified that iat is at most maxClockSkew in the future.
		if _, err := tokens.denyTarget(ctx, ended, EffectSession, nextSecond(token.IssuedAt())); err != nil {
			return err
		}
		if cfg.OnLogout != nil {
			return cfg.OnLogout(ctx, token)
		}
		return nil
	}), nil
}
