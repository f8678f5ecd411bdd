package httpauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearerkit/adapters/httpauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

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

	readers := httpauth.Middleware(guard, middleware.Scopes("orders:read"))
	writers := httpauth.Middleware(guard, middleware.Scopes("orders:write"))
	hello := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := httpauth.Token(r)
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintln(w, "hello", token.Subject())
	})
	mux := http.NewServeMux()
	mux.Handle("GET /orders", readers(hello))
	mux.Handle("POST /orders", writers(hello))

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
		response := httptest.NewRecorder()
		mux.ServeHTTP(response, request)
		fmt.Print(method, " ", response.Code, " ", response.Body)
	}
	// Output:
	// GET 200 hello alice
	// POST 403 {"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:write"}
}
