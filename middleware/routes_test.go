package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// echoPath writes the path as a router behind the Guard reads it.
var echoPath = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	_, _ = io.WriteString(w, r.URL.Path+" "+r.URL.EscapedPath())
})

func TestRoutes(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	h, err := g.Routes(map[string][]middleware.Rule{
		"GET /orders":              {middleware.Scopes("read")},
		"POST /orders":             {middleware.Scopes("write")},
		"/orders/{id}":             {middleware.Scopes("read")},
		"GET /orders/archive":      {middleware.Scopes("admin")},
		"/files/{name}":            {middleware.Scopes("read")},
		"/files/{name}/admin":      {middleware.Scopes("admin")},
		"/tree/":                   {middleware.Scopes("read")},
		"/tree/secret/{rest...}":   {middleware.Scopes("admin")},
		"/me":                      {},
		"/{$}":                     {middleware.Scopes("read")},
		"admin.test/orders/{id}":   {middleware.Scopes("admin")},
		"DELETE /orders/{id}":      {middleware.Scopes("write")},
		"GET /reports/{year}/{$}":  {middleware.Scopes("read")},
		"GET /reports/{year}/{id}": {middleware.Scopes("write")},
	}, echoPath)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		method, target string
		scope          string // "-": no token
		want           int
	}{
		{"GET", "/orders", "read", 200},
		{"HEAD", "/orders", "read", 200},
		{"GET", "/orders", "write", 403},
		{"GET", "/orders?x=/orders/archive", "read", 200},
		{"POST", "/orders", "write", 200},
		{"POST", "/orders", "read", 403},
		{"GET", "/orders", "-", 401},
		{"GET", "/orders/7", "read", 200},
		{"DELETE", "/orders/7", "read", 403},
		{"DELETE", "/orders/7", "write", 200},
		{"GET", "/orders/archive", "read", 403},
		{"GET", "/orders/archive", "admin", 200},
		{"GET", "/me", "", 200},
		{"GET", "/me", "-", 401},
		{"GET", "/", "read", 200},
		{"GET", "/tree/", "read", 200},
		{"GET", "/tree/a/b", "read", 200},
		{"GET", "/tree/secret/b", "read", 403},
		{"GET", "http://admin.test/orders/7", "read", 403},
		{"GET", "http://admin.test:8080/orders/7", "read", 403},
		{"GET", "http://admin.test/orders/7", "admin", 200},
		{"GET", "/reports/2026/", "read", 200},
		{"GET", "/reports/2026/7", "read", 403},

		// requests that no pattern matches
		{"PUT", "/orders", "read write admin", 403},
		{"PUT", "/orders", "-", 401},
		{"GET", "/nothing", "read write admin", 403},
		{"GET", "/nothing", "-", 401},
		{"GET", "/orders/", "read write admin", 403},
		{"GET", "/tree", "read write admin", 403},
		{"GET", "/me/", "read write admin", 403},
		{"GET", "/Orders", "read write admin", 403},
		{"OPTIONS", "/nothing", "-", 401},
		{"CONNECT", "/orders/7", "read write admin", 403},
		{"CONNECT", "/tree/../orders/archive", "read", 403},

		// other encodings of a path
		{"GET", "/%6frders", "read", 200},
		{"GET", "/%6frders", "write", 403},
		{"GET", "/orders/%61rchive", "read", 403},
		{"GET", "/orders/%61rchive", "admin", 200},
		{"GET", "/orders/a%3Ab%40c", "read", 200},
		{"GET", "/orders/(7)", "read", 200},
		{"GET", "/orders/a%20b", "read", 200},

		// paths that routers read differently
		{"GET", "//orders", "read write admin", 403},
		{"GET", "/orders//archive", "read write admin", 403},
		{"GET", "/tree/../orders/archive", "read write admin", 403},
		{"GET", "/tree/%2e%2e/orders/archive", "read write admin", 403},
		{"GET", "/tree/%2E./orders/archive", "read write admin", 403},
		{"GET", "/tree/./a", "read write admin", 403},
		{"GET", "/orders/.", "read write admin", 403},
		{"GET", "/files/x%2Fadmin", "read write admin", 403},
		{"GET", "/files/x%2fadmin", "read write admin", 403},
		{"GET", "/%2Forders", "read write admin", 403},
		{"GET", "//orders", "-", 401},
		{"GET", "/files/x%2Fadmin", "-", 401},
	}
	for _, test := range tests {
		r := httptest.NewRequestWithContext(t.Context(), test.method, test.target, nil)
		if test.scope != "-" {
			r.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", test.scope).Sign())
		}
		w := serve(h, r)
		if w.Code != test.want || w.Header().Get("Location") != "" {
			t.Errorf("%s %s with %q: %d %v, want %d", test.method, test.target, test.scope, w.Code, w.Header(), test.want)
		}
		if want := r.URL.Path + " " + (&url.URL{Path: r.URL.Path}).EscapedPath(); w.Code == 200 && w.Body.String() != want {
			t.Errorf("%s: next reads %q, want %q", test.target, w.Body, want)
		}
	}
}

