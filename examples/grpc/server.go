package main

import (
	"context"
	"crypto/tls"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// newServer returns a server that accepts tokens of issuer.
func newServer(issuer string, revoked consumer.TokenStatus, certificate tls.Certificate) (*grpc.Server, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{audience}, Status: revoked})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	return guarded(guard, grpc.Creds(credentials.NewServerTLSFromCert(&certificate)))
}

func guarded(guard *middleware.Guard, options ...grpc.ServerOption) (*grpc.Server, error) {
	interceptors, err := grpcauth.New(grpcauth.Config{
		Guard: guard,
		Policy: map[string][]middleware.Rule{
			"/orders.v1.Orders/*":      {middleware.Scopes("orders:read")},
			"/orders.v1.Orders/Cancel": {middleware.Scopes("orders:read", "orders:write")},
		},
		Public:  []string{"/grpc.health.v1.Health/*"},
		Recheck: 100 * time.Millisecond, // short, for this demonstration; the default is one minute
	})
	if err != nil {
		return nil, err
	}
	server := grpc.NewServer(append(options, interceptors.ServerOptions()...)...)
	services := interceptors.Registrar(server)
	services.RegisterService(ordersDesc(), ordersService{}) // with generated code: ordersv1.RegisterOrdersServer(services, …)
	healthpb.RegisterHealthServer(services, health.NewServer())
	return server, interceptors.CheckServer(server)
}

// ordersService implements the methods. The Guard verifies the token of a call before it calls a method.
type ordersService struct{}

// Show implements ordersServer.
func (ordersService) Show(ctx context.Context, id *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	token, ok := grpcauth.Token(ctx)
	if !ok { // only if the method is public
		return nil, status.Error(codes.Unauthenticated, "no token")
	}
	return wrapperspb.String("order " + id.GetValue() + " of " + token.Subject()), nil
}

// Cancel implements ordersServer.
func (ordersService) Cancel(ctx context.Context, id *wrapperspb.StringValue) (*wrapperspb.StringValue, error) {
	token, ok := grpcauth.Token(ctx)
	if !ok { // only if the method is public
		return nil, status.Error(codes.Unauthenticated, "no token")
	}
	return wrapperspb.String("order " + id.GetValue() + " canceled by " + token.Subject()), nil
}

// Watch implements ordersServer. It sends events until the stream ends. When SendMsg fails or the context ends, the token is no
// longer accepted, or the client has ended the call.
func (ordersService) Watch(stream grpc.ServerStream) error {
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		return err
	}
	ticks := time.NewTicker(10 * time.Millisecond)
	defer ticks.Stop()
	for {
		if err := stream.SendMsg(wrapperspb.String("tick")); err != nil {
			return err
		}
		select {
		case <-ticks.C:
		case <-stream.Context().Done():
			return errors.New("the stream has ended") // grpcauth replaces it if the token is the reason
		}
	}
}
