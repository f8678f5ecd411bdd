package weblogin

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

const keyBytes = 32 // of Config.Key: AES-256

// Config describes an [App]. Client and Sessions are required.
type Config struct {
	// Client is the OAuth client. Its RedirectURI must be the URL of the App's callback: the public scheme and host of the
	// application, then Prefix, then "callback". Its Scopes are requested at each sign-in. Without the scope "openid" there
	// is no ID token: User has no subject and no claims, and the server cannot end the session with a back-channel logout.
	Client *client.Client

	// Sessions stores the sessions. Create it with scs.New. New sets its Cookie: the name is "__Host-session", with a suffix
	// that depends on Prefix if that is not "/auth/"; the attributes are HttpOnly, Secure and SameSite=Lax. Lifetime and
	// IdleTimeout remain as they are. Lifetime must be positive, because a login lasts no longer. Codec must decode a []byte
	// as a []byte, as scs.GobCodec does.
	Sessions *scs.SessionManager

	// Authorization has the options of each authorization request. The zero value uses the configuration of Client.
	// ResponseMode must not be a form_post, because the callback accepts only GET. ReturnTo must be empty, because the App
	// sets it.
	Authorization client.AuthorizationOptions

	// Key encrypts the cookies of sign-ins in progress. It has 32 bytes. If it is nil, New creates a random key. All
	// processes that serve the same host need the same Key.
	Key []byte

	// Prefix is the path below which the App serves its endpoints. It begins and ends with a slash. Empty means "/auth/".
	// Apps on one host need different prefixes.
	Prefix string

	// AfterLogin is the local path to which the user is redirected after a sign-in that names no return_to. It must not be
	// the login or the callback. Empty means "/".
	AfterLogin string

	// AfterLogout is the local path to which the user is redirected after a logout, if the server has no logout page or the
	// login has no ID token. Empty means "/".
	AfterLogout string

	// PostLogoutRedirectURI is the registered URL to which the server redirects the user after its own logout. If it is
	// empty, the user stays at the server.
	PostLogoutRedirectURI string

	// Claims lists the claims of the user that the session endpoint returns to scripts. Nil means sub, name,
	// preferred_username and email.
	Claims []string

	// Lock ensures that one process at a time refreshes the token of a session. If it is nil, one request of this process
	// at a time does so. Set it if several processes use the same store: a server may reject a refresh token that two
	// processes send, and the user must sign in again.
	Lock client.TokenLocker

	// Transport sends requests to APIs. Nil means http.DefaultTransport.
	Transport http.RoundTripper

	// APITimeout limits the time from the arrival of a request at a Proxy until the API's response begins. It includes the
	// upload of the request body. The response body may take longer. Zero means 1 minute.
	APITimeout time.Duration

	// ProxyHeaders lists additional headers that a Proxy passes on in both directions. New returns an error for headers that
	// have a meaning for servers, proxies or browsers, such as Cookie.
	ProxyHeaders []string

	// ErrorHandler writes the response to a sign-in or logout that failed. If it is nil, the response is a plain page that
	// does not say why. Do not show err to the user: it may quote the server. If a token was received and could not be kept,
	// err matches a *[client.IncompleteError] with errors.As, and the App has tried to revoke the token.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, status int, err error)

	// Logger logs failures. Nil means that nothing is logged.
	Logger *slog.Logger

	// InsecureHTTP creates cookies that browsers also send without TLS. It is for development only. It is required if
	// RedirectURI has the scheme http.
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

// validate returns all faults of cfg, joined. Each names its field.
func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("weblogin: Config.%s %s", field, problem))
		}
	}
	check(cfg.Client != nil, "Client", "is required")
	check(cfg.Sessions != nil, "Sessions", "is required")
	check(cfg.Key == nil || len(cfg.Key) == keyBytes, "Key", fmt.Sprintf("has %d bytes, expected %d", len(cfg.Key), keyBytes))
	check(cfg.Prefix == "" || isPrefix(cfg.Prefix), "Prefix", fmt.Sprintf("is %q, expected a plain path that begins and ends with a slash", cfg.Prefix))
	check(cfg.AfterLogin == "" || isLocal(cfg.AfterLogin), "AfterLogin", fmt.Sprintf("is %q, expected a local path", cfg.AfterLogin))
	check(!isSignInEndpoint(cfg.prefix(), cfg.AfterLogin), "AfterLogin", "is an endpoint that begins the sign-in again")
	check(cfg.AfterLogout == "" || isLocal(cfg.AfterLogout), "AfterLogout", fmt.Sprintf("is %q, expected a local path", cfg.AfterLogout))
	check(cfg.PostLogoutRedirectURI == "" || isAbsolute(cfg.PostLogoutRedirectURI), "PostLogoutRedirectURI",
		fmt.Sprintf("is %q, expected an absolute http or https URL", cfg.PostLogoutRedirectURI))
	check(cfg.APITimeout >= 0, "APITimeout", fmt.Sprintf("is %v, expected 0 or more", cfg.APITimeout))
	for _, name := range cfg.ProxyHeaders {
		check(!isDangerous(name), "ProxyHeaders", fmt.Sprintf("has %q, which has a meaning for servers or browsers", name))
	}
	check(!strings.HasPrefix(cfg.Authorization.ResponseMode, "form_post"), "Authorization.ResponseMode", "is a form_post, but the callback accepts only GET")
	check(cfg.Authorization.ReturnTo == "", "Authorization.ReturnTo", "is set, but the App sets it: use AfterLogin")
	return errors.Join(append(faults, cfg.validateSessions(), cfg.validateRedirect())...)
}

