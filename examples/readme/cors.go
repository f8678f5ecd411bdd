package main

import (
	"net/http"

	"github.com/rs/cors"
)

func withCORS(api http.Handler) http.Handler {
	origins, headers := []string{"https://app.example.com"}, []string{"Authorization"}
	return cors.New(cors.Options{AllowedOrigins: origins, AllowedHeaders: headers}).Handler(api)
}
