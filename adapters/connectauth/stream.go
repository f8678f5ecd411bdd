package connectauth

import (
	"context"
	"io"
	"maps"
	"net/http"
	"sync"
	"time"

	"connectrpc.com/connect"

	"github.com/bearerkit/bearerkit/middleware"
)

// serveStream calls next for a stream, and ends the stream when its token ends. In this file, a token ends when it expires, is
// revoked, no longer meets the rules, or cannot be checked; see [middleware.Recheck]. A request that passed without a token
// is served without these checks.
func (g guard) serveStream(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if _, ok := Token(r.Context()); !ok {
		next.ServeHTTP(w, r)
		return
	}
	s := &stream{ResponseWriter: w, guard: g, request: r, framing: framing(r), header: w.Header().Clone()}
	s.frames.flags = endFlags(s.framing)
	// The token is checked until the handler returns, even if the context of the request has ended before, because a handler
	// may ignore that.
	token, stop := middleware.Recheck(context.WithoutCancel(r.Context()), g.recheck)
	defer stop()
	ctx, end := context.WithCancelCause(r.Context())
	defer end(nil)
	s.lost = func() error {
		cause := context.Cause(token) // nil while the token is valid
		if cause != nil {
			end(cause)
		}
		return cause
	}
	unwatch := context.AfterFunc(token, s.end)
	defer unwatch()
	watched := r.WithContext(ctx)
	watched.Body = &streamBody{ReadCloser: r.Body, stream: s}
	defer s.release() // also after a panic
	next.ServeHTTP(s, watched)
	s.finish()
}

// stream is the ResponseWriter of a stream. After its token has ended, it lets the handler complete the message that it is
// writing, and nothing else. It writes the end of the stream when the handler returns.
type stream struct {
	http.ResponseWriter

	guard   guard
	request *http.Request
	framing protocol
	header  http.Header  // a copy of the header as it was before the call of the handler
	lost    func() error // returns why the token has ended, or nil

	mu       sync.Mutex     // guards the fields below
	cause    error          // why the token ended; nil before that
	err      *connect.Error // the error of Send and Receive, and of the call; nil before the token ends
	frames   frames
	begun    bool // the header is written
	finished bool // the handler wrote another status than 200
	released bool // the handler has returned
}

// end makes all reads and writes of the handler fail if the token has ended, including a read that waits for the client.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
}

// endLocked is end for callers that hold mu. They call it before they read err, because the handler may run between the end of
// the context and the call of end.
func (s *stream) endLocked() {
	if s.err != nil || s.released {
		return
	}
	if s.cause = s.lost(); s.cause == nil {
		return
	}
	header := make(http.Header) // not that of the response, which may be written already
	s.err = errorOf(s.guard.SetDenyHeader(header, s.request, s.cause), header)
	// A connection that does not support deadlines returns from the read with the next message.
	_ = http.NewResponseController(s.ResponseWriter).SetReadDeadline(time.Unix(1, 0))
}

// ended returns the error for the handler, or nil if the token is still valid.
func (s *stream) ended() *connect.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	return s.err
}

// Write implements [io.Writer].
func (s *stream) Write(data []byte) (int, error) {
	allowed, ended := s.pass(data)
	if allowed == 0 && ended != nil {
		return 0, ended
	}
	n, err := s.ResponseWriter.Write(data[:allowed])
	if err == nil && n < len(data) {
		return n, ended
	}
	return n, err
}

// pass returns how many bytes of data may be written, and the error for the others.
func (s *stream) pass(data []byte) (int, *connect.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked()
	n := s.frames.pass(data, s.err != nil)
	s.begun = s.begun || s.err == nil || n > 0
	return n, s.err
}

// WriteHeader implements [http.ResponseWriter].
func (s *stream) WriteHeader(status int) {
	if status >= http.StatusOK {
		s.mu.Lock()
		s.begun, s.finished = true, s.finished || status != http.StatusOK
		s.mu.Unlock()
	}
	s.ResponseWriter.WriteHeader(status)
}

// Flush implements [http.Flusher]. If the token has ended before the header was written, Flush does nothing, so that finish
// can still write another header.
func (s *stream) Flush() {
	s.mu.Lock()
	s.endLocked()
	ended := s.err != nil && !s.begun
	s.begun = s.begun || !ended
	s.mu.Unlock()
	if !ended {
		_ = http.NewResponseController(s.ResponseWriter).Flush()
	}
}

// Unwrap returns the ResponseWriter of the server, for [http.ResponseController].
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// release records that the handler has returned, so that end no longer uses the ResponseWriter.
func (s *stream) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released = true
}

// finish writes the error at the end of the stream if the token ended before the handler returned. It writes nothing if the
// handler has ended the stream itself.
func (s *stream) finish() {
	s.end()
	s.release()
	switch {
	case s.err == nil || s.finished || s.frames.last:
	case !s.begun:
		h := s.Header()
		clear(h)
		maps.Copy(h, s.header)
		s.guard.deny(s.ResponseWriter, s.request, s.cause)
	default:
		writeEnd(s.ResponseWriter, s.framing, s.err)
	}
}

// streamBody is the request body of a stream.
type streamBody struct {
	io.ReadCloser

	stream *stream
}

// Read implements [io.Reader].
func (b *streamBody) Read(data []byte) (int, error) {
	if ended := b.stream.ended(); ended != nil {
		return 0, ended
	}
	n, err := b.ReadCloser.Read(data)
	if ended := b.stream.ended(); ended != nil {
		return 0, ended
	}
	return n, err
}
