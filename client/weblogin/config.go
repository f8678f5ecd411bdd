package weblogin

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

const keyBytes = 32 // of Config.Key: AES-256

// Config describes an [App]. Client and Sessions are required.
type Config struct {
	// Client is the OAuth client. Its RedirectURI must be the URL of the App's callback: the public scheme and host of the
	// application, then Prefix, then "callback". Its Scopes are requested at each sign-in. Authorization can replace both.
	// Without the scope "openid" there is no ID token: User has no subject and no claims, and the server cannot end the
	// session with a back-channel logout.
	Client *client.Client

	// Sessions stores the sessions. Create it with scs.New. New sets its Cookie: the name is "__Host-session", with a suffix
	// that depends on Prefix if that is not "/auth/"; the attributes are HttpOnly, Secure and SameSite=Lax. New does not
	// change Lifetime and IdleTimeout. Lifetime must be positive; it is also the maximum duration of a login. Codec must
	// decode a []byte as a []byte, as scs.GobCodec does. Set Store before New, for example to a seal.Sessions, which encrypts the
	// entries: New puts a store of its own in front of it.
	Sessions *scs.SessionManager

	// Authorization has the options of each authorization request. The zero value uses the configuration of Client.
	// With the ResponseMode "form_post" or "form_post.jwt", the callback accepts only POST requests; otherwise it accepts only
	// GET requests. ReturnTo and Subject must be empty, because the App sets them.
	Authorization client.AuthorizationOptions

	// Key encrypts the cookies of sign-ins in progress, and the URLs of sign-ins that an API requires. It has 32 bytes. If
	// it is nil, New creates a random key, so a sign-in in progress fails if the process restarts. All processes that serve
	// the same host need the same Key.
	Key []byte

	// Prefix is the path below which the App serves its endpoints. It begins and ends with a slash. Empty means "/auth/".
	// Apps on one host need different prefixes.
	Prefix string

	// LoginParams lists the parameters that the login endpoint takes from its query and sends to the authorization server:
	// "prompt", "login_hint", "acr_values", "max_age", "ui_locales", "display", and names that the server defines, such as
	// "domain_hint". Nil means none. return_to and prompt=login are accepted in any case.
	//
	// Other sites can link to the login, so these parameters never make a sign-in weaker than Authorization requires: prompt
	// is added to Authorization.Prompt, the shorter max_age is used, and each of acr_values must be in
	// Authorization.ACRValues. If Authorization.ACRValues is empty, a link can choose any acr, even a weaker one than the
	// server would use by default. Add a name that the server defines only if everyone may choose its value.
	//
	// A value has at most 512 bytes. If a value is not valid, the response has status 400. New returns an error for names
	// that decide what is requested, and for whom, such as "scope". To choose values in code, use App.Login.
	LoginParams []string

	// OnSignIn, if not nil, is called after a sign-in was verified and before it takes effect. It may set Values and
	// ReturnTo of s. If it returns an error or panics, nobody is signed in: the token is revoked, the error is logged,
	// ErrorHandler is called with status 403 (500 after a panic), and an earlier login of the same browser remains. The
	// error that ErrorHandler receives wraps the error of OnSignIn.
	//
	// ctx ends after 2 minutes at the latest, but not when the browser closes the connection. If OnSignIn returns after the
	// end of ctx, the sign-in fails as after a panic. ctx contains the session from before the sign-in, which OnSignIn may
	// read. OnSignIn is called concurrently.
	OnSignIn func(ctx context.Context, s *SignIn) error

	// AfterLogin is the local path to which the user is redirected after a sign-in without return_to. A signed-in user is
	// also redirected there from a callback that was opened twice or too late. It must not be the login or the callback.
	// Empty means "/".
	AfterLogin string

	// AfterLogout is the local path to which the user is redirected after a logout, if LogoutURL is empty, and the server
	// has no logout page or the login has no ID token. The default error page links to it. Empty means "/".
	AfterLogout string

	// PostLogoutRedirectURI is the URL to which the server redirects the user after its own logout. Register it at the
	// server. If it is empty, the user stays at the server.
	PostLogoutRedirectURI string

	// LogoutURL is the URL to which the user is redirected after a logout, with all its parameters. Set it if the server
	// does not implement OpenID Connect RP-Initiated Logout, for example to
	// "https://login.example.com/logout?client_id=shop&logout_uri=https%3A%2F%2Fshop.example.com%2F" for Amazon Cognito.
	// PostLogoutRedirectURI must be empty then. Empty means the end_session_endpoint of the metadata, with the ID token as a
	// hint. The hint is omitted if the URL would be longer than 8000 bytes; the server may then ask the user to confirm.
	LogoutURL string

	// FrontchannelLogout enables the endpoint frontchannel-logout (OpenID Connect Front-Channel Logout 1.0). Register its
	// URL at the server with frontchannel_logout_session_required, because the request must name the issuer and the session.
	// False means that the App does not have this endpoint. If the server has both, use the back-channel logout: its
	// requests are signed, and it also ends a session whose sign-in is still in progress.
	FrontchannelLogout bool

	// Claims lists the claims of the user that the session endpoint returns to scripts. Nil means sub, name,
	// preferred_username and email.
	Claims []string

	// Lock ensures that only one process at a time refreshes the token of a session. Set it if several processes use the
	// same store. Otherwise two of them may send the same refresh token, the server may reject it, and the user must sign in
	// again. If Lock is nil, only one request of this process at a time refreshes the token.
	Lock client.TokenLocker

	// Transport sends requests to APIs. Nil means http.DefaultTransport.
	Transport http.RoundTripper

	// APITimeout limits the time from the arrival of a request at a Proxy until the API's response begins. It includes the
	// upload of the request body, but not the transfer of the response body. Zero means 1 minute.
	APITimeout time.Duration

	// ProxyHeaders lists additional headers that a Proxy passes on in both directions. New returns an error for headers that
	// have a meaning for servers, proxies or browsers, such as Cookie.
	ProxyHeaders []string

	// ErrorHandler writes the response if a sign-in or logout has failed, and if a browser opens a page of an API that
	// requires another sign-in. If it is nil, the response is a plain page that says what the user can do, with links to the
	// login and to AfterLogout. status is the status that the response should have: 400, 401, 403, 500, 502 or 503. Do not
	// show err to the user, because it may quote the server. err matches, for example:
	//
	//   - [client.ErrNotPending]: the sign-in has expired, was completed before, or was begun in another browser
	//   - [client.ErrAccessDenied]: the user or the server declined. For other codes of servers with this meaning, status is
	//     403 too
	//   - [client.ErrUnavailable]: the authorization server cannot be reached
	//   - a *[StepUpError], with errors.As: the API requires another sign-in; show a link to the Login of the error
	//   - a *[client.IncompleteError], with errors.As: a token was received and could not be kept; the App has tried to
	//     revoke it
	ErrorHandler func(w http.ResponseWriter, r *http.Request, status int, err error)

	// Logger receives failures at level Warn, and panics of OnSignIn at level Error. Nil means that nothing is logged.
	Logger *slog.Logger

	// InsecureHTTP creates cookies without Secure and __Host-, which browsers also send without TLS. It is for development
	// only. It is required if the redirect URI has the scheme http. False means that the redirect URI must have the scheme
	// https.
	InsecureHTTP bool
}

