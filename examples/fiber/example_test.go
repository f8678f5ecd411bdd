package main

import "log"

//nolint:testableexamples // it serves until it is stopped
func Example_main() {
	app, err := newAPI("https://login.example.com")
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(app.Listen("127.0.0.1:8080"))
}
