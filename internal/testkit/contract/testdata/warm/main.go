// Program warm sends the same request through a Guard twice and writes the coverage of the second one alone.
package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"runtime/coverage"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run writes the coverage data to dir.
func run(dir string) error {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"https://api.test"},
		HTTPClient: issuer.Client(), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return err
	}
	handler := guard.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders))
	request := httptest.NewRequest(http.MethodGet, "/orders", nil)
	request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
	if err := serve(handler, request); err != nil {
		return err
	}
	settle()
	if err := coverage.ClearCounters(); err != nil {
		return err
	}
	if err := serve(handler, request); err != nil {
		return err
	}
	if err := coverage.WriteMetaDir(dir); err != nil {
		return err
	}
	return coverage.WriteCountersDir(dir)
}

// settle waits until the goroutines that the first request has started have ended. Discovery still reads the documents of
// slower locations after it has responded.
func settle() {
	for attempts := 0; runtime.NumGoroutine() > 1 && attempts < 1000; attempts++ {
		time.Sleep(time.Millisecond)
	}
}

func serve(handler http.Handler, request *http.Request) error {
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, request)
	if response.Code != http.StatusOK {
		return fmt.Errorf("got status %d: %s", response.Code, response.Body)
	}
	return nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintln(w, "hello", token.Subject())
}
