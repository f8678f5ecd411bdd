package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// protocol is a protocol that clients of connect-go support.
type protocol struct {
	name    string
	options []connect.ClientOption
}

func protocols() []protocol {
	return []protocol{
		{"Connect", nil},
		{"gRPC", []connect.ClientOption{connect.WithGRPC()}},
		{"gRPC-Web", []connect.ClientOption{connect.WithGRPCWeb()}},
	}
}

// step is a call, and the expected result.
type step struct {
	what      string
	procedure string
	token     string
	want      string
}

func steps(issuer *demo.Issuer) []step {
	soon := func(t *bearertest.Token) string { return t.Set("exp", time.Now().Add(2*time.Second).Unix()).Sign() }
	return []step{
		{"a public procedure", ping, "", "pong"},
		{"no token", list, "", `unauthenticated: unauthorized`},
		{"a good token", list, issuer.Good().Sign(), "hello alice"},
		{"a token that has expired", list, issuer.Expired().Sign(), "unauthenticated: invalid_token INVALID_TOKEN orders:read"},
		{"a missing scope", cancel, issuer.Good().Sign(), "permission_denied: insufficient_scope INSUFFICIENT_SCOPE orders:write"},
		{"a procedure that is not in the policy", purge, issuer.Good().Sign(), "permission_denied: forbidden"},
		{"a stream whose token expires", watch, soon(issuer.Good()), "an order of alice, then unauthenticated: invalid_token INVALID_TOKEN"},
	}
}

// take makes the call and describes its result.
func (s step) take(ctx context.Context, p protocol, url string) string {
	client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](httpClient(), url+s.procedure, p.options...)
	request := connect.NewRequest(new(emptypb.Empty))
	if s.token != "" {
		request.Header().Set("Authorization", "Bearer "+s.token)
	}
	if s.procedure == watch {
		return watchAll(ctx, client, request)
	}
	response, err := client.CallUnary(ctx, request)
	if err != nil {
		return describe(err)
	}
	return response.Msg.GetValue()
}

// watchAll receives a stream until it ends. It describes the last message and the end.
func watchAll(
	ctx context.Context, client *connect.Client[emptypb.Empty, wrapperspb.StringValue], request *connect.Request[emptypb.Empty],
) string {
	stream, err := client.CallServerStream(ctx, request)
	if err != nil {
		return describe(err)
	}
	defer func() { _ = stream.Close() }()
	last := ""
	for stream.Receive() {
		last = stream.Msg().GetValue() + ", then "
	}
	return last + describe(stream.Err())
}

// describe returns the text of a call's error, with the reason and the scopes in its details. A client could request these scopes
// in a new sign-in.
func describe(err error) string {
	failed, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return fmt.Sprint(err)
	}
	words := []string{failed.Error()}
	for _, detail := range failed.Details() {
		value, err := detail.Value()
		if info, ok := value.(*errdetails.ErrorInfo); ok && err == nil {
			words = append(words, info.GetReason())
			if scope := info.GetMetadata()["scope"]; scope != "" {
				words = append(words, scope)
			}
		}
	}
	return strings.Join(words, " ")
}

// httpClient returns a client that uses HTTP/2 without TLS, which gRPC needs on loopback.
func httpClient() *http.Client {
	var h2c http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	return &http.Client{Transport: &http.Transport{Protocols: &h2c}}
}

// start serves handler on a free port, with and without HTTP/2.
func start(ctx context.Context, handler http.Handler) (url string, stop func(), err error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := demo.NewServer(handler)
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	stopped := make(chan struct{})
	go func(l net.Listener) {
		defer close(stopped)
		_ = server.Serve(l)
	}(listener)
	return "http://" + listener.Addr().String(), func() {
		_ = server.Close()
		<-stopped
	}, nil
}
