package grpcauth

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Unary is a [grpc.UnaryServerInterceptor] that calls handler if the Guard admits the call. grpc-go has read and decoded the
// message before it calls an interceptor; [Interceptors.Registrar] decides before that. Unary decides once: if the token
// expires while handler runs, the call goes on.
//
// The rules run in the calling goroutine, and a panic in one of them is not recovered here.
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

// Stream is a [grpc.StreamServerInterceptor] that calls handler if the Guard admits the call. It decides before the first
// message is read. The stream ends with the token; see the package comment.
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

// Registrar returns a registrar that guards every method of the services that are registered with it. It decides about a unary
// call before its message is read, decompressed and decoded, so a caller without a token cannot make the server do that.
// Without it, the interceptors decide afterwards; the message is limited by [grpc.MaxRecvMsgSize].
//
// The Guard then decides before all unary interceptors, which do not see rejected calls. If a rule panics, the interceptors are
// called with a nil request, and the panic is repeated behind them, so that one of them can recover from it. Use the interceptors (ServerOptions) too, for unknown methods and for services that are registered elsewhere. A call
// is decided once.
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

// method returns a handler that calls next, which reads the message, if the Guard admits the call.
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

// within repeats the panic of a rule behind the interceptors of the server, so that one of them can recover from it.
func within(ctx context.Context, interceptor grpc.UnaryServerInterceptor, info *grpc.UnaryServerInfo, fault any) (any, error) {
	repeat := func(context.Context, any) (any, error) {
		panic(fault) //nolint:forbidigo // it is the panic of the rule
	}
	if interceptor == nil {
		return repeat(ctx, nil)
	}
	return interceptor(ctx, nil, info, repeat)
}

// stream returns a handler that calls that of desc if the Guard admits the call. grpc-go calls no interceptor for a StreamDesc
// that streams in neither direction.
func (r registrar) stream(fullMethod string, desc grpc.StreamDesc) grpc.StreamHandler {
	info := &grpc.StreamServerInfo{
		FullMethod: fullMethod, IsClientStream: desc.ClientStreams, IsServerStream: desc.ServerStreams,
	}
	return func(srv any, ss grpc.ServerStream) error { return r.guard.Stream(srv, ss, info, desc.Handler) }
}
