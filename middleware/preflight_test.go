package middleware_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// crossOrigin returns a request with the header fields of a preflight for method.
func crossOrigin(t *testing.T, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.Header.Set("Origin", "https://app.test")
	r.Header.Set("Access-Control-Request-Method", http.MethodGet)
	return r
}

// withoutLength hides the length of a body, as a chunked request does.
type withoutLength struct{ io.Reader }

// Without a token, an OPTIONS request reaches a handler only if AllowPreflight is set and the request is a preflight.
func TestCaseX12_Attack49_Preflight(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		request func(t *testing.T) *http.Request
		allowed int // the status if AllowPreflight is set
	}{
		{"preflight", func(t *testing.T) *http.Request {
			t.Helper()
			return crossOrigin(t, "OPTIONS", "/orders", nil)
		}, 200},
		{"with credentials, which are ignored", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Set("Authorization", "Bearer a b")
			return r
		}, 200},
		{"with a body", func(t *testing.T) *http.Request {
			t.Helper()
			return crossOrigin(t, "OPTIONS", "/orders", strings.NewReader("delete everything"))
		}, 401},
		{"with a body of unknown length", func(t *testing.T) *http.Request {
			t.Helper()
			return crossOrigin(t, "OPTIONS", "/orders", withoutLength{strings.NewReader("delete everything")})
		}, 401},
		{"with an upgrade, which a reverse proxy would forward", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Set("Connection", "Upgrade, HTTP2-Settings")
			r.Header.Set("Upgrade", "h2c")
			return r
		}, 401},
		{"with an empty upgrade", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Set("Upgrade", "")
			return r
		}, 401},
		{"two origins", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Add("Origin", "https://app.test")
			return r
		}, 401},
		{"two methods", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Add("Access-Control-Request-Method", "GET")
			return r
		}, 401},
		{"without an origin", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Del("Origin")
			return r
		}, 401},
		{"empty origin", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Set("Origin", "")
			return r
		}, 401},
		{"without a requested method", func(t *testing.T) *http.Request {
			t.Helper()
			r := crossOrigin(t, "OPTIONS", "/orders", nil)
			r.Header.Del("Access-Control-Request-Method")
			return r
		}, 401},
		{"GET", func(t *testing.T) *http.Request { t.Helper(); return crossOrigin(t, "GET", "/orders", nil) }, 401},
		{"HEAD", func(t *testing.T) *http.Request { t.Helper(); return crossOrigin(t, "HEAD", "/orders", nil) }, 401},
		{"lower case", func(t *testing.T) *http.Request { t.Helper(); return crossOrigin(t, "options", "/orders", nil) }, 401},
	}
	for _, allow := range []bool{false, true} {
		for _, test := range tests {
			decisions, calls, body := 0, 0, ""
			g := newGuard(t, middleware.Config{
				Verifier: acceptAll, AllowPreflight: allow,
				OnDecision: func(context.Context, middleware.Decision) { decisions++ },
			})
			handler := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				calls++
				read, err := io.ReadAll(r.Body)
				if _, ok := middleware.TokenFromContext(r.Context()); ok || err != nil {
					t.Errorf("%s: token %v, error %v", test.name, ok, err)
				}
				body = string(read)
			})
			want := 401
			if allow {
				want = test.allowed
			}
			h := g.With(middleware.Scopes("admin"))(g.With(middleware.Check("never", func(context.Context, *consumer.Token) error {
				t.Errorf("%s: a rule was applied", test.name)
				return nil
			}))(handler))
			w := serve(h, test.request(t))
			if test.name == "with credentials, which are ignored" && !allow {
				want = 400
			}
			passed := want == 200
			if w.Code != want || (calls == 1) != passed || (decisions == 0) != passed || body != "" {
				t.Errorf("%s, AllowPreflight %v: status %d, want %d; %d calls, %d decisions, body %q",
					test.name, allow, w.Code, want, calls, decisions, body)
			}
		}
	}
}

// A handler that is mounted without a method serves OPTIONS too. Without a token, no request with a body reaches it, with
// or without AllowPreflight, and in whatever way it is guarded.
func TestCaseQ3_HandlerWithoutAMethod(t *testing.T) {
	t.Parallel()
	for _, allow := range []bool{false, true} {
		g := newGuard(t, middleware.Config{Verifier: acceptAll, AllowPreflight: allow})
		changed := ""
		change := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			changed += string(body)
		})
		policy, err := g.Routes(map[string][]middleware.Rule{"/orders": {middleware.Scopes("orders:write")}}, change)
		if err != nil {
			t.Fatal(err)
		}
		for name, guarded := range map[string]http.Handler{
			"Handler": g.Handler(change), "With": g.With(middleware.Scopes("orders:write"))(change), "Routes": policy,
		} {
			mux := http.NewServeMux()
			mux.Handle("/orders", guarded)
			for _, body := range []io.Reader{strings.NewReader("delete everything"), withoutLength{strings.NewReader("delete everything")}} {
				if w := serve(mux, crossOrigin(t, "OPTIONS", "/orders", body)); w.Code != 401 || changed != "" {
					t.Errorf("%s, AllowPreflight %v: status %d, handler read %q", name, allow, w.Code, changed)
				}
			}
			want := map[bool]int{false: 401, true: 200}[allow]
			if w := serve(mux, crossOrigin(t, "OPTIONS", "/orders", nil)); w.Code != want || changed != "" {
				t.Errorf("%s, AllowPreflight %v: status %d of a preflight, want %d", name, allow, w.Code, want)
			}
		}
	}
}