// Format prints the Config without its key.
func (cfg Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "weblogin.Config{"+cfg.Prefix+"}")
}

// LogValue returns the Config without its key.
func (cfg Config) LogValue() slog.Value {
	return slog.StringValue("weblogin.Config{" + cfg.Prefix + "}")
}

// withDefaults returns cfg with its defaults. It copies the slices and maps, so that the caller may change its own.
func (cfg Config) withDefaults() Config {
	cfg.Prefix = cfg.prefix()
	cfg.AfterLogin, cfg.AfterLogout = cmp.Or(cfg.AfterLogin, "/"), cmp.Or(cfg.AfterLogout, "/")
	cfg.APITimeout = cmp.Or(cfg.APITimeout, time.Minute)
	cfg.ProxyHeaders = slices.Clone(cfg.ProxyHeaders)
	if cfg.Key == nil {
		cfg.Key = make([]byte, keyBytes)
		_, _ = rand.Read(cfg.Key) // never fails
	}
	if cfg.Claims == nil {
		cfg.Claims = []string{"sub", "name", "preferred_username", "email"}
	}
	cfg.Claims, cfg.LoginParams = slices.Clone(cfg.Claims), slices.Clone(cfg.LoginParams)
	o := &cfg.Authorization
	o.Scopes, o.Resource, o.Prompt = slices.Clone(o.Scopes), slices.Clone(o.Resource), slices.Clone(o.Prompt)
	o.ACRValues, o.UILocales = slices.Clone(o.ACRValues), slices.Clone(o.UILocales)
	o.Claims, o.Extra = maps.Clone(o.Claims), maps.Clone(o.Extra)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}
