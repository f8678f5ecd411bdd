package main

import (
	"log"
	"net/http"
	"time"
)

//nolint:testableexamples // it serves until it is stopped
func Example_main() {
	api, err := newAPI("https://login.example.com")
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: api, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
