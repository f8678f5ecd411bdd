package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

// The authentication context classes of the demonstration provider. A real provider documents its own.
const (
	password     = "pwd"
	secondFactor = "phr"
)

// newAPI returns an API that accepts tokens of issuer. This file contains everything that an API needs.
func newAPI(issuer string) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{demo.Audience}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	// A client acts for itself with the client credentials grant. It has no account.
	user := middleware.Principal(consumer.PrincipalUser)
	// StepUp is in front of Scopes. So if both are not met, one challenge names both, and one sign-in suffices.
	recent := middleware.StepUp(5*time.Minute, secondFactor)

	mux := http.NewServeMux()
	mux.Handle("GET /balance", guard.With(user, middleware.Scopes("account"))(http.HandlerFunc(balance)))
	mux.Handle("POST /transfers", guard.With(user, recent, middleware.Scopes("account"))(http.HandlerFunc(transfer)))
	return mux, nil
}

// balance and transfer handle the guarded routes. The Guard has verified the token before.
func balance(w http.ResponseWriter, r *http.Request) {
	if token, ok := middleware.TokenFromContext(r.Context()); ok {
		fmt.Fprint(w, "balance of ", token.Subject(), ": 1,250 EUR")
	}
}

func transfer(w http.ResponseWriter, r *http.Request) {
	if token, ok := middleware.TokenFromContext(r.Context()); ok {
		fmt.Fprint(w, "transfer of ", token.Subject(), ", confirmed with ", token.ACR())
	}
}
