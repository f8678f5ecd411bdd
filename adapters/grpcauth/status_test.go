package grpcauth_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/bearerkit/bearerkit/adapters/grpcauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// rejection is all that a client receives.
type rejection struct {
	Code     codes.Code
	Message  string
	Reason   string
	Metadata map[string]string
	Retry    time.Duration
	Header   metadata.MD
}

// received returns the parts of a response.
func received(t *testing.T, err error, header metadata.MD) rejection {
	t.Helper()
	s := status.Convert(err)
	got := rejection{Code: s.Code(), Message: s.Message(), Header: header}
	delete(header, "content-type")
	for _, detail := range s.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			if detail.GetDomain() != grpcauth.ErrorDomain {
				t.Errorf("domain %q", detail.GetDomain())
			}
			got.Reason, got.Metadata = detail.GetReason(), detail.GetMetadata()
		case *errdetails.RetryInfo:
			got.Retry = detail.GetRetryDelay().AsDuration()
		default:
			t.Errorf("unexpected detail %T", detail)
		}
	}
	return got
}

// The rejections of a unary call, of a stream, and of a handler that returns a Refusal, in all details.
func TestStatus(t *testing.T) {
	t.Parallel()
	const bare = `Bearer realm="api"`
	refuse := func(refusal *middleware.Refusal) []middleware.Rule {
		return []middleware.Rule{middleware.Check("mine", func(context.Context, *consumer.Token) error { return refusal })}
	}
	challenge := func(text string) metadata.MD { return metadata.MD{"www-authenticate": {bare + text}} }
	for name, test := range map[string]struct {
		token func(*bearertest.Token) *bearertest.Token // nil: a good one
		lines []string                                  // instead of the token
		rules []middleware.Rule
		want  rejection
	}{
		"no token": {lines: []string{}, want: rejection{Code: codes.Unauthenticated, Message: "unauthorized", Header: challenge("")}},
		"expired": {
			token: func(b *bearertest.Token) *bearertest.Token { return b.Set("exp", 1) },
			want:  rejection{Code: codes.Unauthenticated, Message: "invalid_token", Reason: "INVALID_TOKEN", Header: challenge(`, error="invalid_token"`)},
		},
		"other audience": {
			token: func(b *bearertest.Token) *bearertest.Token { return b.Set("aud", "https://other.test") },
			want:  rejection{Code: codes.Unauthenticated, Message: "invalid_token", Reason: "INVALID_TOKEN", Header: challenge(`, error="invalid_token"`)},
		},
		"two tokens": {
			lines: []string{"Bearer a.b.c", "Bearer a.b.c"},
			want:  rejection{Code: codes.Unauthenticated, Message: "invalid_request", Reason: "INVALID_REQUEST", Header: challenge(`, error="invalid_request"`)},
		},
		"scope": {
			rules: []middleware.Rule{middleware.Scopes("read", "write")},
			want: rejection{
				Code: codes.PermissionDenied, Message: "insufficient_scope", Reason: "INSUFFICIENT_SCOPE",
				Metadata: map[string]string{"scope": "read write"},
				Header:   challenge(`, error="insufficient_scope", scope="read write"`),
			},
		},
		"step-up": {
			rules: []middleware.Rule{middleware.StepUp(time.Minute, "gold")},
			want: rejection{
				Code: codes.Unauthenticated, Message: "insufficient_user_authentication", Reason: "INSUFFICIENT_USER_AUTHENTICATION",
				Metadata: map[string]string{"acr_values": "gold", "max_age": "60"},
				Header:   challenge(`, error="insufficient_user_authentication", acr_values="gold", max_age="60"`),
			},
		},
		"policy": {
			rules: []middleware.Rule{middleware.Role("roles", "admin")},
			want:  rejection{Code: codes.PermissionDenied, Message: "forbidden", Header: challenge("")},
		},
		"outage": {
			rules: []middleware.Rule{middleware.Check("mine", func(context.Context, *consumer.Token) error { return consumer.ErrUnavailable })},
			want:  rejection{Code: codes.Unavailable, Message: "service unavailable", Retry: 5 * time.Second},
		},
		"fault": {
			rules: []middleware.Rule{middleware.Check("mine", func(context.Context, *consumer.Token) error {
				return &consumer.Error{Reason: consumer.ReasonInternal, Err: errors.New("secret")}
			})},
			want: rejection{Code: codes.Internal, Message: "internal server error"},
		},
		"not found":          {rules: refuse(&middleware.Refusal{Status: 404}), want: rejection{Code: codes.NotFound, Message: "not found"}},
		"conflict":           {rules: refuse(&middleware.Refusal{Status: 409}), want: rejection{Code: codes.Aborted, Message: "conflict"}},
		"too many":           {rules: refuse(&middleware.Refusal{Status: 429}), want: rejection{Code: codes.ResourceExhausted, Message: "too many requests"}},
		"legal reasons":      {rules: refuse(&middleware.Refusal{Status: 451}), want: rejection{Code: codes.PermissionDenied, Message: "unavailable for legal reasons"}},
		"unnamed status":     {rules: refuse(&middleware.Refusal{Status: 499}), want: rejection{Code: codes.Canceled, Message: "the client has canceled the call"}},
		"gateway timeout":    {rules: refuse(&middleware.Refusal{Status: 504}), want: rejection{Code: codes.DeadlineExceeded, Message: "gateway timeout"}},
		"bad gateway":        {rules: refuse(&middleware.Refusal{Status: 502}), want: rejection{Code: codes.Internal, Message: "bad gateway"}},
		"success is a fault": {rules: refuse(&middleware.Refusal{Status: 200}), want: rejection{Code: codes.Internal, Message: "internal server error"}},
		"own code": {
			rules: refuse(&middleware.Refusal{Status: 403, Code: "not-today", Detail: "secret", Err: errors.New("secret")}),
			want:  rejection{Code: codes.PermissionDenied, Message: "not-today", Reason: "NOT_TODAY", Header: challenge(`, error="not-today"`)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			issuer := newIssuer()
			apply := func(ctx context.Context, in *text) (*text, error) {
				if err := middleware.Apply(ctx, test.rules...); err != nil {
					return nil, errors.Join(errors.New("secret"), err)
				}
				return greet(ctx, in)
			}
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, issuer, nil), Policy: policy{
				show: test.rules, chat: test.rules, "/late.Orders/*": nil,
			}})
			server := grpc.NewServer(i.ServerOptions()...)
			server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
			server.RegisterService(describe("late.Orders", "Show", "Chat"), &methods{show: apply, chat: func(ss grpc.ServerStream) error {
				_, err := apply(ss.Context(), nil)
				return err
			}})
			conn := inMemory(t, server)
			token := issuer.AccessToken().Set("scope", "read")
			if test.token != nil {
				token = test.token(token)
			}
			ctx := with(t.Context(), token.Sign())
			if test.lines != nil {
				ctx = t.Context()
				for _, line := range test.lines {
					ctx = metadata.AppendToOutgoingContext(ctx, "authorization", line)
				}
			}
			for _, method := range []string{show, chat, "/late.Orders/Show", "/late.Orders/Chat"} {
				var header metadata.MD
				err := conn.Invoke(ctx, method, wrapperspb.String(""), new(text), grpc.Header(&header))
				if diff := cmp.Diff(test.want, received(t, err, header)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", method, diff)
				}
				if strings.Contains(err.Error(), "secret") {
					t.Errorf("%s: %v", method, err)
				}
			}
		})
	}
}

