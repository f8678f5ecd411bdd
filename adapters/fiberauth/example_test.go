package fiberauth_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v3"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
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

	hello := func(c fiber.Ctx) error {
		token, ok := fiberauth.Token(c)
		if !ok {
			return fiber.ErrUnauthorized
		}
		return c.SendString("hello " + token.Subject() + "\n")
	}
	app := fiber.New()
	orders := app.Group("/orders", fiberauth.Middleware(guard, middleware.Scopes("orders:read")))
	orders.Get("", hello)
	orders.Post("", fiberauth.Middleware(guard, middleware.Scopes("orders:write")), hello)

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
		response, err := app.Test(request)
		if err != nil {
			fmt.Println(err)
			return
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		fmt.Print(method, " ", response.StatusCode, " ", string(body))
	}
	// Output:
	// GET 200 hello alice
	// POST 403 {"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:read orders:write"}
}
