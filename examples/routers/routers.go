// Package routers contains the code of docs/frameworks for net/http and for routers that have no example of their own. Each function returns
// the same API: a route with a path parameter that requires a token with a scope.
package routers

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/go-chi/chi/v5"
	"github.com/justinas/alice"
	"github.com/uptrace/bunrouter"
	"github.com/urfave/negroni/v3"

	"github.com/bearerkit/bearerkit/middleware"
)

// newServeMux uses the router of the standard library.
func newServeMux(guard *middleware.Guard) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(showOrder)))
	return mux
}

// newRoutes uses the router of the standard library with a policy, so that a route without rules is rejected.
func newRoutes(guard *middleware.Guard) (http.Handler, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", showOrder)
	return guard.Routes(map[string][]middleware.Rule{
		"GET /orders/{id}": {middleware.Scopes("orders:read")},
	}, mux)
}

// newChi uses chi.
func newChi(guard *middleware.Guard) http.Handler {
	router := chi.NewRouter()
	router.With(guard.With(middleware.Scopes("orders:read"))).Get("/orders/{id}", showOrder)
	return router
}

// newAlice uses alice, which chains middleware, and the router of the standard library.
func newAlice(guard *middleware.Guard) http.Handler {
	readers := alice.New(guard.With(middleware.Scopes("orders:read")))
	mux := http.NewServeMux()
	mux.Handle("GET /orders/{id}", readers.ThenFunc(showOrder))
	return mux
}

// newNegroni uses negroni, which chains middleware of its own type, and the router of the standard library.
func newNegroni(guard *middleware.Guard) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", showOrder)
	chain := negroni.New()
	chain.UseFunc(func(w http.ResponseWriter, r *http.Request, next http.HandlerFunc) {
		guard.Handler(next).ServeHTTP(w, r)
	})
	chain.UseHandler(mux)
	return chain
}

// newBunrouter uses bunrouter, whose middleware has a type of its own.
func newBunrouter(guard *middleware.Guard) http.Handler {
	router := bunrouter.New()
	readers := router.Use(guarded(guard, middleware.Scopes("orders:read")))
	readers.GET("/orders/:id", bunrouter.HTTPHandlerFunc(showOrder))
	return router
}

// guarded converts the middleware of guard to that of bunrouter.
func guarded(guard *middleware.Guard, rules ...middleware.Rule) bunrouter.MiddlewareFunc {
	with := guard.With(rules...)
	return func(next bunrouter.HandlerFunc) bunrouter.HandlerFunc {
		return func(w http.ResponseWriter, r bunrouter.Request) (err error) {
			with(http.HandlerFunc(func(w http.ResponseWriter, admitted *http.Request) {
				r.Request = admitted // r keeps the path parameters
				err = next(w, r)
			})).ServeHTTP(w, r.Request)
			return err
		}
	}
}

// showOrder writes the path parameter and the subject of the token.
func showOrder(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only if the route has no Guard
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintf(w, "order %s of %s\n", orderOf(r), token.Subject()) //nolint:gosec // sent as text/plain
}

// orderOf returns the path parameter. ServeMux and chi store it in the request, and bunrouter in the context.
func orderOf(r *http.Request) string {
	if id := r.PathValue("id"); id != "" { // ServeMux and chi
		return id
	}
	params := bunrouter.ParamsFromContext(r.Context())
	return params.ByName("id")
}

// deny is a DenyHandler with a body of the application. The Guard has set the challenge before.
func deny(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(refusal.Status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": refusal.Code, "status": refusal.Status}) // the client has gone
}
