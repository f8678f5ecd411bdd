package weblogin

import (
	"crypto/cipher"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
)

// App signs users in. Create it with [New]. It is an [http.Handler] for the endpoints below Config.Prefix, and safe for
// concurrent use.
//
// Requests with a method other than GET and HEAD are accepted only from the application's own pages. Browsers say in the
// headers Sec-Fetch-Site and Origin where a request comes from, and no page can set these headers. A request with such a
// method and neither header is rejected. The endpoints that the authorization server calls, callback and backchannel-logout,
// are exceptions.
type App struct {
	cfg      Config
	owner    owner
	mux      *http.ServeMux
	sessions *scs.SessionManager
	store    *finalStore
	pending  *client.PendingCookies
	seal     cipher.AEAD // for step-up links
	tokens   *tokenStore
	sources  *sources
}

// Format prints the App without its secrets.
func (a *App) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "weblogin.App{}") }

// LogValue returns the App without its secrets.
func (a *App) LogValue() slog.Value { return slog.StringValue("weblogin.App{}") }

// New creates an App. If cfg is not valid, it returns an error that names each field to correct. It does no I/O.
//
// New changes cfg.Sessions: it sets Cookie, and wraps Store so that a session that was deleted stays deleted. It returns an
// error if another App with the same SessionManager has the same issuer and client id, or the same redirect URI.
func New(cfg Config) (*App, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	pending, err := client.NewPendingCookies(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("weblogin: Config.Key: %w", err)
	}
	pending.InsecureHTTP, pending.Resubmits, pending.Client = cfg.InsecureHTTP, true, cfg.Client
	seal, err := newSeal(cfg.Key)
	if err != nil {
		return nil, fmt.Errorf("weblogin: Config.Key: %w", err)
	}
	a := &App{cfg: cfg, owner: newOwner(cfg), sessions: cfg.Sessions, pending: pending, seal: seal, mux: http.NewServeMux()}
	if a.store, err = joinManager(cfg.Sessions, a.owner); err != nil {
		return nil, err
	}
	// The token store revokes tokens through the App, and the sources read from the token store, so both come after a.
	a.tokens = &tokenStore{store: a.store, owner: a.owner, lock: cfg.Lock, late: a.revoke, busy: make(map[string]chan struct{})}
	if a.sources, err = newSources(a.openSource); err != nil {
		return nil, err
	}
	a.mount()
	return a, nil
}

// mount registers the endpoints.
func (a *App) mount() {
	endpoints := map[string]http.HandlerFunc{
		"GET login":    a.login,
		"GET callback": a.withSession(a.callback, a.fail),
		"GET session":  a.own(a.withSession(a.status, a.rejectFor)),
		"POST refresh": a.withUser(a.refresh),
		"POST logout":  a.own(a.withSession(a.logout, a.fail)),

		// The authorization server sends this request, not a browser, so own does not apply. The logout token authenticates it.
		"POST backchannel-logout": a.cfg.Client.BackchannelLogout(a.loggedOutElsewhere).ServeHTTP,
	}
	if a.isPosted() {
		endpoints["POST callback"] = a.posted // from a page of the authorization server
	}
	if a.cfg.FrontchannelLogout {
		endpoints["GET frontchannel-logout"] = a.frontchannelLogout // in a frame of the authorization server
	}
	for pattern, handler := range endpoints {
		method, name, _ := strings.Cut(pattern, " ")
		a.mux.Handle(method+" "+a.cfg.Prefix+name, handler)
	}
}

// openSource creates the token source of one login.
func (a *App) openSource(key string) (*client.TokenSource, error) {
	// No token is passed here: the source reads the token that the callback has saved under key.
	return a.cfg.Client.TokenSource(client.TokenSourceConfig{Store: a.tokens, Key: key})
}

// ServeHTTP implements [http.Handler].
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // URLs of this App contain codes
	h.Set("X-Content-Type-Options", "nosniff")
	a.mux.ServeHTTP(w, r)
}
