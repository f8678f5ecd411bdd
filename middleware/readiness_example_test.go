package middleware_test

import (
	"fmt"
	"net/http"

	"github.com/bearerkit/bearerkit/middleware"
)

// The first probe fetches the keys, so the process is ready before the first request.
func ExampleReadiness() {
	issuer, verifier, err := exampleVerifier()
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	mux.Handle("/readyz", middleware.Readiness(verifier))
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {}) // liveness does not depend on the issuer

	send(mux, "GET", "/healthz", "")
	fmt.Println(verifier.Health().Ready)
	send(mux, "GET", "/readyz", "")
	fmt.Println(verifier.Health().Ready, issuer.Requests()["/jwks"])
	// Output:
	// 200
	// false
	// 200
	// true 1
}
