package grpcauth

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Unary is a [grpc.UnaryServerInterceptor] that calls handler if the Guard admits the call. grpc-go reads and decodes the
// message before it calls an interceptor. To reject calls before that, use [Interceptors.Registrar] too. Unary checks the
// token once: if the token expires while handler runs, the call continues.
//
// The rules run in the calling goroutine. Unary does not recover from a panic in a rule.
func (i *Interceptors) Unary(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	set := func(md metadata.MD) error { return grpc.SetHeader(ctx, md) }
	admitted, c, err := i.admit(ctx, info.FullMethod, set)
	if err != nil {
		return nil, err
	}
	response, err := handler(admitted, req)
	if err != nil {
		err = c.converted(ctx, err, set)
	}
	return response, err
}

// Stream is a [grpc.StreamServerInterceptor] that calls handler if the Guard admits the call. The Guard decides before the
// first message is read. The stream ends when the token does; see the package comment.
func (i *Interceptors) Stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	ctx, c, err := i.admit(ss.Context(), info.FullMethod, ss.SetHeader)
	if err != nil {
		return err
	}
	_, hasToken := Token(ctx)
	if !c.guarded || !hasToken { // nothing can expire, or an outer interceptor watches the token
		return c.converted(ss.Context(), handler(srv, withContext{ss, ctx}), ss.SetHeader)
	}
	watched, stop := newStream(ctx, ss, c)
	defer stop()
	return watched.result(handler(srv, watched))
}

// Registrar returns a registrar that guards every method of the services that are registered with it, and registers them with
// next. The Guard decides about a unary call before its message is read, decompressed and decoded, so a caller without a token
// cannot make the server do this work. Without Registrar, the server does it first, for messages of up to
// [grpc.MaxRecvMsgSize].
//
// Use [Interceptors.ServerOptions] too. It guards unknown methods, and services that are not registered with this registrar.
// The Guard still authenticates each call only once.
//
// Unary interceptors run after the Guard, so they do not see rejected calls. If a rule panics, they are called with a nil
// request, and the handler that they call repeats the panic. So one of them can recover from it.
func (i *Interceptors) Registrar(next grpc.ServiceRegistrar) grpc.ServiceRegistrar {
	return registrar{i, next}
}

type registrar struct {
	guard *Interceptors
	next  grpc.ServiceRegistrar
}

// RegisterService implements [grpc.ServiceRegistrar]. It does not change desc.
func (r registrar) RegisterService(desc *grpc.ServiceDesc, impl any) {
	guarded := *desc
	guarded.Methods, guarded.Streams = nil, nil
	for _, method := range desc.Methods {
		method.Handler = r.method("/"+desc.ServiceName+"/"+method.MethodName, method.Handler)
		guarded.Methods = append(guarded.Methods, method)
	}
	for _, stream := range desc.Streams {
		stream.Handler = r.stream("/"+desc.ServiceName+"/"+stream.StreamName, stream)
		guarded.Streams = append(guarded.Streams, stream)
	}
	r.next.RegisterService(&guarded, impl)
}

// method returns a handler that calls next if the Guard admits the call. next reads the message.
func (r registrar) method(fullMethod string, next grpc.MethodHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (response any, err error) {
		info := &grpc.UnaryServerInfo{Server: srv, FullMethod: fullMethod}
		admitted := false
		defer func() {
			if admitted {
				return // a panic of the handler is not changed
			}
			if fault := recover(); fault != nil {
				response, err = within(ctx, interceptor, info, fault)
			}
		}()
		return r.guard.Unary(ctx, nil, info, func(ctx context.Context, _ any) (any, error) {
			admitted = true
			return next(srv, ctx, decode, interceptor)
		})
	}
}

// within calls the interceptors of the server with a handler that repeats the panic of a rule, so that one of them can recover
// from it.
func within(ctx context.Context, interceptor grpc.UnaryServerInterceptor, info *grpc.UnaryServerInfo, fault any) (any, error) {
	repeat := func(context.Context, any) (any, error) {
		panic(fault) //nolint:forbidigo // it is the panic of the rule
	}
	if interceptor == nil {
		return repeat(ctx, nil)
	}
	return interceptor(ctx, nil, info, repeat)
}

// stream returns a handler that calls the handler of desc if the Guard admits the call. It is needed for a StreamDesc that
// streams in neither direction, because grpc-go calls no interceptor for it.
func (r registrar) stream(fullMethod string, desc grpc.StreamDesc) grpc.StreamHandler {
	info := &grpc.StreamServerInfo{
		FullMethod: fullMethod, IsClientStream: desc.ClientStreams, IsServerStream: desc.ServerStreams,
	}
	return func(srv any, ss grpc.ServerStream) error { return r.guard.Stream(srv, ss, info, desc.Handler) }
}
