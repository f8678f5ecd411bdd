package testing

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	echov4 "github.com/labstack/echo/v4"
	"github.com/labstack/echo/v5"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/adapters/chiauth"
	"github.com/bearerkit/bearerkit/adapters/echoauth"
	"github.com/bearerkit/bearerkit/adapters/echov4auth"
	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/adapters/ginauth"
	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/bearertest/handlertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// subject returns the subject of a token, or "".
func subject(token *consumer.Token, ok bool) string {
	if !ok {
		return ""
	}
	return token.Subject()
}

// frameworks returns for each framework a function that serves one request with a guarded handler. The handler responds with the
// subject of the token.
func frameworks(guard *middleware.Guard) map[string]func(r *http.Request) (status int, subject string) {
	rule := middleware.Scopes("orders:read")
	router := chi.NewRouter()
	router.With(chiauth.Middleware(guard, rule)).Get("/orders", func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(subject(chiauth.Token(r))))
	})
	engine := gin.New()
	engine.GET("/orders", ginauth.Middleware(guard, rule), func(c *gin.Context) { c.String(http.StatusOK, subject(ginauth.Token(c))) })
	five := echo.New()
	five.GET("/orders", func(c *echo.Context) error {
		return c.String(http.StatusOK, subject(echoauth.Token(c)))
	}, echoauth.Middleware(guard, rule))
	four := echov4.New()
	four.GET("/orders", func(c echov4.Context) error {
		return c.String(http.StatusOK, subject(echov4auth.Token(c)))
	}, echov4auth.Middleware(guard, rule))
	app := fiber.New()
	app.Get("/orders", fiberauth.Middleware(guard, rule), func(c fiber.Ctx) error { return c.SendString(subject(fiberauth.Token(c))) })

	return map[string]func(*http.Request) (int, string){
		"chi": recorded(router), "gin": recorded(engine), "echo": recorded(five), "echo v4": recorded(four),
		"fiber": func(r *http.Request) (int, string) {
			response, err := app.Test(r)
			if err != nil {
				return 0, err.Error()
			}
			defer func() { _ = response.Body.Close() }()
			text := make([]byte, 64)
			n, _ := response.Body.Read(text)
			return response.StatusCode, string(text[:n])
		},
		"gRPC": func(r *http.Request) (int, string) { return call(guard, rule, r) },
	}
}

func recorded(handler http.Handler) func(*http.Request) (int, string) {
	return func(r *http.Request) (int, string) {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
}

// stream is the transport of a call that has no network.
type stream struct{}

func (stream) Method() string               { return "/shop.Orders/List" }
func (stream) SetHeader(metadata.MD) error  { return nil }
func (stream) SendHeader(metadata.MD) error { return nil }
func (stream) SetTrailer(metadata.MD) error { return nil }

// call calls a method behind the interceptor of grpcauth with the token of r.
func call(guard *middleware.Guard, rule middleware.Rule, r *http.Request) (int, string) {
	interceptors, err := grpcauth.New(grpcauth.Config{
		Guard: guard, Policy: map[string][]middleware.Rule{"/shop.Orders/List": {rule}}, InsecureAllowPlaintext: true, // there is no connection
	})
	if err != nil {
		return 0, err.Error()
	}
	ctx := metadata.NewIncomingContext(r.Context(), metadata.Pairs("authorization", r.Header.Get("Authorization")))
	ctx = grpc.NewContextWithServerTransportStream(ctx, stream{})
	info := &grpc.UnaryServerInfo{FullMethod: "/shop.Orders/List"}
	result, err := interceptors.Unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
		return subject(grpcauth.Token(ctx)), nil
	})
	text, _ := result.(string)
	return map[codes.Code]int{codes.OK: 200, codes.Unauthenticated: 401, codes.PermissionDenied: 403}[status.Code(err)], text
}

// The credentials of handlertest work with every adapter.
func TestFrameworks(t *testing.T) {
	t.Parallel()
	verifier := handlertest.NewVerifier(t)
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	good := verifier.Credential(map[string]any{"sub": "bob", "scope": "orders:read"})
	narrow := verifier.Credential(map[string]any{"sub": "bob"})
	for name, serve := range frameworks(guard) {
		for credential, want := range map[string]int{good: http.StatusOK, narrow: http.StatusForbidden, good + "x": http.StatusUnauthorized} {
			r := httptest.NewRequestWithContext(t.Context(), "GET", "/orders", nil)
			r.Header.Set("Authorization", "Bearer "+credential)
			got, text := serve(r)
			if got != want || want == http.StatusOK && text != "bob" {
				t.Errorf("%s: status %d %s, want %d", name, got, text, want)
			}
		}
	}
}

// A token in the context reaches the handlers of frameworks that pass the context of the request on.
func TestTokenInTheContextOfFrameworks(t *testing.T) {
	t.Parallel()
	engine := gin.New()
	engine.GET("/", func(c *gin.Context) { c.String(http.StatusOK, subject(ginauth.Token(c))) })
	five := echo.New()
	five.GET("/", func(c *echo.Context) error { return c.String(http.StatusOK, subject(echoauth.Token(c))) })
	four := echov4.New()
	four.GET("/", func(c echov4.Context) error { return c.String(http.StatusOK, subject(echov4auth.Token(c))) })
	for name, handler := range map[string]http.Handler{"gin": engine, "echo": five, "echo v4": four} {
		r := handlertest.WithToken(t, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), map[string]any{"sub": "bob"})
		if code, text := recorded(handler)(r); text != "bob" {
			t.Errorf("%s: status %d %s", name, code, text)
		}
	}

	token := handlertest.Token(t, map[string]any{"sub": "bob"})
	app := fiber.New()
	app.Get("/", func(c fiber.Ctx) error {
		c.SetContext(middleware.ContextWithToken(c.Context(), token)) // fiber has a context of its own
		return c.SendString(subject(fiberauth.Token(c)))
	})
	response, err := app.Test(httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.ContentLength != int64(len("bob")) {
		t.Error("fiber:", response.Status, response.ContentLength)
	}
	if got := subject(grpcauth.Token(middleware.ContextWithToken(t.Context(), token))); got != "bob" {
		t.Error("gRPC:", got)
	}
}
