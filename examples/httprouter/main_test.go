package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/julienschmidt/httprouter"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
	"github.com/bearerkit/bearerkit/internal/testkit/adaptertest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 404, Post: 405, Head: 405, Slashes: 301, Slash: 301, Options: 200})
}

// TestConformance runs the table for adapters.
func TestConformance(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, func(routes []adaptertest.Route) http.Handler {
		router := httprouter.New()
		router.PanicHandler = func(w http.ResponseWriter, _ *http.Request, _ any) {
			http.Error(w, "error", http.StatusInternalServerError)
		}
		for _, route := range routes {
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				route.Behind()
				token, ok := middleware.TokenFromContext(r.Context())
				id := httprouter.ParamsFromContext(r.Context()).ByName("id")
				if err := route.Serve(w, r, adaptertest.Seen{Token: token, HasToken: ok, ID: id}); err != nil {
					http.Error(w, "error", http.StatusInternalServerError)
				}
			})
			handler = guarded(route.Group, guarded(route.Guards, handler))
			router.Handler(route.Method, strings.ReplaceAll(route.Path, "{id}", ":id"), handler)
		}
		return router
	})
}

// guarded puts guards in front of next, the first one outermost.
func guarded(guards []adaptertest.Guarded, next http.Handler) http.Handler {
	if len(guards) == 0 {
		return next
	}
	return guards[0].Guard.With(guards[0].Rules...)(guarded(guards[1:], next))
}

// TestOutsideOfTheGuard checks what docs/frameworks says about the responses that httprouter itself writes.
func TestOutsideOfTheGuard(t *testing.T) {
	t.Parallel()
	guard, token := newGuard(t)
	inside := httprouter.New()
	inside.Handler(http.MethodGet, "/orders/:id", guard.Handler(http.HandlerFunc(greet)))
	around := guard.Handler(inside)
	for _, test := range []struct {
		api           http.Handler
		method, path  string
		without, with int
	}{
		{inside, http.MethodGet, "/orders/7", 401, 200},
		{inside, http.MethodGet, "/unknown", 404, 404},
		{inside, http.MethodPost, "/orders/7", 405, 405},
		{inside, http.MethodOptions, "/orders/7", 200, 200},
		{inside, http.MethodGet, "/orders/7/", 301, 301},
		{inside, http.MethodGet, "/ORDERS/7", 301, 301},
		{inside, http.MethodGet, "//orders/7", 301, 301},
		{inside, http.MethodGet, "/orders/%37", 401, 200},
		{around, http.MethodGet, "/orders/7", 401, 200},
		{around, http.MethodGet, "/unknown", 401, 404},
		{around, http.MethodPost, "/orders/7", 401, 405},
		{around, http.MethodOptions, "/orders/7", 401, 200},
		{around, http.MethodGet, "/orders/7/", 401, 301},
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
