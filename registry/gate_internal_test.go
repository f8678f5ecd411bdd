package registry

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestH5_Gate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 1)
		if err := g.enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		waited := make(chan error)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go func() { waited <- g.enter(ctx) }()
		synctest.Wait()
		if err := g.enter(t.Context()); !errors.Is(err, errBusy) {
			t.Errorf("the third: %v, want errBusy", err)
		}
		if err := <-waited; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the second: %v, want the end of its context", err)
		}

		go func() { waited <- g.enter(t.Context()) }() // who gave up has left its place
		synctest.Wait()
		g.leave()
		if err := <-waited; err != nil {
			t.Errorf("the next: %v", err)
		}
		g.leave()
		if err := g.enter(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with an ended context: %v", err)
		}
		if err := g.enter(t.Context()); err != nil {
			t.Errorf("after all have left: %v", err)
		}
	})
}