// slowKeys has no keys, and waits until the call ends.
type slowKeys struct{}

// Keys implements [jwks.Source].
func (slowKeys) Keys(ctx context.Context, _, _ string) ([]jwks.Key, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A call that the client cancels during the decision is Canceled.
func TestCanceledCall(t *testing.T) {
	t.Parallel()
	for _, method := range []string{show, chat} {
		t.Run(method, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				decisions, seen := make(chan int, 1), make(chan codes.Code, 1)
				issuer := newIssuer()
				i := newInterceptors(t, grpcauth.Config{Guard: slowGuard(t, issuer, decisions), Policy: policy{"/test.Orders/*": nil}})
				server := grpc.NewServer(append([]grpc.ServerOption{
					grpc.ChainUnaryInterceptor(func(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
						out, err := next(ctx, in)
						seen <- status.Code(err)
						return out, err
					}),
					grpc.ChainStreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
						err := next(srv, ss)
						seen <- status.Code(err)
						return err
					}),
				}, i.ServerOptions()...)...)
				server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{show: greet, chat: echo})
				conn := inMemory(t, server)
				ctx, cancel := context.WithCancel(with(t.Context(), issuer.AccessToken().Sign()))
				time.AfterFunc(time.Second, cancel)
				if err := conn.Invoke(ctx, method, wrapperspb.String(""), new(text)); status.Code(err) != codes.Canceled {
					t.Errorf("the client received %v", err)
				}
				if decision, code := <-decisions, <-seen; decision != 499 || code != codes.Canceled {
					t.Errorf("decision %d, code %v", decision, code)
				}
			})
		})
	}
}