// validateSessions rejects a SessionManager that would panic, end each session at once, or lose each login.
func (cfg Config) validateSessions() error {
	s := cfg.Sessions
	switch {
	case s == nil:
		return nil // reported already
	case s.Store == nil || s.Codec == nil:
		return errors.New("weblogin: Config.Sessions has no Store or no Codec: create it with scs.New")
	case !keepsBytes(s.Codec):
		return errors.New("weblogin: Config.Sessions.Codec does not decode a []byte as a []byte: use scs.GobCodec")
	case s.Lifetime <= 0:
		return fmt.Errorf("weblogin: Config.Sessions.Lifetime is %v, expected more than 0", s.Lifetime)
	}
	return nil
}

// keepsBytes reports whether a codec decodes a []byte as one. JSON, for example, decodes a string instead, and then no login
// would be found in any session.
func keepsBytes(codec scs.Codec) bool {
	const name, value = "name", "value"
	text, err := codec.Encode(time.Now(), map[string]any{name: []byte(value)})
	if err != nil {
		return false
	}
	_, values, err := codec.Decode(text)
	got, ok := values[name].([]byte)
	return err == nil && ok && string(got) == value
}

// validateRedirect rejects a redirect URI at which the App does not receive the authorization response, or receives it
// without the cookies that it needs.
func (cfg Config) validateRedirect() error {
	if cfg.Client == nil {
		return nil // reported already
	}
	field, address := "Client.RedirectURI", cfg.Client.RedirectURI()
	if cfg.Authorization.RedirectURI != "" {
		field, address = "Authorization.RedirectURI", cfg.Authorization.RedirectURI
	}
	want := cfg.prefix() + "callback"
	u, err := url.Parse(address)
	switch {
	case err != nil || !isAbsolute(address) || u.User != nil || u.EscapedPath() != want:
		return fmt.Errorf("weblogin: Config.%s is %q, expected an http or https URL with the path %q (Config.Prefix + callback)", field, address, want)
	case u.Scheme == "http" && !cfg.InsecureHTTP:
		return fmt.Errorf("weblogin: Config.%s is %q, expected https, or Config.InsecureHTTP for development", field, address)
	}
	return nil
}

// isAbsolute reports whether address is an http or https URL with a host and no fragment, to which a browser can be
// redirected.
func isAbsolute(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Hostname() != "" && (u.Scheme == "https" || u.Scheme == "http") && u.Fragment == ""
}

// prefix is Prefix with its default.
func (cfg Config) prefix() string { return cmp.Or(cfg.Prefix, defaultPrefix) }

// defaultPrefix is the Prefix of an App whose session cookie has no suffix.
const defaultPrefix = "/auth/"

// redirectURI is where the authorization response arrives.
func (cfg Config) redirectURI() string {
	return cmp.Or(cfg.Authorization.RedirectURI, cfg.Client.RedirectURI())
}

// withDefaults returns cfg with its defaults. It copies the slices, so that the caller may change its own.
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
	cfg.Claims = slices.Clone(cfg.Claims)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

// isPrefix reports whether prefix is a plain path that begins and ends with a slash. Other paths are patterns for a
// ServeMux, or it redirects them.
func isPrefix(prefix string) bool {
	return strings.HasPrefix(prefix, "/") && strings.HasSuffix(prefix, "/") && !strings.ContainsAny(prefix, "{} %?#\\;") &&
		(prefix == "/" || path.Clean(prefix)+"/" == prefix)
}
