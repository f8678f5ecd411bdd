package main

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/gorilla/mux"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 404, Post: 405, Head: 405, Slashes: 301, Slash: 404, Options: 405})
}

// TestConformance runs the table for adapters, with the Guards of a group in Use of a subrouter.
func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(routes []adaptertest.Route) http.Handler {
		router := mux.NewRouter()
		for _, route := range routes {
			group := router.NewRoute().Subrouter()
			for _, guarded := range route.Group {
				group.Use(guarded.Guard.With(guarded.Rules...))
			}
			own := group.NewRoute().Subrouter()
			for _, guarded := range route.Guards {
				own.Use(guarded.Guard.With(guarded.Rules...))
			}
			own.Use(func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					route.Behind()
					next.ServeHTTP(w, r)
				})
			})
			own.HandleFunc(route.Path, func(w http.ResponseWriter, r *http.Request) {
				token, ok := middleware.TokenFromContext(r.Context())
				if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: mux.Vars(r)["id"]}); err != nil {
					http.Error(w, "error", http.StatusInternalServerError)
				}
			}).Methods(route.Method)
		}
		return router
	})
}

// TestOutsideOfTheGuard checks what docs/frameworks says about the responses that mux itself writes.
func TestOutsideOfTheGuard(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	inside := mux.NewRouter()
	inside.Use(guard.With())
	inside.HandleFunc("/orders/{id}", greet).Methods(http.MethodGet)
	around := guard.Handler(inside)
	wrong := mux.NewRouter() // another method of a guarded path, registered outside of the subrouter
	wrong.HandleFunc("/orders/{id}", greet).Methods(http.MethodPost)
	sub := wrong.NewRoute().Subrouter()
	sub.Use(guard.With())
	sub.HandleFunc("/orders/{id}", greet).Methods(http.MethodGet)
	for _, test := range []struct {
		api           http.Handler
		method, path  string
		without, with int
	}{
		{inside, http.MethodGet, "/orders/7", 401, 200},
		{inside, http.MethodGet, "/unknown", 404, 404},
		{inside, http.MethodPost, "/orders/7", 405, 405},
		{inside, http.MethodHead, "/orders/7", 405, 405},
		{inside, http.MethodOptions, "/orders/7", 405, 405},
		{inside, http.MethodGet, "/ORDERS/7", 404, 404},
		{inside, http.MethodGet, "/orders/7/", 404, 404},
		{inside, http.MethodGet, "//orders/7", 301, 301},
		{inside, http.MethodGet, "/orders/./7", 301, 301},
		{inside, http.MethodGet, "/orders/%37", 401, 200},
		{around, http.MethodGet, "/orders/7", 401, 200},
		{around, http.MethodGet, "/unknown", 401, 404},
		{around, http.MethodPost, "/orders/7", 401, 405},
		{around, http.MethodGet, "//orders/7", 401, 301},
		{sub, http.MethodGet, "/orders/7", 401, 200},
		{wrong, http.MethodGet, "/orders/7", 401, 200},
	} {
		without, with := send(t, test.api, test.method, test.path, ""), send(t, test.api, test.method, test.path, token)
		if without != test.without || with != test.with {
			t.Errorf("%s %s: status %d without a token and %d with one, want %d and %d", test.method, test.path, without, with, test.without, test.with)
		}
	}
}

func send(t *testing.T, api http.Handler, method, path, token string) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code
}

func newGuard(t *testing.T) (guard *middleware.Guard, token string) {
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
	return guard, issuer.AccessToken().Sign()
}