// If the time of a call is over before the decision, the token could not be verified.
func TestDeadlineOfCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		decisions, issuer := make(chan int, 1), newIssuer()
		i := newInterceptors(t, grpcauth.Config{
			Guard: slowGuard(t, issuer, decisions), Policy: policy{show: nil}, InsecureAllowPlaintext: true,
		})
		ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("authorization", "Bearer "+issuer.AccessToken().Sign()))
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_, err := i.Unary(ctx, nil, &grpc.UnaryServerInfo{FullMethod: show}, func(context.Context, any) (any, error) { return nil, nil })
		if decision := <-decisions; decision != 503 || status.Code(err) != codes.Unavailable {
			t.Errorf("decision %d, %v", decision, err)
		}
	})
}

// slowGuard returns a Guard whose Verifier waits for keys until the call ends.
func slowGuard(t *testing.T, issuer *bearertest.Issuer, decisions chan<- int) *middleware.Guard {
	t.Helper()
	return newGuard(t, issuer, func(c *consumer.Config, g *middleware.Config) {
		c.Keys = slowKeys{}
		g.OnDecision = func(_ context.Context, d middleware.Decision) { decisions <- d.Status }
	})
}

// Other errors of a handler are not changed, and a public method that applies rules rejects.
func TestErrorsOfHandlers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err  func(context.Context) error
		want codes.Code
	}{
		"status":         {func(context.Context) error { return status.Error(codes.NotFound, "no such order") }, codes.NotFound},
		"other":          {func(context.Context) error { return errors.New("broken") }, codes.Unknown},
		"wrapped status": {func(context.Context) error { return errors.Join(status.Error(codes.DataLoss, "x"), errors.New("y")) }, codes.DataLoss},
		"consumer error": {func(context.Context) error { return consumer.ErrInvalidToken }, codes.Unknown},
		"rule, no token": {func(ctx context.Context) error { return middleware.Apply(ctx, middleware.Scopes("read")) }, codes.Unauthenticated},
		"nil refusal":    {func(context.Context) error { return (*middleware.Refusal)(nil) }, codes.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := newInterceptors(t, grpcauth.Config{Guard: newGuard(t, newIssuer(), nil), Public: []string{"/test.Orders/*"}})
			server := grpc.NewServer(i.ServerOptions()...)
			server.RegisterService(describe("test.Orders", "Show", "Chat"), &methods{
				show: func(ctx context.Context, _ *text) (*text, error) { return nil, test.err(ctx) },
				chat: func(ss grpc.ServerStream) error { return test.err(ss.Context()) },
			})
			conn := inMemory(t, server)
			for _, method := range []string{show, chat} {
				err := conn.Invoke(t.Context(), method, wrapperspb.String(""), new(text))
				if status.Code(err) != test.want {
					t.Errorf("%s: %v, expected %v", method, err, test.want)
				}
			}
		})
	}
}