// A server or test may set a body without a length. The handler must not read it.
func TestCaseX12_PreflightHasNoBody(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, AllowPreflight: true})
	r := crossOrigin(t, "OPTIONS", "/orders", nil)
	r.Body = io.NopCloser(strings.NewReader("delete everything"))
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) })
	if w := serve(g.Handler(echo), r); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("status %d, body %q", w.Code, w.Body)
	}
}

// Routes admits a preflight only for what the policy names.
func TestCaseX12_Routes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		method, path, requested string
		allowed                 int // the status if AllowPreflight is set
	}{
		{"OPTIONS", "/orders", "GET", 200},
		{"OPTIONS", "/orders", "HEAD", 200}, // a pattern for GET also matches HEAD
		{"OPTIONS", "/orders", "DELETE", 401},
		{"OPTIONS", "/orders", "get", 401},
		{"OPTIONS", "/orders", "OPTIONS", 401},
		{"OPTIONS", "/any", "DELETE", 200},
		{"OPTIONS", "/any", "CONNECT", 200}, // the pattern also matches OPTIONS itself
		{"OPTIONS", "/cors", "GET", 200},    // the policy names OPTIONS itself
		{"OPTIONS", "/unnamed", "GET", 401},
		{"OPTIONS", "/orders/", "GET", 401},
		{"OPTIONS", "//orders", "GET", 401},
		{"OPTIONS", "/x/../orders", "GET", 401},
		{"OPTIONS", "/orders%2F", "GET", 401},
		{"GET", "/orders", "GET", 401},
		{"CONNECT", "/any", "GET", 401},
	}
	for _, allow := range []bool{false, true} {
		h, err := newGuard(t, middleware.Config{Verifier: acceptAll, AllowPreflight: allow}).
			Routes(map[string][]middleware.Rule{"GET /orders": {}, "/any": {}, "OPTIONS /cors": {}}, hello)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range tests {
			r := crossOrigin(t, test.method, test.path, nil)
			r.Header.Set("Access-Control-Request-Method", test.requested)
			want := 401
			if allow {
				want = test.allowed
			}
			w := serve(h, r)
			if w.Code != want || (w.Body.String() == "hello nobody") != (want == 200) {
				t.Errorf("%s %s for %s, AllowPreflight %v: %d %q, want %d",
					test.method, test.path, test.requested, allow, w.Code, w.Body, want)
			}
			r.Header.Set("Authorization", "Bearer x") // a token does not help where the policy names no OPTIONS
			if w := serve(h, r); !allow && test.method == "OPTIONS" && test.path == "/orders" && w.Code != 403 {
				t.Errorf("%s %s with a token: %d, want 403", test.method, test.path, w.Code)
			}
		}
	}
}

// A preflight hides the token of an outer Guard, like every other request without a token.
func TestCaseX12_PreflightHidesTheOuterToken(t *testing.T) {
	t.Parallel()
	outer := newGuard(t, middleware.Config{Verifier: acceptAll})
	inner := newGuard(t, middleware.Config{Verifier: acceptAll, AllowPreflight: true})
	r := crossOrigin(t, "OPTIONS", "/orders", nil)
	r.Header.Set("Authorization", "Bearer x")
	if w := serve(outer.Handler(inner.Handler(hello)), r); w.Body.String() != "hello nobody" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}

// Replace switches AllowPreflight for handlers that exist already.
func TestCaseX12_Replace(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, AllowPreflight: true})
	routes, err := g.Routes(map[string][]middleware.Rule{"GET /orders": {}}, hello)
	if err != nil {
		t.Fatal(err)
	}
	for _, allow := range []bool{true, false, true} {
		if err := g.Replace(middleware.Config{Verifier: acceptAll, AllowPreflight: allow}); err != nil {
			t.Fatal(err)
		}
		for name, h := range map[string]http.Handler{"With": g.Handler(hello), "Routes": routes} {
			if w := serve(h, crossOrigin(t, "OPTIONS", "/orders", nil)); (w.Code == 200) != allow {
				t.Errorf("%s with AllowPreflight %v: %d", name, allow, w.Code)
			}
		}
	}
}
