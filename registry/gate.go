package registry

import (
	"context"
	"errors"
)

// errBusy says that so many wait already that one more would not be served in time.
var errBusy = errors.New("registry: too many secrets are being checked")

// gate lets so many in at a time, and so many wait.
type gate struct{ line, slots chan struct{} }

func newGate(slots, waiting int) gate {
	return gate{line: make(chan struct{}, slots+waiting), slots: make(chan struct{}, slots)}
}

// enter returns nil when the caller is in; it must leave then.
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
