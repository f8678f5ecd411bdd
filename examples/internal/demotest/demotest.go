// Package demotest is the smoke test for the examples with the same four routes.
package demotest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// Check sends requests to the API that newAPI returns, with tokens of an issuer on loopback.
func Check(t *testing.T, newAPI func(issuer string) (http.Handler, error)) {
	t.Helper()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	api, err := newAPI(issuer.URL())
	if err != nil {
		t.Fatal(err)
	}
	good, noScope, admin := issuer.Good().Sign(), issuer.NoScope().Sign(), issuer.Admin().Sign()
	tests := []struct {
		name, path, token string
		status            int
		body              string
	}{
		{"public", "/", "", 200, "hello stranger\n"},
		{"no token", "/me", "", 401, ""},
		{"good token", "/me", good, 200, "hello alice\n"},
		{"wrong audience", "/me", issuer.WrongAudience().Sign(), 401, ""},
		{"expired", "/me", issuer.Expired().Sign(), 401, ""},
		{"unsigned", "/me", issuer.Good().SignWith("none", nil).Sign(), 401, ""},
		{"no token for a scope", "/orders", "", 401, ""},
		{"with the scope", "/orders", good, 200, "hello alice\n"},
		{"without the scope", "/orders", noScope, 403, ""},
		{"with the role", "/admin", admin, 200, "hello alice\n"},
		{"without the role", "/admin", good, 403, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Get(t.Context(), api, test.path, test.token)
			if got.Code != test.status {
				t.Errorf("status %d, want %d", got.Code, test.status)
			}
			if test.status == http.StatusOK && got.Body.String() != test.body {
				t.Errorf("body %q, want %q", got.Body, test.body)
			}
			if challenged := got.Header().Get("WWW-Authenticate") != ""; challenged != (test.status != http.StatusOK) {
				t.Errorf("response has a challenge: %v", challenged)
			}
		})
	}
}

// Get sends one request to api. If token is empty, the request has no token.
func Get(ctx context.Context, api http.Handler, path, token string) *httptest.ResponseRecorder {
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	recorder := httptest.NewRecorder()
	api.ServeHTTP(recorder, request)
	return recorder
}
