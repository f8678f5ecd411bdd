package registry

import (
	"context"
	"errors"
)

// errBusy means that the queue for hash computations is full.
var errBusy = errors.New("registry: too many calls are waiting to compute a hash (Config.MaxWaiting)")

// gate limits how many callers hold a slot and how many wait for one.
type gate struct{ line, slots chan struct{} }

func newGate(slots, waiting int) gate {
	return gate{line: make(chan struct{}, slots+waiting), slots: make(chan struct{}, slots)}
}

// enter waits for a slot. If it returns nil, the caller must call leave.
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

func (g *gate) leave() {
	<-g.slots
	<-g.line
}
