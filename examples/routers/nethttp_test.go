package routers

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestNetHTTP(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 404, Post: 405, Head: 401, Slashes: 307, Slash: 404, Options: 405})
}

// TestDeny checks that a DenyHandler chooses the body only: the challenge is that of the Guard.
func TestDeny(t *testing.T) {
	t.Parallel()
	guard, _ := newGuard(t, middleware.Config{DenyHandler: deny})
	w := httptest.NewRecorder()
	guard.Handler(http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	if want := `{"error":"","status":401}` + "\n"; w.Code != http.StatusUnauthorized || w.Body.String() != want {
		t.Errorf("%d %q, want 401 %q", w.Code, w.Body, want)
	}
	if got := w.Header().Get("WWW-Authenticate"); got != `Bearer realm="api"` {
		t.Errorf("challenge %q", got)
	}
}
