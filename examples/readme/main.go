// Command readme is the program that README.md shows, from main to its end.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func main() {
	api, err := newAPI(os.Getenv("ISSUER")) // such as https://login.example.com
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: api, ReadHeaderTimeout: 5 * time.Second, IdleTimeout: time.Minute}
	log.Fatal(server.ListenAndServe())
}

func newAPI(issuer string) (http.Handler, error) {
	c, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{"https://api.example.com"}})
	if err != nil {
		return nil, err
	}
	g, err := middleware.New(middleware.Config{Verifier: c})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /orders", g.With(middleware.Scopes("orders:read"))(http.HandlerFunc(listOrders)))
	return mux, nil
}

func listOrders(w http.ResponseWriter, r *http.Request) {
	token, _ := middleware.TokenFromContext(r.Context())
	fmt.Fprintln(w, "hello", token.Subject())
}
