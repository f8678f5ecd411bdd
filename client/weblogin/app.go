package weblogin

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

// Config describes an [App]. Client and Sessions are required.
type Config struct {
	// Client has the redirect URI, which is that of /auth/callback on this host, and the scopes. With "openid" among them
	// there are claims of the user.
	Client *client.Client

	// Sessions keeps the sessions. New sets its cookie: __Host-session, HttpOnly, Secure, SameSite=Lax. Lifetime and
	// IdleTimeout stay as they are.
	Sessions *scs.SessionManager

	// Authorization is what the user is asked for. The answer comes by GET: ResponseMode is not a form_post.
	Authorization client.AuthorizationOptions

	// Key has 32 octets and encrypts sign-ins under way. Nil: a random one. Processes that share the work need the same.
	Key []byte

	// Prefix is where the App answers. Empty: "/auth/".
	Prefix string

	// AfterLogin and AfterLogout are local paths. Empty: "/". PostLogoutRedirectURI is where the server sends the user after
	// it has signed them out, too, as it was registered. Empty: nowhere.
	AfterLogin, AfterLogout, PostLogoutRedirectURI string

	// Claims are shown by /auth/session. Nil: sub, name, preferred_username and email.
	Claims []string

	// Lock has one process at a time refresh a session's token. Nil: one request of this process at a time.
	Lock client.TokenLocker

	// Transport sends requests to APIs. Nil: http.DefaultTransport.
	Transport http.RoundTripper

	// OnError answers a sign-in that failed. Nil: a plain page, which says nothing of why. err may quote the server: it is
	// not for the user.
	OnError func(w http.ResponseWriter, r *http.Request, status int, err error)

	// Logger is told of what fails. Nil: nothing is logged.
	Logger *slog.Logger

	// InsecureHTTP makes cookies that are sent without TLS, too, for development.
	InsecureHTTP bool
}

// App signs users in. It is safe for concurrent use.
type App struct {
	cfg       Config
	mux       *http.ServeMux
	sessions  *scs.SessionManager
	pending   *client.PendingCookies
	tokens    *tokenStore
	crossSite *http.CrossOriginProtection
}

// New checks cfg and reports all that is wrong with it. It does no I/O.
func New(cfg Config) (*App, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	pending, err := client.NewPendingCookies(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("weblogin: Config.Key: %w", err)
	}
	pending.InsecureHTTP = cfg.InsecureHTTP
	a := &App{
		cfg: cfg, sessions: cfg.Sessions, pending: pending, mux: http.NewServeMux(),
		tokens: newTokenStore(cfg.Sessions, cfg.Lock), crossSite: http.NewCrossOriginProtection(),
	}
	a.setCookie()
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET login": a.login, "GET callback": a.callback, "GET session": a.status,
		"POST refresh": a.own(a.refresh), "POST logout": a.own(a.logout),
	} {
		method, path, _ := strings.Cut(pattern, " ")
		a.mux.Handle(method+" "+cfg.Prefix+path, a.sessions.LoadAndSave(handler))
	}
	a.mux.Handle("POST "+cfg.Prefix+"backchannel-logout", cfg.Client.BackchannelLogout(a.loggedOutElsewhere))
	return a, nil
}

func (cfg Config) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("weblogin: Config.%s %s", field, problem))
		}
	}
	check(cfg.Client != nil, "Client", "is required")
	check(cfg.Sessions != nil, "Sessions", "is required")
	check(cfg.Key == nil || len(cfg.Key) == 32, "Key", "does not have 32 octets")
	check(cfg.Prefix == "" || strings.HasPrefix(cfg.Prefix, "/") && strings.HasSuffix(cfg.Prefix, "/"), "Prefix", "is no path between slashes")
	check(cfg.AfterLogin == "" || isLocal(cfg.AfterLogin), "AfterLogin", "is no local path")
	check(cfg.AfterLogout == "" || isLocal(cfg.AfterLogout), "AfterLogout", "is no local path")
	check(!strings.HasPrefix(cfg.Authorization.ResponseMode, "form_post"), "Authorization", "asks for a form_post")
	return errors.Join(faults...)
}

func (cfg Config) withDefaults() Config {
	cfg.Prefix = cmp.Or(cfg.Prefix, "/auth/")
	cfg.AfterLogin, cfg.AfterLogout = cmp.Or(cfg.AfterLogin, "/"), cmp.Or(cfg.AfterLogout, "/")
	if cfg.Key == nil {
		cfg.Key = make([]byte, 32)
		_, _ = rand.Read(cfg.Key) // never fails
	}
	if cfg.Claims == nil {
		cfg.Claims = []string{"sub", "name", "preferred_username", "email"}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func (a *App) setCookie() {
	cookie := &a.sessions.Cookie
	cookie.Name, cookie.Secure = "__Host-session", true
	if a.cfg.InsecureHTTP {
		cookie.Name, cookie.Secure = "session", false
	}
	cookie.Path, cookie.Domain, cookie.HttpOnly, cookie.SameSite = "/", "", true, http.SameSiteLaxMode
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	a.mux.ServeHTTP(w, r)
}

// own lets only requests of the application's own pages through.
func (a *App) own(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !a.isOwn(r) {
			refuse(w, http.StatusForbidden, "cross_site")
			return
		}
		next(w, r)
	}
}

// isOwn goes by what a page cannot forge: where the browser says that a request comes from. A browser that says nothing of
// a request that changes something is none.
func (a *App) isOwn(r *http.Request) bool {
	if r.Header.Get("Sec-Fetch-Site") == "cross-site" || a.crossSite.Check(r) != nil {
		return false
	}
	safe := r.Method == http.MethodGet || r.Method == http.MethodHead
	return safe || r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
}

// refuse says no to a script.
func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`+"\n", code)
}

const revokeTimeout = 5 * time.Second
