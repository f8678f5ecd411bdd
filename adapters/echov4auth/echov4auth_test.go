package echov4auth_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	echomiddleware "github.com/labstack/echo/v4/middleware"

	"github.com/bearerkit/bearerkit/adapters/echov4auth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, build)
}

func build(routes []adaptertest.Route) http.Handler {
	e := newEcho()
	e.Use(echomiddleware.Recover())
	for _, route := range routes {
		group := e.Group("", guarded(route.Group)...)
		chain := append(guarded(route.Guards), behind(route.Behind))
		group.Add(route.Method, strings.ReplaceAll(route.Path, "{id}", ":id"), handler(route), chain...)
	}
	return e
}

func newEcho() *echo.Echo {
	e := echo.New()
	e.Logger.SetOutput(io.Discard)
	return e
}

func guarded(guards []adaptertest.Guarded) []echo.MiddlewareFunc {
	var chain []echo.MiddlewareFunc
	for _, guarded := range guards {
		chain = append(chain, echov4auth.Middleware(guarded.Guard, guarded.Rules...))
	}
	return chain
}

func behind(note func()) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			note()
			return next(c)
		}
	}
}

func handler(route adaptertest.Route) echo.HandlerFunc {
	return func(c echo.Context) error {
		token, ok := echov4auth.Token(c)
		return route.Serve(c.Response(), c.Request(), adaptertest.Seen{Token: token, HasToken: ok, ID: c.Param("id")})
	}
}

// A rejected request is not an error to echo. An error of the handler still reaches echo unchanged.
func TestErrorHandler(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	own := errors.New("out of shirts")
	for name, test := range map[string]struct {
		authorization string
		returned      error
		status        int
	}{
		"rejected": {"", nil, http.StatusUnauthorized},
		"admitted": {token, own, http.StatusTeapot},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var returned, handled error
			e := newEcho()
			e.HTTPErrorHandler = func(err error, c echo.Context) {
				handled = err
				_ = c.NoContent(http.StatusTeapot)
			}
			e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
				return func(c echo.Context) error {
					returned = next(c)
					return returned
				}
			}, echov4auth.Middleware(guard))
			e.GET("/orders", func(echo.Context) error { return own })
			response := serve(t, e, "/orders", test.authorization)
			if !errors.Is(returned, test.returned) || !errors.Is(handled, test.returned) || response.Code != test.status {
				t.Errorf("returned %v, handled %v, status %d", returned, handled, response.Code)
			}
		})
	}
}

// A Guard on the Echo also guards the responses that echo itself writes.
func TestUnknownPath(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	e := newEcho()
	e.Use(echov4auth.Middleware(guard))
	e.GET("/orders", func(echo.Context) error { return nil })

	rejected := serve(t, e, "/unknown", "")
	if rejected.Code != http.StatusUnauthorized || !strings.HasPrefix(rejected.Body.String(), `{"title":"Unauthorized"`) {
		t.Errorf("without a token: %d %q", rejected.Code, rejected.Body)
	}
	if missing := serve(t, e, "/unknown", token); missing.Code != http.StatusNotFound {
		t.Errorf("with a token: %d %q", missing.Code, missing.Body)
	}
}

func serve(t *testing.T, handler http.Handler, path, authorization string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	return response
}

func newGuard(t *testing.T) (guard *middleware.Guard, authorization string) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err = middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return guard, "Bearer " + issuer.AccessToken().Sign()
}
