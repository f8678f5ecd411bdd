package watching

import (
	"sync"
	"sync/atomic"
)

// Checks runs the checks of a store in the background, one at a time. So a slow check delays neither a poll nor a pass over the
// caches. The zero value is ready for use. Its methods are for one goroutine.
type Checks struct {
	due     bool // a check must start
	running atomic.Bool
	started sync.WaitGroup
}

// Start starts check if due is true. If another check is running, the first call of Start after its end starts check, also if due
// is false then.
func (c *Checks) Start(due bool, check func()) {
	c.due = c.due || due
	if !c.due || !c.running.CompareAndSwap(false, true) {
		return
	}
	c.due = false
	c.started.Go(func() {
		defer c.running.Store(false)
		check()
	})
}

// Wait waits until no check is running.
func (c *Checks) Wait() { c.started.Wait() }
