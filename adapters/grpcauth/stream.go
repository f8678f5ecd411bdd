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

// stream is the stream of an admitted call. It ends when its token ends. In this file, a token ends when it expires, is
// revoked, no longer meets the rules, or cannot be checked; see [middleware.Recheck].
type stream struct {
	withContext
	call  *call
	token context.Context         //nolint:containedctx // it ends with the token, and not before the handler returns
	end   context.CancelCauseFunc // cancels the context of the handler
	cut   atomic.Bool             // whether RecvMsg or SendMsg has failed because the token has ended

	// rejection returns the metadata and the error of the stream after the token has ended. All its calls return the same.
	rejection func() (metadata.MD, error)
}

// newStream returns the stream for the handler. Call stop when the handler has returned, to end the checks of the token.
//
// The token is checked until the handler returns, even if the context of the call has ended before. With the HTTP server of
// net/http, a client can set a deadline for the call, and receive messages after the deadline.
func newStream(ctx context.Context, ss grpc.ServerStream, c *call) (s *stream, stop context.CancelFunc) {
	token, unwatch := middleware.Recheck(context.WithoutCancel(ctx), c.owner.recheck)
	ctx, end := context.WithCancelCause(ctx)
	unlink := context.AfterFunc(token, func() { end(context.Cause(token)) })
	s = &stream{withContext: withContext{ss, ctx}, call: c, token: token, end: end}
	s.rejection = sync.OnceValues(func() (metadata.MD, error) {
		return c.rejection(context.Cause(token))
	})
	return s, func() {
		unlink()
		unwatch()
		end(nil)
	}
}

// RecvMsg implements [grpc.ServerStream]. If it returns an error, grpc-go may still write to m until the handler returns.
func (s *stream) RecvMsg(m any) error {
	return s.untilEnd(func() error { return s.ServerStream.RecvMsg(m) })
}

// SendMsg implements [grpc.ServerStream].
func (s *stream) SendMsg(m any) error {
	return s.untilEnd(func() error { return s.ServerStream.SendMsg(m) })
}

// untilEnd calls operation, which may block, and returns its result. If the token ends, untilEnd returns at once, while
// operation keeps running. Nothing can interrupt operation without sending a status to the client. grpc-go ends it when the
// handler has returned.
func (s *stream) untilEnd(operation func() error) error {
	if s.ended() {
		return s.reject()
	}
	done := make(chan outcome, 1)
	go run(operation, done)
	select {
	case o := <-done: // grpc-go decides whether operation fails after the end of the call
		if s.ended() {
			return s.reject()
		}
		return o.unwrap()
	case <-s.token.Done():
		return s.reject()
	}
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

// unwrap returns the error of the operation. If the operation panicked, unwrap panics with the same value in the goroutine of
// the handler, where an interceptor can recover from it.
func (o outcome) unwrap() error {
	if !o.finished {
		panic(o.panicked) //nolint:forbidigo // it is the panic of the operation
	}
	return o.err
}

// ended reports whether the token has ended.
func (s *stream) ended() bool { return s.token.Err() != nil }

// reject records that an operation failed because the token has ended, and returns the error of the operation.
func (s *stream) reject() error {
	s.cut.Store(true)
	s.end(context.Cause(s.token)) // before the handler can look for the cause
	_, err := s.rejection()
	return err
}

// result returns the error of the call. err is the error that the handler returned. If the token has ended, the result is the
// rejection, whatever the handler returned. The only exception is a handler that returned nil and for which no operation has
// failed: its call succeeds.
func (s *stream) result(err error) error {
	if s.cut.Load() || s.ended() && err != nil {
		md, cause := s.rejection()
		_ = s.SetHeader(md) // no challenge if the response has begun: the details of cause contain its error code
		return cause
	}
	return s.call.converted(s.ServerStream.Context(), err, s.SetHeader)
}