// A router behind Routes reads the path that was matched, even if it prefers RawPath.
func TestRoutes_NextSeesThePathThatWasMatched(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll})
	deny := middleware.Check("deny", func(context.Context, *consumer.Token) error { return io.EOF })
	raw := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { // reads RawPath before Path
		if path := r.URL.RawPath; path != "" && path != "/open" {
			_, _ = io.WriteString(w, "any page")
			return
		}
		_, _ = io.WriteString(w, "the open page")
	})
	h, err := g.Routes(map[string][]middleware.Rule{"/open": {}, "/{page}": {deny}}, raw)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/%6fpen", nil)
	r.Header.Set("Authorization", "Bearer x")
	if w := serve(h, r); w.Code != 200 || w.Body.String() != "the open page" {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	if r.URL.RawPath != "/%6fpen" {
		t.Error("the original request was changed")
	}
}

func TestRoutes_Optional(t *testing.T) {
	t.Parallel()
	h, err := newGuard(t, middleware.Config{Verifier: acceptAll, Optional: true}).
		Routes(map[string][]middleware.Rule{"/open": {}, "/orders": {middleware.Scopes("read")}}, hello)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/open": 200, "/orders": 401, "/nothing": 401} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		if w := serve(h, r); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

func TestRoutes_Faults(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll})
	h, err := g.Routes(map[string][]middleware.Rule{
		"/orders":        {},
		"orders":         {},
		"/a/{b":          {},
		"/x/{y}/z":       {},
		"/x/y/{z}":       {},
		"/broken":        {middleware.Scopes()},
		"/broken/inside": {middleware.Any(middleware.Scopes("a"), middleware.Rule{})},
	}, hello)
	if err == nil || h != nil {
		t.Fatalf("Routes = %v, %v", h, err)
	}
	for _, pattern := range []string{`"orders"`, `"/a/{b"`, `"/x/{y}/z"`, `"/broken"`, `"/broken/inside"`} {
		if !strings.Contains(err.Error(), "pattern "+pattern+":") {
			t.Errorf("the error does not name %s:\n%v", pattern, err)
		}
	}
	if strings.Contains(err.Error(), `pattern "/orders"`) {
		t.Errorf("the error names a valid pattern:\n%v", err)
	}
	if _, err := g.Routes(nil, hello); err == nil {
		t.Error("an empty policy is accepted")
	}
	if _, err := g.Routes(map[string][]middleware.Rule{"/": {}}, nil); err == nil {
		t.Error("a nil handler is accepted")
	}
}

// Routes copies the policy.
func TestRoutes_CopiesThePolicy(t *testing.T) {
	t.Parallel()
	policy := map[string][]middleware.Rule{"/orders": {middleware.Scopes("read")}}
	h, err := newGuard(t, middleware.Config{Verifier: acceptAll}).Routes(policy, hello)
	if err != nil {
		t.Fatal(err)
	}
	policy["/orders"][0] = yes
	policy["/orders"] = nil
	if w := serve(h, request(t, "x")); w.Code != 403 {
		t.Errorf("status %d", w.Code)
	}
}
