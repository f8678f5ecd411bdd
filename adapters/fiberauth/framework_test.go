package fiberauth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/gofiber/fiber/v3/middleware/static"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// A rejected request is not an error to Fiber. An error of the handler still reaches Fiber unchanged.
func TestErrorHandler(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	own := errors.New("out of shirts")
	for name, test := range map[string]struct {
		authorization string
		returned      error
		status        int
	}{
		"rejected": {"", nil, http.StatusUnauthorized},
		"admitted": {"Bearer " + issuer.AccessToken().Sign(), own, http.StatusTeapot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var returned, handled error
			app := fiber.New(fiber.Config{ErrorHandler: func(c fiber.Ctx, err error) error {
				handled = err
				return c.SendStatus(http.StatusTeapot)
			}})
			app.Use(func(c fiber.Ctx) error {
				returned = c.Next()
				return returned
			}, fiberauth.Middleware(guard))
			app.Get("/orders", func(fiber.Ctx) error { return own })
			status, _ := serve(t, app, http.MethodGet, "/orders", test.authorization)
			if !errors.Is(returned, test.returned) || !errors.Is(handled, test.returned) || status != test.status {
				t.Errorf("returned %v, handled %v, status %d", returned, handled, status)
			}
		})
	}
}

// A Guard on the app also guards the responses that Fiber itself writes. A Guard on a route does not, and guards HEAD, which
// Fiber adds to GET. Paths with other spellings reach the same handlers, so the Guard runs for them too.
func TestOtherPaths(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	token := "Bearer " + issuer.AccessToken().Sign()
	whole, route := fiber.New(), fiber.New()
	whole.Use(fiberauth.Middleware(guard))
	whole.Get("/orders/:id", hello)
	route.Get("/orders/:id", fiberauth.Middleware(guard), hello)
	prefix := fiber.New()
	prefix.Use("/Orders", fiberauth.Middleware(guard))
	prefix.Get("/*", hello)
	for _, test := range []struct {
		app           *fiber.App
		method, path  string
		without, with int
	}{
		{whole, "GET", "/orders/7", 401, 200},
		{whole, "HEAD", "/orders/7", 401, 200},
		{whole, "GET", "/unknown", 401, 404},
		{whole, "POST", "/orders/7", 401, 405},
		{whole, "OPTIONS", "/orders/7", 401, 405},
		{whole, "GET", "/orders/%zz", 401, 200},
		{route, "GET", "/orders/7", 401, 200},
		{route, "HEAD", "/orders/7", 401, 200},
		{route, "GET", "/ORDERS/7/", 401, 200},
		{route, "GET", "/unknown", 404, 404},
		{route, "POST", "/orders/7", 405, 405},
		{prefix, "GET", "/orders", 401, 200},
		{prefix, "GET", "/ORDERS/", 401, 200},
		{prefix, "GET", "/orders/7/../8", 401, 200},
		{prefix, "GET", "/ordersx", 401, 401},   // not below /orders: the handler itself finds no token
		{prefix, "GET", "/%6frders", 401, 401},  // not /orders to Fiber
		{prefix, "GET", "//orders/7", 401, 401}, // not /orders to Fiber
	} {
		without, _ := serve(t, test.app, test.method, test.path, "")
		with, _ := serve(t, test.app, test.method, test.path, token)
		if without != test.without || with != test.with {
			t.Errorf("%s %s: status %d without a token and %d with one, want %d and %d", test.method, test.path, without, with, test.without, test.with)
		}
	}
}

