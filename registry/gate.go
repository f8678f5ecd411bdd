package registry

import (
	"context"
	"errors"
)

// errBusy means that the queue for hash computations is full.
var errBusy = errors.New("registry: too many calls are waiting to compute a hash (Config.MaxWaiting)")

// gate limits how many callers compute a hash at the same time, and how many wait to do so. line has a place for every
// caller inside the gate, and slots a place for those that compute. Both channels are used as semaphores: sending takes a
// place.
type gate struct{ line, slots chan struct{} }

// newGate returns a gate with the given number of slots, and of further callers that may wait for one.
func newGate(slots, waiting int) gate {
	return gate{line: make(chan struct{}, slots+waiting), slots: make(chan struct{}, slots)}
}

// enter waits for a slot. It returns errBusy at once if too many callers are waiting, and ctx.Err() if ctx ends first. If
// it returns nil, the caller must call leave.
func (g *gate) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case g.line <- struct{}{}:
	default:
		return errBusy
	}
	select {
	case g.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		<-g.line
		return ctx.Err()
	}
}

// leave frees the slot of a caller for which enter has returned nil.
func (g *gate) leave() {
	<-g.slots
	<-g.line
}
