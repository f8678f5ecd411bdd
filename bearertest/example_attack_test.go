package bearertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/bearerkit/bearerkit/bearertest"
)

// A handler of RemoteHandler sends each request to a server, so that Attacks and Benchmark can test it.
func ExampleRemoteHandler() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Method, " ", r.URL.Path)
	}))
	defer server.Close()
	handler := bearertest.RemoteHandler(server.URL, nil)

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/orders", nil)) //nolint:noctx // no context in an example
	fmt.Println(w.Code, w.Body)
	// In a test: bearertest.Attacks(t, handler, issuer, bearertest.Target{URL: "/orders"})

	// Output:
	// 200 GET /orders
}

// A Target says where the deployment reads the token, and which claims it requires.
func ExampleTarget() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	target := bearertest.Target{
		URL:        "/orders",
		Token:      func() *bearertest.Token { return issuer.AccessToken().Set("tenant", "a") },
		Credential: func(r *http.Request, token string) { r.Header.Set("X-Access-Token", token) },
		Skip:       map[string]string{"13_iat_in_the_future": "the clock of the issuer is wrong"},
	}

	r := httptest.NewRequest(http.MethodGet, target.URL, nil) //nolint:noctx // no context in an example
	target.Credential(r, target.Token().Sign())
	fmt.Println(len(r.Header.Get("X-Access-Token")) > 100)
	// Output:
	// true
}