// The context of the request reaches the rules, and handlers find its values in c.Context().
func TestContext(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	type key struct{}
	rule := middleware.Check("mine", func(ctx context.Context, _ *consumer.Token) error {
		if ctx.Value(key{}) != "mine" {
			return errors.New("no value")
		}
		return nil
	})
	app := fiber.New()
	app.Use(func(c fiber.Ctx) error {
		c.SetContext(context.WithValue(c.Context(), key{}, "mine"))
		return c.Next()
	})
	app.Get("/orders", fiberauth.Middleware(guard, rule), func(c fiber.Ctx) error {
		token, ok := middleware.TokenFromContext(c.Context())
		if !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString(fmt.Sprint(c.Context().Value(key{}), " ", token.Subject()))
	})
	if status, body := serve(t, app, http.MethodGet, "/orders", "Bearer "+issuer.AccessToken().Sign()); status != http.StatusOK || body != "mine alice" {
		t.Errorf("%d %q", status, body)
	}
}

// A net/http handler finds the token as the documentation of Middleware says. In other ways it finds none.
func TestNetHTTPHandler(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, direct := middleware.TokenFromContext(r.Context())
		ctx, found := adaptor.LocalContextFromHTTPRequest(r)
		if !found {
			_, _ = fmt.Fprint(w, direct)
			return
		}
		if token, ok := middleware.TokenFromContext(ctx); ok {
			_, _ = fmt.Fprint(w, direct, " ", token.Subject())
		}
	})
	app := fiber.New()
	app.Use(fiberauth.Middleware(guard))
	app.Get("/context", adaptor.HTTPHandlerWithContext(handler))
	app.Get("/plain", adaptor.HTTPHandler(handler))
	for path, want := range map[string]string{"/context": "false alice", "/plain": "false"} {
		if status, body := serve(t, app, http.MethodGet, path, "Bearer "+issuer.AccessToken().Sign()); status != http.StatusOK || body != want {
			t.Errorf("%s: %d %q, want %q", path, status, body, want)
		}
	}
}

// A panic of a rule reaches Fiber's recovery, and no handler runs.
func TestPanic(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	panics := middleware.Check("mine", func(context.Context, *consumer.Token) error { panic("out of shirts") })
	app := fiber.New()
	var recovered any
	app.Use(func(c fiber.Ctx) error {
		defer func() { recovered = recover() }()
		return c.Next()
	})
	ran := false
	app.Get("/orders", fiberauth.Middleware(guard, panics), func(fiber.Ctx) error { ran = true; return nil })
	serve(t, app, http.MethodGet, "/orders", "Bearer "+issuer.AccessToken().Sign())
	if ran || recovered != "out of shirts" {
		t.Errorf("handler ran %v, recovered %v", ran, recovered)
	}
}

// Behind adaptor.FiberApp no peer is a listed proxy: FiberApp keeps only one of several header fields with a certificate, and
// completes an address that some middleware has written.
func TestNoProxyBehindFiberApp(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.MTLS = loopbackProxy() })
	certificate := newCertificate(t)
	for _, remoteAddr := range []string{"127.0.0.1:1234", "127.0.0.1"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/orders", nil)
		r.RemoteAddr = remoteAddr
		r.Header.Set("Authorization", "Bearer "+issuer.AccessToken().BoundToCertificate(certificate.Certificate[0]).Sign())
		r.Header.Set("Client-Cert", fieldOf(certificate))
		w := httptest.NewRecorder()
		adaptor.FiberApp(guardedApp(guard))(w, r)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", remoteAddr, w.Code)
		}
	}
}

// The metadata document needs no Guard, so adaptor.HTTPHandler can serve it.
func TestMetadata(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, func(cfg *middleware.Config) { cfg.Resource = "https://api.test/v1" })
	app := fiber.New()
	app.All(guard.MetadataPath(), adaptor.HTTPHandler(guard.MetadataHandler()))
	app.Get("/orders", fiberauth.Middleware(guard, middleware.Scopes("orders:read")), hello)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPost} {
		w := httptest.NewRecorder()
		guard.MetadataHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, guard.MetadataPath(), nil))
		status, body := serve(t, app, method, guard.MetadataPath(), "")
		if status != w.Code || body != w.Body.String() || method == http.MethodGet && !strings.Contains(body, `"orders:read"`) {
			t.Errorf("%s: %d %q, want %d %q", method, status, body, w.Code, w.Body)
		}
	}
}

