package introspection

import "context"

// queueFactor is how many introspections are allowed for each place: one that has the place, and 16 that wait.
const queueFactor = 17

// places limits the introspections that run at the same time, and those that wait. Unknown tokens get at most three quarters
// of both, so that a flood of them does not exclude tokens that were active before.
type places struct {
	all, unknown chan struct{} // semaphores, with an element for each taken place

	// Numbers of introspections that run or wait. Verifier.mu guards them.
	flights, unknownFlights int
}

func newPlaces(size int) *places {
	return &places{all: make(chan struct{}, size), unknown: make(chan struct{}, shared(size))}
}

// shared returns the part of size that unknown tokens may use.
func shared(size int) int { return max(size-size/4, 1) }

// enter reports whether another introspection may wait, and counts it. leave must follow if it may.
func (p *places) enter(known bool) bool {
	most := cap(p.all) * queueFactor
	if p.flights >= most || !known && p.unknownFlights >= shared(most) {
		return false
	}
	p.flights++
	if !known {
		p.unknownFlights++
	}
	return true
}

// leave ends what enter has begun.
func (p *places) leave(known bool) {
	p.flights--
	if !known {
		p.unknownFlights--
	}
}

// take waits for a place. release must be called if ok is true. It is false if ctx has ended.
func (p *places) take(ctx context.Context, known bool) (release func(), ok bool) {
	if !known {
		if !take(ctx, p.unknown) {
			return nil, false
		}
	}
	if !take(ctx, p.all) {
		if !known {
			<-p.unknown
		}
		return nil, false
	}
	return func() {
		<-p.all
		if !known {
			<-p.unknown
		}
	}, true
}

func take(ctx context.Context, places chan struct{}) bool {
	select {
	case places <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
