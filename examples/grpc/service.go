package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// The full names of the methods of orders.v1.Orders.
const (
	showMethod   = "/orders.v1.Orders/Show"
	cancelMethod = "/orders.v1.Orders/Cancel"
	watchMethod  = "/orders.v1.Orders/Watch"
)

// ordersServer is the server side of the service.
type ordersServer interface {
	Show(ctx context.Context, id *wrapperspb.StringValue) (*wrapperspb.StringValue, error)
	Cancel(ctx context.Context, id *wrapperspb.StringValue) (*wrapperspb.StringValue, error)
	Watch(stream grpc.ServerStream) error
}

// ordersDesc describes the service. Its messages are google.protobuf.StringValue, so that the example needs no protoc.
func ordersDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "orders.v1.Orders",
		HandlerType: (*ordersServer)(nil),
		Methods: []grpc.MethodDesc{
			{MethodName: "Show", Handler: unary(showMethod, ordersServer.Show)},
			{MethodName: "Cancel", Handler: unary(cancelMethod, ordersServer.Cancel)},
		},
		Streams: []grpc.StreamDesc{{
			StreamName: "Watch", ServerStreams: true,
			Handler: func(srv any, stream grpc.ServerStream) error {
				return srv.(ordersServer).Watch(stream) //nolint:errcheck // RegisterService has checked the type
			},
		}},
	}
}

// unary returns the handler of a method with one request and one response.
func unary(fullMethod string, method func(ordersServer, context.Context, *wrapperspb.StringValue) (*wrapperspb.StringValue, error)) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		in := new(wrapperspb.StringValue)
		if err := decode(in); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, in any) (any, error) {
			//nolint:errcheck // RegisterService has checked the type of srv, and in is the message above
			return method(srv.(ordersServer), ctx, in.(*wrapperspb.StringValue))
		}
		if interceptor == nil {
			return handle(ctx, in)
		}
		return interceptor(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: fullMethod}, handle)
	}
}

// orders is the client side of the service.
type orders struct{ conn *grpc.ClientConn }

// Show returns an order.
func (o orders) Show(ctx context.Context, id string) (string, error) {
	return call(ctx, o.conn, showMethod, id)
}

// Cancel cancels an order.
func (o orders) Cancel(ctx context.Context, id string) (string, error) {
	return call(ctx, o.conn, cancelMethod, id)
}

// Watch returns a function that waits for the next event.
func (o orders) Watch(ctx context.Context) (next func() (string, error), err error) {
	stream, err := o.conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, watchMethod)
	if err != nil {
		return nil, err
	}
	if err := stream.SendMsg(wrapperspb.String("")); err != nil {
		return nil, err
	}
	return func() (string, error) {
		event := new(wrapperspb.StringValue)
		err := stream.RecvMsg(event)
		return event.GetValue(), err
	}, stream.CloseSend()
}

// call calls a method with one request and one response.
func call(ctx context.Context, conn *grpc.ClientConn, fullMethod, text string) (string, error) {
	out := new(wrapperspb.StringValue)
	err := conn.Invoke(ctx, fullMethod, wrapperspb.String(text), out)
	return out.GetValue(), err
}
