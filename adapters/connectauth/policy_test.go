package connectauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// echo is a handler that writes its path and the user.
func echo(w http.ResponseWriter, r *http.Request) {
	user := "nobody"
	if token, ok := connectauth.Token(r.Context()); ok {
		user = token.Subject()
	}
	_, _ = io.WriteString(w, r.URL.Path+" "+user)
}

func newPolicy(t *testing.T, cfg connectauth.Config) http.Handler {
	t.Helper()
	handler, err := connectauth.New(cfg, http.HandlerFunc(echo))
	if err != nil {
		t.Fatal(err)
	}
	return handler
}

// post sends a unary Connect call.
func post(t *testing.T, handler http.Handler, path, bearer string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", bearer)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func TestPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cfg := connectauth.Config{
		Guard: w.guard,
		Policy: map[string][]middleware.Rule{
			"/orders.v1.Orders/List":    {middleware.Scopes("orders:read")},
			"/orders.v1.Orders/Cancel":  {middleware.Scopes("orders:write")},
			"/orders.v1.Orders/Whoami":  nil,
			"/admin.v1.Admin/*":         {middleware.Scopes("admin")},
			"/admin.v1.Admin/Version":   {middleware.Scopes("orders:read")},
			"/public.v1.Public/Private": {},
		},
		Public: []string{"/grpc.health.v1.Health/*", "/public.v1.Public/*", "/admin.v1.Admin/Ping"},
	}
	handler := newPolicy(t, cfg)
	mounted := http.NewServeMux()
	mounted.Handle("/api/", http.StripPrefix("/api", handler))
	outside := newPolicy(t, connectauth.Config{Guard: w.guard, Policy: map[string][]middleware.Rule{"/api/orders.v1.Orders/List": nil}})
	for name, test := range map[string]struct {
		handler http.Handler
		path    string
		with    int    // the status with a token
		without int    // the status without a token
		body    string // with a token
	}{
		"listed":                       {path: "/orders.v1.Orders/List", with: 200, without: 401, body: "/orders.v1.Orders/List alice"},
		"rule not met":                 {path: "/orders.v1.Orders/Cancel", with: 403, without: 401},
		"no rules":                     {path: "/orders.v1.Orders/Whoami", with: 200, without: 401},
		"service, rule not met":        {path: "/admin.v1.Admin/Delete", with: 403, without: 401},
		"service, procedure by name":   {path: "/admin.v1.Admin/Version", with: 200, without: 401},
		"service, public by name":      {path: "/admin.v1.Admin/Ping", with: 200, without: 200, body: "/admin.v1.Admin/Ping nobody"},
		"public service":               {path: "/grpc.health.v1.Health/Check", with: 200, without: 200},
		"public service, not public":   {path: "/public.v1.Public/Private", with: 200, without: 401},
		"unlisted":                     {path: "/orders.v1.Orders/Create", with: 403, without: 401},
		"unlisted service":             {path: "/orders.v1.Other/List", with: 403, without: 401},
		"another case":                 {path: "/orders.v1.orders/List", with: 403, without: 401},
		"a slash at the end":           {path: "/orders.v1.Orders/List/", with: 403, without: 401},
		"a slash at the start":         {path: "//orders.v1.Orders/List", with: 403, without: 401},
		"two slashes":                  {path: "/orders.v1.Orders//List", with: 403, without: 401},
		"dots":                         {path: "/public.v1.Public/../orders.v1.Orders/List", with: 403, without: 401},
		"a dot":                        {path: "/public.v1.Public/.", with: 403, without: 401},
		"two dots":                     {path: "/public.v1.Public/..", with: 403, without: 401},
		"a longer path":                {path: "/public.v1.Public/orders.v1.Orders/Cancel", with: 403, without: 401},
		"the star itself":              {path: "/public.v1.Public/*", with: 403, without: 401},
		"a prefix":                     {path: "/api/orders.v1.Orders/List", with: 403, without: 401},
		"encoded letter":               {path: "/orders.v1.Orders/%4cist", with: 403, without: 401},
		"encoded slash":                {path: "/orders.v1.Orders%2fList", with: 403, without: 401},
		"encoded slash, public":        {path: "/public.v1.Public%2fPing", with: 403, without: 401},
		"encoded slash in the method":  {path: "/public.v1.Public/a%2fb", with: 403, without: 401},
		"the root":                     {path: "/", with: 403, without: 401},
		"behind StripPrefix":           {handler: mounted, path: "/api/orders.v1.Orders/List", with: 200, without: 401, body: "/orders.v1.Orders/List alice"},
		"behind StripPrefix, unlisted": {handler: mounted, path: "/api/orders.v1.Orders/Create", with: 403, without: 401},
		"key with a prefix":            {handler: outside, path: "/api/orders.v1.Orders/List", with: 200, without: 401},
		"key with a prefix, no prefix": {handler: outside, path: "/orders.v1.Orders/List", with: 403, without: 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.handler == nil {
				test.handler = handler
			}
			if status, body := post(t, test.handler, test.path, w.bearer()); status != test.with || test.body != "" && body != test.body {
				t.Errorf("with a token: %d %s", status, body)
			}
			if status, body := post(t, test.handler, test.path, ""); status != test.without {
				t.Errorf("without a token: %d %s", status, body)
			}
		})
	}
}

