package mcpauth

import (
	"context"
	"errors"
	"sync"
)

// errClosed is the cause of the contexts that Handler.Close ends.
var errClosed = errors.New("mcpauth: the Handler is closed")

// streams are the responses in progress.
type streams struct {
	mu     sync.Mutex // guards all other fields
	next   uint64
	ends   map[uint64]context.CancelCauseFunc
	closed bool
}

func newStreams() *streams { return &streams{ends: make(map[uint64]context.CancelCauseFunc)} }

// add returns a context that also ends when the Handler is closed. The caller calls end when the response has ended.
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

func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, end := range s.ends {
		end(errClosed)
	}
}
