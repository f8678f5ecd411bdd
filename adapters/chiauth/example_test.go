package chiauth_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/bearerkit/bearerkit/adapters/chiauth"
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

	hello := func(w http.ResponseWriter, r *http.Request) {
		token, ok := chiauth.Token(r)
		if !ok {
			http.Error(w, "no token", http.StatusUnauthorized)
			return
		}
		_, _ = fmt.Fprintln(w, "hello", token.Subject())
	}
	router := chi.NewRouter()
	router.Route("/orders", func(orders chi.Router) {
		orders.Use(chiauth.Middleware(guard, middleware.Scopes("orders:read")))
		orders.Get("/", hello)
		orders.With(chiauth.Middleware(guard, middleware.Scopes("orders:write"))).Post("/", hello)
	})

	for _, method := range []string{http.MethodGet, http.MethodPost} {
		request := httptest.NewRequestWithContext(context.Background(), method, "/orders", nil)
		request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
		response := httptest.NewRecorder()
		router.ServeHTTP(response, request)
		fmt.Print(method, " ", response.Code, " ", response.Body)
	}
	// Output:
	// GET 200 hello alice
	// POST 403 {"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"orders:read orders:write"}
}

// The pattern of the route is a label of an application's metric.
func ExamplePattern() {
	refusals := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "refusals_total"}, []string{"route"})
	guard, err := middleware.New(middleware.Config{
		Verifier: new(consumer.Group), // rejects every token
		OnDecision: func(ctx context.Context, decision middleware.Decision) {
			if decision.Err != nil {
				refusals.WithLabelValues(chiauth.Pattern(ctx)).Inc()
			}
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	router := chi.NewRouter()
	router.With(chiauth.Middleware(guard)).Get("/orders/{id}", http.NotFound)

	for _, path := range []string{"/orders/7", "/orders/8"} {
		request := httptest.NewRequestWithContext(context.Background(), http.MethodGet, path, nil)
		router.ServeHTTP(httptest.NewRecorder(), request)
	}
	fmt.Println(testutil.ToFloat64(refusals.WithLabelValues("/orders/{id}")))
	// Output: 2
}
