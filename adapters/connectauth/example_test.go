package connectauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/connectauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// hello is the handler of a procedure. Generated code registers such handlers.
func hello(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
	token, ok := connectauth.Token(ctx)
	if !ok { // only without a Guard, in a public procedure, or with Optional or AllowPreflight
		return nil, connect.NewError(connect.CodeUnauthenticated, errors.New("no token"))
	}
	return connect.NewResponse(wrapperspb.String("hello " + token.Subject())), nil
}

// The policy lists the procedures of a server. A client that lacks a scope learns which one from the details of the error.
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
	mux := http.NewServeMux()
	for _, procedure := range []string{"/orders.v1.Orders/List", "/orders.v1.Orders/Cancel", "/orders.v1.Orders/Purge"} {
		mux.Handle(procedure, connect.NewUnaryHandler(procedure, hello))
	}
	guarded, err := connectauth.New(connectauth.Config{
		Guard: guard,
		Policy: map[string][]middleware.Rule{
			"/orders.v1.Orders/List":   {middleware.Scopes("orders:read")},
			"/orders.v1.Orders/Cancel": {middleware.Scopes("orders:write")},
		},
	}, mux)
	if err != nil {
		fmt.Println(err)
		return
	}
	server := httptest.NewServer(guarded)
	defer server.Close()

	for _, procedure := range []string{"/orders.v1.Orders/List", "/orders.v1.Orders/Cancel", "/orders.v1.Orders/Purge"} {
		client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](server.Client(), server.URL+procedure)
		request := connect.NewRequest(&emptypb.Empty{})
		request.Header().Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "orders:read").Sign())
		response, err := client.CallUnary(context.Background(), request)
		if failed, ok := errors.AsType[*connect.Error](err); ok {
			fmt.Println(failed, "|", failed.Meta().Get("WWW-Authenticate"))
			continue
		}
		fmt.Println(response.Msg.GetValue())
	}
	// Output:
	// hello alice
	// permission_denied: insufficient_scope | Bearer realm="api", error="insufficient_scope", scope="orders:write"
	// permission_denied: forbidden | Bearer realm="api"
}

// Procedures of one handler can share a rule.
func ExampleMiddleware() {
	verifier, err := consumer.New(consumer.Config{Issuer: "https://login.example.com", Audience: []string{"https://api.example.com"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier})
	if err != nil {
		fmt.Println(err)
		return
	}
	const procedure = "/orders.v1.Orders/List"
	handler := connectauth.Middleware(guard, middleware.Scopes("orders:read"))(connect.NewUnaryHandler(procedure, hello))
	server := httptest.NewServer(handler)
	defer server.Close()

	client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](server.Client(), server.URL+procedure)
	_, err = client.CallUnary(context.Background(), connect.NewRequest(&emptypb.Empty{}))
	fmt.Println(err)
	// Output: unauthenticated: unauthorized
}
