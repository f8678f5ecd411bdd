// The first program in README.md, which shows this file from the package clause to its end.

package main

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() {
	// Replace the issuer with your authorization server, and the audience with the name that it uses for your API.
	api, err := newAPI("https://login.example.com", "https://api.example.com", slog.Default())
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: api, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newAPI(issuer, audience string, logger *slog.Logger) (http.Handler, error) {
	c, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}, Logger: logger})
	if err != nil {
		return nil, err
	}
	g, err := middleware.New(middleware.Config{Verifier: c, Logger: logger})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", g.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
	return mux, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, ok := middleware.TokenFromContext(r.Context())
	if !ok { // only without a Guard, or with Optional or AllowPreflight
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	fmt.Fprintln(w, "hello", token.Subject())
}
