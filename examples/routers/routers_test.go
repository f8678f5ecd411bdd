package routers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestRouters(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t)
	routes, err := newRoutes(guard)
	if err != nil {
		t.Fatal(err)
	}
	reader := issuer.AccessToken().Set("scope", "orders:read").Sign()
	other := issuer.AccessToken().Set("scope", "other").Sign()
	for name, test := range map[string]struct {
		api http.Handler

		unknown int // the status of GET /unknown without a token
		post    int // the status of POST /orders/7 without a token
		noScope int
	}{
		"ServeMux":  {newServeMux(guard), 404, 405, 403},
		"Routes":    {routes, 401, 401, 403},
		"chi":       {newChi(guard), 404, 405, 403},
		"alice":     {newAlice(guard), 404, 405, 403},
		"negroni":   {newNegroni(guard), 401, 401, 200},   // the Guard of the chain has no rules
		"bunrouter": {newBunrouter(guard), 404, 401, 403}, // the middleware of a group also runs for other methods of its paths
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
			} {
				if status, _ := send(t, test.api, row.method, row.path, row.token); status != row.status {
					t.Errorf("%s %s: status %d, want %d", row.method, row.path, status, row.status)
				}
			}
		})
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

func newGuard(t *testing.T) (*middleware.Guard, *bearertest.Issuer) {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		t.Fatal(err)
	}
	return guard, issuer
}
