package serve_test

import (
	"net/http"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A value and all values together are limited, so that they fit in the header that a proxy reads.
func TestLimitsOfClaims(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: traefik
listen: {http: "127.0.0.1:0"}
routes: {/x: {}}
headers: {X-A: a, X-B: b, X-C: c}
timeouts: {drain: 1ms}
`)
	for _, test := range []struct{ a, b, c, status int }{
		{1 << 10, 0, 0, http.StatusOK},
		{1<<10 + 1, 0, 0, http.StatusForbidden},
		{1 << 10, 1 << 10, 0, http.StatusOK},
		{1 << 10, 1 << 10, 1, http.StatusForbidden},
	} {
		token := r.issuer.AccessToken().Set("a", strings.Repeat("a", test.a)).Set("b", strings.Repeat("b", test.b)).Set("c", strings.Repeat("c", test.c))
		if response, _ := r.ask(t, "traefik", http.MethodGet, "/x", bearer(token)); response.status != test.status {
			t.Errorf("%+v: status %d", test, response.status)
		}
	}
}

// Requests of the proxy are limited.
func TestLimitsOfRequests(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	long := fields{"X-Long", strings.Repeat("x", 100<<10)}
	if response, _ := r.ask(t, "nginx", http.MethodGet, "/public/x", long); response.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", response.status)
	}
	e := start(t, envoy)
	_, err := dial(t, e).Check(t.Context(), checkRequest("GET", "/public/x", map[string]string{"x-long": strings.Repeat("x", 2<<20)}))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
}

// Clients cannot fill the log.
func TestLimitOfWarnings(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	for range 30 {
		_, _ = r.ask(t, "nginx", http.MethodGet, "//x", nil)
	}
	r.stop()
	// The 30 requests may take longer than one period of ten seconds on a slow machine.
	if n := strings.Count(r.log.String(), "serve: request rejected before its token was read"); n < 10 || n > 20 {
		t.Errorf("%d warnings, want 10", n)
	}
}
