package demotest

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// Unrouted contains the statuses of requests without a token that match no route. docs/frameworks/README.md has the same table.
type Unrouted struct {
	Unknown int // GET /unknown
	Post    int // POST /orders/7
	Head    int // HEAD /orders/7
	Slashes int // GET //orders/7
	Slash   int // GET /orders/7/
	Options int // OPTIONS /orders/7, which is not a preflight
}

// CheckFramework is [Check] for the examples of frameworks, which have more routes: optional authentication, a path parameter
// with a claim, and CORS.
func CheckFramework(t *testing.T, newAPI func(issuer string) (http.Handler, error), unrouted Unrouted) {
	t.Helper()
	Check(t, newAPI)
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	api, err := newAPI(issuer.URL())
	if err != nil {
		t.Fatal(err)
	}
	good := issuer.Good().Set("tenant", "acme").Sign()
	for _, test := range []struct {
		name, path, token string
		status            int
		body              string
	}{
		{"optional, no token", "/greeting", "", 200, "hello stranger\n"},
		{"optional, good token", "/greeting", good, 200, "hello alice\n"},
		{"optional, expired token", "/greeting", issuer.Expired().Sign(), 401, ""},
		{"parameter and claim", "/orders/7", good, 200, "order 7 of alice, tenant acme\n"},
		{"parameter, no token", "/orders/7", "", 401, ""},
		{"parameter, no scope", "/orders/7", issuer.NoScope().Sign(), 403, ""},
		{"claim of another type", "/orders/7", issuer.Good().Set("tenant", 1).Sign(), 403, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := Get(t.Context(), api, test.path, test.token)
			if got.Code != test.status || test.status == http.StatusOK && got.Body.String() != test.body {
				t.Errorf("status %d, body %q, want %d, %q", got.Code, got.Body, test.status, test.body)
			}
		})
	}
	t.Run("CORS", func(t *testing.T) { checkCORS(t, api) })
	t.Run("no route", func(t *testing.T) { checkUnrouted(t, api, unrouted) })
}

func checkUnrouted(t *testing.T, api http.Handler, unrouted Unrouted) {
	t.Helper()
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodGet, "/unknown", unrouted.Unknown},
		{http.MethodPost, "/orders/7", unrouted.Post},
		{http.MethodHead, "/orders/7", unrouted.Head},
		{http.MethodGet, "//orders/7", unrouted.Slashes},
		{http.MethodGet, "/orders/7/", unrouted.Slash},
		{http.MethodOptions, "/orders/7", unrouted.Options},
	} {
		request := httptest.NewRequestWithContext(t.Context(), test.method, "/", nil)
		request.URL.Path, request.RequestURI = test.path, test.path
		got := httptest.NewRecorder()
		api.ServeHTTP(got, request)
		if got.Code != test.status {
			t.Errorf("%s %s: status %d, want %d", test.method, test.path, got.Code, test.status)
		}
	}
}

// checkCORS checks that preflights pass without a token, and that a web page of the allowed origin can read rejections.
func checkCORS(t *testing.T, api http.Handler) {
	t.Helper()
	const origin = "https://app.example.com"
	for _, test := range []struct {
		method, origin string
		status         int
		allowed        string
	}{
		{http.MethodOptions, origin, http.StatusNoContent, origin},
		{http.MethodGet, origin, http.StatusUnauthorized, origin},
		{http.MethodGet, "https://other.example.com", http.StatusUnauthorized, ""},
	} {
		request := httptest.NewRequestWithContext(t.Context(), test.method, "/orders", nil)
		request.Header.Set("Origin", test.origin)
		if test.method == http.MethodOptions {
			request.Header.Set("Access-Control-Request-Method", http.MethodGet)
			request.Header.Set("Access-Control-Request-Headers", "authorization")
		}
		got := httptest.NewRecorder()
		api.ServeHTTP(got, request)
		if got.Code != test.status || got.Header().Get("Access-Control-Allow-Origin") != test.allowed {
			t.Errorf("%s from %s: status %d, allowed origin %q, want %d, %q", test.method, test.origin, got.Code,
				got.Header().Get("Access-Control-Allow-Origin"), test.status, test.allowed)
		}
		if test.status == http.StatusUnauthorized && test.allowed != "" && got.Header().Get("Access-Control-Expose-Headers") == "" {
			t.Error("the page cannot read the challenge")
		}
	}
}
