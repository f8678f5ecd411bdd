package mcpauth

import (
	"context"
	"errors"
	"sync"
)

// errClosed is the cause of the contexts that Handler.Close ends.
var errClosed = errors.New("mcpauth: the Handler is closed")

// streams contains the contexts of all responses and calls in progress, so that Handler.Close can end them. It is safe for
// concurrent use.
type streams struct {
	mu     sync.Mutex                         // guards all other fields
	next   uint64                             // the number of the last context
	ends   map[uint64]context.CancelCauseFunc // by number, because functions cannot be compared
	closed bool                               // no context can be added
}

// newStreams returns a value without contexts.
func newStreams() *streams { return &streams{ends: make(map[uint64]context.CancelCauseFunc)} }

// add returns a context that ends with parent and when close is called. The caller calls end when the response or the call has
// ended. After close, ok is false and the context has ended.
func (s *streams) add(parent context.Context) (ctx context.Context, end func(), ok bool) {
	ctx, cancel := context.WithCancelCause(parent)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		cancel(errClosed)
		return ctx, func() {}, false
	}
	s.next++
	number := s.next
	s.ends[number] = cancel
	return ctx, func() {
		s.mu.Lock()
		delete(s.ends, number)
		s.mu.Unlock()
		cancel(nil)
	}, true
}

// close ends all contexts with the cause errClosed. No context can be added after it.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, end := range s.ends {
		end(errClosed)
	}
}