// A path that was not parsed from a request line may have any form.
func TestPolicy_StrangePaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := newPolicy(t, connectauth.Config{Guard: w.guard, Public: []string{"/a.A/*"}, Policy: map[string][]middleware.Rule{"/b.B/Do": nil}})
	for _, path := range []string{"", "*", "a.A/Do", "/a.A", "/a.A/", "/", "//", "/a.A/\x00", "/a.A/Ä", "/a.A/a b", "/a.A/a?b", "/a.A/a%b", "/b.B/Do\n"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.URL = &url.URL{Path: path}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, r)
		if response.Code != http.StatusUnauthorized {
			t.Errorf("path %q: %d %s", path, response.Code, response.Body)
		}
	}
}

// Config.Optional and Config.AllowPreflight do not open paths that the policy does not list.
func TestPolicy_RequestsWithoutToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *middleware.Config) { cfg.Optional, cfg.AllowPreflight = true, true })
	handler := newPolicy(t, connectauth.Config{Guard: w.guard, Policy: map[string][]middleware.Rule{"/a.A/Do": nil}})
	for path, want := range map[string]int{"/a.A/Do": http.StatusOK, "/a.A/Other": http.StatusUnauthorized} {
		if status, body := post(t, handler, path, ""); status != want {
			t.Errorf("call of %s: %d %s", path, status, body)
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodOptions, path, nil)
		r.Header = http.Header{"Origin": {"https://app.test"}, "Access-Control-Request-Method": {"POST"}}
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, r)
		if response.Code != want {
			t.Errorf("preflight for %s: %d %s", path, response.Code, response.Body)
		}
	}
}

func TestNew_Faults(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := connectauth.New(connectauth.Config{
		Recheck: -1,
		Policy: map[string][]middleware.Rule{
			"": nil, "/": nil, "/a.A": nil, "/a.A/": nil, "//Do": nil, "a.A/Do": nil, "/a.A/Do ": nil, "/a.A/%44o": nil, "/../Do": nil,
			"/*/Do": nil, "/a.A/D*": nil, "/a.A/Ä": nil, "/rule.A/Do": {middleware.Rule{}},
			"/twice.A/Do": nil, "/twice.A/*": nil,
		},
		Public: []string{"/twice.A/Do", "/twice.A/*", "/a.A/b?c"},
	}, nil)
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"Config.Guard is required", "next is nil", "Config.Recheck is -1ns",
		`Config.Policy[""] is ""`, `Config.Policy["/"]`, `Config.Policy["/a.A"]`, `Config.Policy["/a.A/"]`, `Config.Policy["//Do"]`,
		`Config.Policy["a.A/Do"]`, `Config.Policy["/a.A/Do "]`, `Config.Policy["/a.A/%44o"]`, `Config.Policy["/../Do"]`,
		`Config.Policy["/*/Do"]`, `Config.Policy["/a.A/D*"]`, `Config.Policy["/a.A/Ä"]`, `Config.Policy["/rule.A/Do"]: the zero Rule is invalid`,
		`Config.Public[0] is "/twice.A/Do", which is listed twice`, `Config.Public[1] is "/twice.A/*", which is listed twice`,
		`Config.Public[2] is "/a.A/b?c", expected "/package.Service/Method" or "/package.Service/*"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if _, err := connectauth.New(connectauth.Config{Guard: w.guard}, http.NotFoundHandler()); err == nil {
		t.Error("an empty policy is accepted")
	}
}

// A proof names the URL that the client called, whatever prefix a mount removes.
func TestProofBehindAPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *middleware.Config) { cfg.DPoP = &middleware.DPoPConfig{URL: "https://api.test"} })
	mux := http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", newPolicy(t, connectauth.Config{
		Guard: w.guard, Policy: map[string][]middleware.Rule{"/a.A/Do": {middleware.SenderConstrained()}},
	})))
	key := bearertest.NewProofKey("ES256")
	token := w.issuer.AccessToken().BoundTo(key).Sign()
	for proven, want := range map[string]int{"https://api.test/api/a.A/Do": http.StatusOK, "https://api.test/a.A/Do": http.StatusUnauthorized} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/api/a.A/Do", nil)
		r.Header = http.Header{
			"Content-Type": {"application/json"}, "Authorization": {"DPoP " + token},
			"Dpop": {key.Proof(http.MethodPost, proven, token).Sign()},
		}
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, r)
		if response.Code != want {
			t.Errorf("proof for %s: %d %s", proven, response.Code, response.Body)
		}
	}
}
