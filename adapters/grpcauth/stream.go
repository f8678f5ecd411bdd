package grpcauth

import (
	"context"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/bearerkit/bearerkit/middleware"
)

// withContext is a stream with another context.
type withContext struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is the context of the handler, as in every ServerStream
}

// Context implements [grpc.ServerStream].
func (s withContext) Context() context.Context { return s.ctx }

// stream is the stream of an admitted call. It ends with the token.
type stream struct {
	withContext
	call *call
	cut  atomic.Bool // whether an operation of the handler has failed because the token ended

	// rejection returns the metadata and the error of the stream after the token has ended. Its results do not change.
	rejection func() (metadata.MD, error)
}

// newStream returns the stream for the handler. stop releases its resources.
func newStream(ctx context.Context, ss grpc.ServerStream, c *call) (s *stream, stop context.CancelFunc) {
	ctx, stop = middleware.Recheck(ctx, c.owner.recheck)
	s = &stream{withContext: withContext{ss, ctx}, call: c}
	s.rejection = sync.OnceValues(func() (metadata.MD, error) {
		return c.rejection(context.Cause(ctx))
	})
	return s, stop
}

// RecvMsg implements [grpc.ServerStream]. If it returns an error, m may still change until the handler returns.
func (s *stream) RecvMsg(m any) error {
	return s.untilEnd(func() error { return s.ServerStream.RecvMsg(m) })
}

// SendMsg implements [grpc.ServerStream].
func (s *stream) SendMsg(m any) error {
	return s.untilEnd(func() error { return s.ServerStream.SendMsg(m) })
}

// untilEnd calls operation, which may block, and returns its result. It returns before operation does if the token ends.
// Nothing can interrupt operation itself without sending a status to the client: grpc-go ends it when the handler has returned.
func (s *stream) untilEnd(operation func() error) error {
	if s.ended() {
		return s.reject()
	}
	done := make(chan outcome, 1)
	go run(operation, done)
	select {
	case o := <-done:
		if s.ended() {
			return s.reject()
		}
		return o.unwrap()
	case <-s.ctx.Done():
	}
	if s.ended() {
		return s.reject()
	}
	o := <-done // the call itself has ended, so grpc-go ends operation
	return o.unwrap()
}

// outcome is how an operation ended.
type outcome struct {
	err      error
	finished bool // false after a panic
	panicked any
}

// run calls operation and sends its outcome.
func run(operation func() error, done chan<- outcome) {
	var o outcome
	defer func() {
		if !o.finished {
			o.panicked = recover()
		}
		done <- o
	}()
	o.err = operation()
	o.finished = true
}

// unwrap returns the error of the operation. It repeats a panic in the goroutine of the handler, where an interceptor can
// recover from it.
func (o outcome) unwrap() error {
	if !o.finished {
		panic(o.panicked) //nolint:forbidigo // it is the panic of the operation
	}
	return o.err
}

// ended reports whether the token has ended while the call itself goes on.
func (s *stream) ended() bool { return s.ctx.Err() != nil && s.ServerStream.Context().Err() == nil }

// reject returns the error of an operation after the token has ended.
func (s *stream) reject() error {
	s.cut.Store(true)
	_, err := s.rejection()
	return err
}

// result returns the error of the call for that of the handler. If the token has ended, the handler fails for that reason,
// whatever it returns. Only a handler that has noticed nothing can still succeed.
func (s *stream) result(err error) error {
	if s.cut.Load() || s.ended() && err != nil {
		md, cause := s.rejection()
		_ = s.SetHeader(md) // no challenge if the response has begun: the details of cause contain its error code
		return cause
	}
	return s.call.converted(s.ServerStream.Context(), err, s.SetHeader)
}
