package weblogin

import (
	"cmp"
	"container/list"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path"
	"slices"
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

	// APITimeout is how long an API may take, the upload included, until its answer begins; the answer itself may go on for
	// longer. Zero: 1 minute.
	APITimeout time.Duration

	// ProxyHeaders are names of headers that a Proxy lets through in both directions, beyond the usual ones. They are known
	// to no server and no browser as more than data.
	ProxyHeaders []string

	// ErrorHandler answers a sign-in or a logout that failed. Nil: a plain page, which says nothing of why. err may quote
	// the server: it is not for the user. When a token was received and is lost to the user, it is a
	// [client.IncompleteError]; the token was revoked then, if the server lets tokens be revoked.
	ErrorHandler func(w http.ResponseWriter, r *http.Request, status int, err error)

	// Logger is told of what fails. Nil: nothing is logged.
	Logger *slog.Logger

	// InsecureHTTP makes cookies that are sent without TLS, too, for development.
	InsecureHTTP bool
}

// Format leaves the key out, whatever the verb.
func (cfg Config) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "weblogin.Config{"+cfg.Prefix+"}")
}

// LogValue leaves the key out.
func (cfg Config) LogValue() slog.Value {
	return slog.StringValue("weblogin.Config{" + cfg.Prefix + "}")
}

// App signs users in. It is safe for concurrent use.
//
// What changes something is taken from the application's own pages alone: the browser says so in Sec-Fetch-Site or Origin,
// which no page can forge. A browser that says neither is refused.
type App struct {
	cfg       Config
	mux       *http.ServeMux
	sessions  *scs.SessionManager
	store     *finalStore
	pending   *client.PendingCookies
	tokens    *tokenStore
	sources   *sources
	crossSite *http.CrossOriginProtection
}

// Format leaves all secrets out, whatever the verb.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "weblogin.App{}") }

// LogValue leaves all secrets out.
func (a *App) LogValue() slog.Value { return slog.StringValue("weblogin.App{}") }

// New checks cfg and reports all that is wrong with it. It does no I/O. It sets the cookie of cfg.Sessions, and puts its
// own store before the one there, so that nothing brings back a session that was deleted.
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
		cfg: cfg, sessions: cfg.Sessions, store: finalStoreOf(cfg.Sessions), pending: pending, mux: http.NewServeMux(),
		crossSite: http.NewCrossOriginProtection(),
	}
	a.tokens = &tokenStore{store: a.store, lock: cfg.Lock, late: a.revoke, busy: make(map[string]chan struct{})}
	a.sources = &sources{open: a.openSource, byKey: make(map[string]*list.Element)}
	a.setCookie()
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET login": a.login, "GET callback": a.withSession(a.callback, a.fail), "GET session": a.own(a.withSession(a.status, a.refuseFor)),
		"POST refresh": a.withUser(a.refresh), "POST logout": a.own(a.withSession(a.logout, a.fail)),
		"POST backchannel-logout": cfg.Client.BackchannelLogout(a.loggedOutElsewhere).ServeHTTP,
	} {
		method, name, _ := strings.Cut(pattern, " ")
		a.mux.Handle(method+" "+cfg.Prefix+name, handler)
	}
	return a, nil
}

func (a *App) openSource(key string) (*client.TokenSource, error) {
	return a.cfg.Client.TokenSource(client.TokenSourceConfig{Store: a.tokens, Key: key})
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
	check(cfg.Prefix == "" || isPrefix(cfg.Prefix), "Prefix", "is no plain path between slashes")
	check(cfg.AfterLogin == "" || isLocal(cfg.AfterLogin), "AfterLogin", "is no local path")
	check(cfg.AfterLogout == "" || isLocal(cfg.AfterLogout), "AfterLogout", "is no local path")
	check(cfg.APITimeout >= 0, "APITimeout", "is negative")
	check(!slices.ContainsFunc(cfg.ProxyHeaders, isDangerous), "ProxyHeaders", "has one that means something to a server or a browser")
	check(!strings.HasPrefix(cfg.Authorization.ResponseMode, "form_post"), "Authorization", "asks for a form_post")
	return errors.Join(faults...)
}

func (cfg Config) withDefaults() Config {
	cfg.Prefix = cmp.Or(cfg.Prefix, "/auth/")
	cfg.AfterLogin, cfg.AfterLogout = cmp.Or(cfg.AfterLogin, "/"), cmp.Or(cfg.AfterLogout, "/")
	cfg.APITimeout = cmp.Or(cfg.APITimeout, time.Minute)
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

// isPrefix refuses what a ServeMux would take for a pattern, or send elsewhere.
func isPrefix(prefix string) bool {
	return strings.HasPrefix(prefix, "/") && strings.HasSuffix(prefix, "/") && !strings.ContainsAny(prefix, "{} %?#\\;") &&
		(prefix == "/" || path.Clean(prefix)+"/" == prefix)
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
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // there are codes in URLs
	h.Set("X-Content-Type-Options", "nosniff")
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

// isOwn goes by what a page cannot forge: where the browser says that a request comes from. "none" is the user, at the
// address bar. A browser that says nothing of a request that changes something is none.
func (a *App) isOwn(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	if site != "" && site != "same-origin" && site != "none" || a.crossSite.Check(r) != nil {
		return false
	}
	return isSafe(r) || site != "" || r.Header.Get("Origin") != ""
}

func isSafe(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// refuseFor answers a script for whom there is no token, or no API.
func (a *App) refuseFor(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, errNobody) { // which is no news
		a.cfg.Logger.LogAttrs(r.Context(), slog.LevelWarn, "request refused", slog.Any("error", err))
	}
	switch {
	case errors.Is(err, client.ErrInvalidGrant), errors.Is(err, client.ErrNoToken), errors.Is(err, errNobody):
		refuse(w, http.StatusUnauthorized, "login_required")
	case errors.Is(err, client.ErrUnavailable), errors.Is(err, errStore):
		refuse(w, http.StatusServiceUnavailable, "temporarily_unavailable")
	case errors.Is(err, errSlow):
		refuse(w, http.StatusGatewayTimeout, "gateway_timeout")
	default:
		refuse(w, http.StatusBadGateway, "bad_gateway")
	}
}

// refuse says no to a script.
func refuse(w http.ResponseWriter, status int, code string) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `{"error":%q}`+"\n", code)
}
