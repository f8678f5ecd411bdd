package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/middleware"
)

// The procedures of the service. Generated code has such constants, and registers the handlers.
const (
	list   = "/orders.v1.Orders/List"
	cancel = "/orders.v1.Orders/Cancel"
	watch  = "/orders.v1.Orders/Watch" // a stream
	purge  = "/orders.v1.Orders/Purge" // not in the policy
	ping   = "/status.v1.Status/Ping"  // needs no token
)

// newServer returns a server with a policy for its procedures.
func newServer(issuer string) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{demo.Audience}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	for _, procedure := range []string{list, cancel, purge} {
		mux.Handle(procedure, connect.NewUnaryHandler(procedure, greet))
	}
	mux.Handle(watch, connect.NewServerStreamHandler(watch, watchOrders))
	mux.Handle(ping, connect.NewUnaryHandler(ping, pong))
	return connectauth.New(connectauth.Config{
		Guard: guard,
		Policy: map[string][]middleware.Rule{
			list:   {middleware.Scopes("orders:read")},
			watch:  {middleware.Scopes("orders:read")},
			cancel: {middleware.Scopes("orders:write")},
		},
		Public: []string{"/status.v1.Status/*"},
	}, mux)
}

// errNoToken is the error of a handler that is registered without a Guard by mistake.
var errNoToken = errors.New("no token")

// greet is the handler of a unary procedure.
func greet(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
	token, ok := connectauth.Token(ctx)
	if !ok {
		return nil, connect.NewError(connect.CodeUnauthenticated, errNoToken)
	}
	return connect.NewResponse(wrapperspb.String("hello " + token.Subject())), nil
}

// watchOrders is the handler of a stream. Its context ends when the token expires or is revoked.
func watchOrders(
	ctx context.Context, _ *connect.Request[emptypb.Empty], stream *connect.ServerStream[wrapperspb.StringValue],
) error {
	token, ok := connectauth.Token(ctx)
	if !ok {
		return connect.NewError(connect.CodeUnauthenticated, errNoToken)
	}
	ticks := time.NewTicker(200 * time.Millisecond)
	defer ticks.Stop()
	for {
		if err := stream.Send(wrapperspb.String("an order of " + token.Subject())); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticks.C:
		}
	}
}

// pong is the handler of a public procedure.
func pong(context.Context, *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
	return connect.NewResponse(wrapperspb.String("pong")), nil
}
