package testing

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest/handlertest"
)

func TestListOrders(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/orders", nil)
	r = handlertest.WithToken(t, r, map[string]any{"sub": "bob"})

	w := httptest.NewRecorder()
	listOrders(w, r)
	if w.Code != http.StatusOK || w.Body.String() != "orders of bob" {
		t.Errorf("status %d, %s", w.Code, w.Body)
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	verifier := handlertest.NewVerifier(t)
	api, err := newAPI(verifier)
	if err != nil {
		t.Fatal(err)
	}
	for scope, status := range map[string]int{
		"orders:read":  http.StatusOK,
		"orders:write": http.StatusForbidden,
	} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/orders", nil)
		r.Header.Set("Authorization", "Bearer "+verifier.Credential(map[string]any{"scope": scope}))

		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("%s: status %d, want %d", scope, w.Code, status)
		}
	}
}
