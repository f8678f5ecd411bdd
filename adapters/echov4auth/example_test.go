package echov4auth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/bearerkit/bearerkit/adapters/echov4auth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The group has one rule, and one of its routes has a second.
func ExampleMiddleware() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}

	hello := func(c echo.Context) error {
		token, ok := echov4auth.Token(c)
		if !ok {
			return echo.ErrUnauthorized
		}
		return c.String(http.StatusOK, "hello "+token.Subject()+"\n")
	}
	e := echo.New()
	orders := e.Group("/orders", echov4auth.Middleware(guard, middleware.Scopes("orders:read")))
	orders.GET("", hello)
	orders.POST("", hello, echov4auth.Middleware(guard, middleware.Scopes("orders:write")))

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
		response := httptest.NewRecorder()
		e.ServeHTTP(response, request)
		fmt.Print(method, " ", response.Code, " ", response.Body)
	}
	// Output:
	// GET 200 hello alice
	// POST 403 {"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:read orders:write"}
}
