package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/bounded"
)

const (
	defaultMaxResolved = 100
	maxIssuerBytes     = 1 << 10
	maxResolving       = 64 // at once
	resolveTimeout     = 3 * time.Second
	resolveWait        = resolveTimeout + 100*time.Millisecond // for a Resolve that does not look at its context
	maxDenied          = 1024
	deniedFor          = 30 * time.Second
)

// resolver makes Consumers for issuers that were not known beforehand, and is built to be asked for nonsense: both
// memories are bounded, a denial is remembered, and no more than maxResolving questions are open at a time.
type resolver struct {
	resolve func(ctx context.Context, issuer string) (*Consumer, error)
	known   *bounded.Map[string, *Consumer]
	denied  *bounded.Map[string, time.Time] // issuer → until when

	mu      sync.Mutex // guards running
	running map[string]*resolution
}

// resolution is one call of resolve, which all requests that name its issuer wait for.
type resolution struct {
	done     chan struct{}
	consumer *Consumer
	err      error
}

func newResolver(resolve func(context.Context, string) (*Consumer, error), size int) *resolver {
	return &resolver{
		resolve: resolve, running: make(map[string]*resolution),
		known: bounded.New[string, *Consumer](size), denied: bounded.New[string, time.Time](maxDenied),
	}
}

// holds reports whether c is still the Consumer of issuer. A nil resolver holds nothing.
func (r *resolver) holds(issuer string, c *Consumer) bool {
	if r == nil {
		return false
	}
	held, ok := r.known.Get(issuer)
	return ok && held == c
}

func (r *resolver) consumer(ctx context.Context, issuer string) (*Consumer, error) {
	if c, ok := r.known.Get(issuer); ok {
		return c, nil
	}
	if issuer == "" || len(issuer) > maxIssuerBytes || r.isDenied(issuer) {
		return nil, errUnknownIssuer()
	}
	call, err := r.join(ctx, issuer)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, resolveWait)
	defer cancel()
	select {
	case <-call.done:
		return call.consumer, call.err
	case <-ctx.Done():
		return nil, unavailable(ctx, ReasonKeysUnavailable, context.Cause(ctx))
	}
}

func (r *resolver) isDenied(issuer string) bool {
	until, ok := r.denied.Get(issuer)
	return ok && time.Now().Before(until)
}

// forget lets a resolution that is under way end unheard: it may have begun before what forget is called for.
func (r *resolver) forget(issuer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, issuer)
	r.known.Remove(issuer)
	r.denied.Remove(issuer)
}

// join starts a resolution of issuer, or finds the one under way.
func (r *resolver) join(ctx context.Context, issuer string) (*resolution, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if call, ok := r.running[issuer]; ok {
		return call, nil
	}
	if c, ok := r.known.Get(issuer); ok { // since the caller looked
		return resolved(c), nil
	}
	if len(r.running) == maxResolving {
		return nil, &Error{Reason: ReasonKeysUnavailable, Detail: "too many issuers are being resolved"}
	}
	call := &resolution{done: make(chan struct{})}
	issuer = strings.Clone(issuer) // a substring would keep the whole token in memory
	r.running[issuer] = call
	go r.run(context.WithoutCancel(ctx), issuer, call)
	return call, nil
}

// resolved is a resolution that is over.
func resolved(c *Consumer) *resolution {
	done := make(chan struct{})
	close(done)
	return &resolution{done: done, consumer: c}
}

func (r *resolver) run(ctx context.Context, issuer string, call *resolution) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	defer r.land(issuer, call) // also if Resolve ends the goroutine
	call.err = &Error{Reason: ReasonInternal, Detail: "Resolve did not return"}
	call.consumer, call.err = r.ask(ctx, issuer)
}

// land remembers the outcome, unless it was forgotten meanwhile, and lets those go who wait for it.
func (r *resolver) land(issuer string, call *resolution) {
	defer close(call.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.running[issuer] != call {
		return
	}
	delete(r.running, issuer)
	if call.err == nil {
		r.known.Add(issuer, call.consumer)
	} else if errors.Is(call.err, ErrInvalidToken) {
		r.denied.Add(issuer, time.Now().Add(deniedFor))
	}
}

// ask calls the user's function and classes its answer. It runs in a goroutine of our own, so a panic must end here.
func (r *resolver) ask(ctx context.Context, issuer string) (c *Consumer, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			c, err = nil, &Error{Reason: ReasonInternal, Err: fmt.Errorf("consumer: Resolve panicked: %v", fault)}
		}
	}()
	c, err = r.resolve(ctx, issuer)
	switch {
	case ctx.Err() != nil || isUndecided(err):
		return nil, &Error{Reason: ReasonKeysUnavailable, Detail: "Resolve", Err: err}
	case err != nil:
		return nil, &Error{Reason: ReasonIssuer, Detail: "Resolve", Err: err}
	case c == nil:
		return nil, errUnknownIssuer()
	case c.cfg.Issuer != issuer:
		return nil, &Error{Reason: ReasonInternal, Detail: "Resolve answered with the Consumer of another issuer"}
	}
	return c, nil
}

// isUndecided tells "not now" from "no".
func isUndecided(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
