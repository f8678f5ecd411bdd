package main

import (
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// This file contains settings that the program does not need. docs/mutual-tls.md shows them.

func newServer(api http.Handler, clientCAs *x509.CertPool) *http.Server {
	return &http.Server{
		Handler:           api, // behind a Guard with MTLS: &middleware.MTLSConfig{}
		ReadHeaderTimeout: 5 * time.Second,
		TLSConfig: &tls.Config{
			ClientAuth: tls.VerifyClientCertIfGiven,
			ClientCAs:  clientCAs,
			MinVersion: tls.VersionTLS12,
		},
	}
}

func newGuardBehindProxy(verifier consumer.Verifier, logger *slog.Logger) (*middleware.Guard, error) {
	return middleware.New(middleware.Config{
		Verifier: verifier,
		MTLS: &middleware.MTLSConfig{
			Proxies:  []netip.Prefix{netip.MustParsePrefix("10.1.2.7/32")},
			Encoding: middleware.CertificateURLPEM,
		},
		Logger: logger,
	})
}