// TestAdaptorKeepsOneField shows why this package does not use Fiber's adaptor package: behind it, a request with two tokens
// is admitted. If this test fails, update docs/frameworks/fiber.md and docs/adr/0072-fiber.md.
func TestAdaptorKeepsOneField(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	raw := "GET /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer x\r\nAuthorization: Bearer " + issuer.AccessToken().Sign() + "\r\n\r\n"
	for name, test := range map[string]struct {
		guard  fiber.Handler
		status int
	}{
		"adaptor":   {adaptor.HTTPMiddleware(guard.With()), http.StatusOK},
		"fiberauth": {fiberauth.Middleware(guard), http.StatusBadRequest},
	} {
		app := fiber.New()
		app.Get("/orders", test.guard, func(fiber.Ctx) error { return nil })
		if got := exchange(t, start(t, app), raw); got.status != test.status {
			t.Errorf("%s: status %d, want %d", name, got.status, test.status)
		}
	}
}

// Fiber rejects long tokens with 431 before the Guard runs, unless ReadBufferSize is raised.
func TestLongToken(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, nil)
	raw := "GET /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " +
		issuer.AccessToken().Set("long", strings.Repeat("x", 10_000)).Sign() + "\r\n\r\n"
	for size, status := range map[int]int{0: http.StatusRequestHeaderFieldsTooLarge, 32 << 10: http.StatusOK} {
		app := fiber.New(fiber.Config{ReadBufferSize: size})
		app.Get("/orders", fiberauth.Middleware(guard), hello)
		if got := exchange(t, start(t, app), raw); got.status != status {
			t.Errorf("ReadBufferSize %d: status %d, want %d", size, got.status, status)
		}
	}
}

// serve sends a request without a connection and returns status and body.
func serve(t *testing.T, app *fiber.App, method, path, authorization string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "/", nil)
	r.RequestURI = path // as it is: NewRequest would not accept each of them
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	response, err := app.Test(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(data)
}

// A Guard on a prefix guards the paths that Fiber routes there, and no other spelling of them. Handlers that find a file or a
// server from the decoded path must have a Guard of their own.
func TestOtherSpellingOfAFile(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, nil)
	files := fstest.MapFS{"admin/keys.txt": {Data: []byte("keys")}}
	byPrefix, own := fiber.New(), fiber.New()
	byPrefix.Use("/admin", fiberauth.Middleware(guard))
	byPrefix.Use("/", static.New("", static.Config{FS: files}))
	own.Use("/", fiberauth.Middleware(guard), static.New("", static.Config{FS: files}))
	for _, test := range []struct {
		app    *fiber.App
		path   string
		status int
	}{
		{byPrefix, "/admin/keys.txt", http.StatusUnauthorized},
		{byPrefix, "/%61dmin/keys.txt", http.StatusOK},
		{byPrefix, "//admin/keys.txt", http.StatusOK},
		{own, "/admin/keys.txt", http.StatusUnauthorized},
		{own, "/%61dmin/keys.txt", http.StatusUnauthorized},
		{own, "//admin/keys.txt", http.StatusUnauthorized},
	} {
		if status, _ := serve(t, test.app, http.MethodGet, test.path, ""); status != test.status {
			t.Errorf("%s: status %d, want %d", test.path, status, test.status)
		}
	}
}

// A Guard of Use guards the routes that are added after it.
func TestOrder(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, nil)
	app := fiber.New()
	app.Get("/before", func(fiber.Ctx) error { return nil })
	app.Use(fiberauth.Middleware(guard))
	app.Get("/after", func(fiber.Ctx) error { return nil })
	for path, want := range map[string]int{"/before": http.StatusOK, "/after": http.StatusUnauthorized} {
		if status, _ := serve(t, app, http.MethodGet, path, ""); status != want {
			t.Errorf("%s: status %d, want %d", path, status, want)
		}
	}
}
