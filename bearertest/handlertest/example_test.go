package handlertest_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest/handlertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newAPI is the constructor of an application. It takes the Verifier, so that tests can replace it.
func newAPI(verifier consumer.Verifier) (http.Handler, error) {
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(hello)))
	return mux, nil
}

// t is the argument of the test. It only makes this example a function that can run.
var t testing.TB = exampleTest{}

// A test of a handler without a Guard puts a token in the context of the request.
func ExampleWithToken() {
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", http.NoBody)
	r = handlertest.WithToken(t, r, map[string]any{"sub": "bob"})

	recorder := httptest.NewRecorder()
	hello(recorder, r)
	fmt.Println(recorder.Code, recorder.Body)
	// Output:
	// 200 hello bob
}

// A test of the routes and their rules creates the API with a Verifier.
func ExampleVerifier() {
	verifier := handlertest.NewVerifier(t)
	api, err := newAPI(verifier)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, scope := range []string{"orders:read", "orders:write"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", http.NoBody)
		r.Header.Set("Authorization", "Bearer "+verifier.Credential(map[string]any{"scope": scope}))

		recorder := httptest.NewRecorder()
		api.ServeHTTP(recorder, r)
		fmt.Println(scope, recorder.Code)
	}
	// Output:
	// orders:read 200
	// orders:write 403
}

// exampleTest replaces the *testing.T of a test in the examples.
type exampleTest struct{ testing.TB }

// Helper implements [testing.TB].
func (exampleTest) Helper() {}

// Cleanup implements [testing.TB].
func (exampleTest) Cleanup(func()) {}
