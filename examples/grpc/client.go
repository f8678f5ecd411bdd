package main

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/client"
)

// newClient returns a connection that adds a token with scopes to each call. Package client obtains and renews the token.
func newClient(issuer, addr string, roots *x509.CertPool, scopes ...string) (*grpc.ClientConn, error) {
	c, err := client.New(client.Config{Issuer: issuer, ClientID: clientID, ClientSecret: clientSecret})
	if err != nil {
		return nil, err
	}
	source, err := c.TokenSource(client.TokenSourceConfig{Grant: c.ClientCredentials, Scopes: scopes})
	if err != nil {
		return nil, err
	}
	tokens, err := client.NewRPCCredentials(client.RPCCredentialsConfig{
		Source: source, Origins: []string{"https://" + addr}, // no other server receives a token
	})
	if err != nil {
		return nil, err
	}
	return newConn(addr, roots, grpc.WithPerRPCCredentials(tokens))
}

// newConn returns a connection to the server.
func newConn(addr string, roots *x509.CertPool, options ...grpc.DialOption) (*grpc.ClientConn, error) {
	tls := grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(roots, ""))
	return grpc.NewClient(addr, append(options, tls)...)
}

// describe returns the result of a call as text: the response, or the code of the error, with the reason and the scopes in its
// details.
func describe(text string, err error) string {
	if err == nil {
		return text
	}
	s := status.Convert(err)
	parts := []string{s.Code().String()}
	if reason, scopes := rejection(s); reason != "" {
		parts = append(parts, reason, scopes)
	}
	return strings.TrimSpace(strings.Join(parts, " "))
}

// rejection returns the error code of the challenge, and the scopes that the method needs.
func rejection(s *status.Status) (reason, scopes string) {
	for _, detail := range s.Details() {
		if info, ok := detail.(*errdetails.ErrorInfo); ok && info.GetDomain() == grpcauth.ErrorDomain {
			return info.GetReason(), info.GetMetadata()["scope"]
		}
	}
	return "", ""
}

// healthOf returns a function that reads the health of the server.
func healthOf(conn *grpc.ClientConn) func(ctx context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		response, err := healthpb.NewHealthClient(conn).Check(ctx, new(healthpb.HealthCheckRequest))
		if err != nil {
			return "", errors.Join(errors.New("health"), err)
		}
		return response.GetStatus().String(), nil
	}
}
