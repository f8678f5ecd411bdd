package grpcauth_test

import (
	"context"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The health service needs a token with a scope, except for its method Check.
func ExampleNew() {
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer.URL(),
		Audience:   []string{"https://api.test"},
		HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	interceptors, err := grpcauth.New(grpcauth.Config{
		Guard:  guard,
		Policy: map[string][]middleware.Rule{"/grpc.health.v1.Health/*": {middleware.Scopes("health:read")}},
		Public: []string{"/grpc.health.v1.Health/Check"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	server := grpc.NewServer(interceptors.ServerOptions()...)
	healthpb.RegisterHealthServer(interceptors.Registrar(server), health.NewServer())
	if err := interceptors.CheckServer(server); err != nil {
		fmt.Println(err)
		return
	}
	conn, stop := start(server)
	defer stop()

	client := healthpb.NewHealthClient(conn)
	checked, err := client.Check(context.Background(), new(healthpb.HealthCheckRequest))
	fmt.Println("Check without a token:", checked.GetStatus(), status.Code(err))
	_, err = client.List(context.Background(), new(healthpb.HealthListRequest))
	fmt.Println("List without a token:", status.Code(err))
	token := issuer.AccessToken().Set("scope", "health:read").Sign()
	ctx := metadata.AppendToOutgoingContext(context.Background(), "authorization", "Bearer "+token)
	_, err = client.List(ctx, new(healthpb.HealthListRequest))
	fmt.Println("List with a token:", status.Code(err))
	// Output:
	// Check without a token: SERVING OK
	// List without a token: Unauthenticated
	// List with a token: OK
}

// start serves on the loopback interface, where tokens need no TLS.
func start(server *grpc.Server) (conn *grpc.ClientConn, stop func()) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Println(err)
		return nil, server.Stop
	}
	go func() { _ = server.Serve(listener) }()
	conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println(err)
	}
	return conn, server.Stop
}
