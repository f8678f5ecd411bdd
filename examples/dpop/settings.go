package main

import (
	"net/http"
	"net/netip"

	"github.com/rs/cors"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// This file contains settings that the program does not need. docs/sender-constrained.md shows them.

func newGuardOfSeveralHosts(verifier consumer.Verifier) (*middleware.Guard, error) {
	return middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP: &middleware.DPoPConfig{
			Proxies:      []netip.Prefix{netip.MustParsePrefix("10.1.2.0/24")},
			ProxyHeaders: []string{"X-Forwarded-Proto", "X-Forwarded-Host"},
			Hosts:        []string{"api.example.com", "*.customers.example.com"},
		},
	})
}

func newGuardOfCluster(verifier consumer.Verifier, replays middleware.ReplayStore, nonceKey []byte) (*middleware.Guard, error) {
	return middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP: &middleware.DPoPConfig{
			URL:          "https://api.example.com",
			Replays:      replays, // shared by all processes
			RequireNonce: true,
			NonceKeys:    [][]byte{nonceKey}, // at least 32 random bytes, the same in all processes
		},
	})
}

func newGuardForBrowsers(verifier consumer.Verifier) (*middleware.Guard, error) {
	return middleware.New(middleware.Config{
		Verifier: verifier,
		DPoP: &middleware.DPoPConfig{
			URL:           "https://api.example.com",
			RequireNonce:  true,
			ExposeHeaders: true, // scripts read the nonce from the response
		},
	})
}

func withCORS(api http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowedOrigins: []string{"https://app.example.com"},
		AllowedMethods: []string{http.MethodGet, http.MethodPost},
		AllowedHeaders: []string{"Authorization", "DPoP"},
	}).Handler(api)
}
