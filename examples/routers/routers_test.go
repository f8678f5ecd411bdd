package routers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestRouters(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, middleware.Config{})
	routes, err := newRoutes(guard)
	if err != nil {
		t.Fatal(err)
	}
	reader := issuer.AccessToken().Set("scope", "orders:read").Sign()
	other := issuer.AccessToken().Set("scope", "other").Sign()
	for name, test := range map[string]struct {
		api http.Handler

		noScope int // the status of GET /orders/7 with a token without the scope

		// The status of requests without a token: GET /unknown, POST /orders/7, GET //orders/7 and OPTIONS /orders/7.
		unknown, post, slashes, options int
	}{
		"ServeMux":   {newServeMux(guard), 403, 404, 405, 307, 405},
		"Routes":     {routes, 403, 401, 401, 401, 401},
		"around":     {guard.Handler(newServeMux(guard)), 403, 401, 401, 401, 401},
		"chi":        {newChi(guard), 403, 404, 405, 404, 405},
		"around chi": {guard.Handler(newChi(guard)), 403, 401, 401, 401, 401},
		"alice":      {newAlice(guard), 403, 404, 405, 307, 405},
		"negroni":    {newNegroni(guard), 200, 401, 401, 401, 401}, // the Guard of the chain has no rules
		"bunrouter":  {newBunrouter(guard), 403, 404, 401, 301, 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if status, body := send(t, test.api, http.MethodGet, "/orders/7", reader); status != http.StatusOK || body != "order 7 of alice\n" {
				t.Errorf("with the scope: %d %q", status, body)
			}
			for _, row := range []struct {
				method, path, token string
				status              int
			}{
				{http.MethodGet, "/orders/7", "", http.StatusUnauthorized},
				{http.MethodGet, "/orders/7", other, test.noScope},
				{http.MethodGet, "/unknown", "", test.unknown},
				{http.MethodPost, "/orders/7", "", test.post},
				{http.MethodGet, "//orders/7", "", test.slashes},
				{http.MethodOptions, "/orders/7", "", test.options},
			} {
				if status, _ := send(t, test.api, row.method, row.path, row.token); status != row.status {
					t.Errorf("%s %s: status %d, want %d", row.method, row.path, status, row.status)
				}
			}
		})
	}
}

// A Guard of Use of the outermost chi router also guards the responses that chi itself writes.
func TestChiUse(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, middleware.Config{})
	router := chi.NewRouter()
	router.Use(guard.With())
	router.Get("/orders/{id}", showOrder)
	for _, path := range []string{"/orders/7", "/unknown", "//orders/7"} {
		if status, _ := send(t, router, http.MethodGet, path, ""); status != http.StatusUnauthorized {
			t.Errorf("%s: status %d, want 401", path, status)
		}
	}
}

func send(t *testing.T, api http.Handler, method, path, token string) (status int, body string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

func newGuard(t *testing.T, cfg middleware.Config) (*middleware.Guard, *bearertest.Issuer) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg.Verifier = verifier
	guard, err := middleware.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return guard, issuer
}
