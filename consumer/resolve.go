package consumer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/hint"
)

const (
	defaultMaxResolved = 100     // issuers
	maxIssuerBytes     = 1 << 10 // an issuer is a URL; longer ones are rejected without a call of Resolve
	maxResolving       = 64      // calls of Resolve at the same time
	resolveTimeout     = 3 * time.Second
	resolveWait        = resolveTimeout + 100*time.Millisecond // for a Resolve that ignores its context
	maxDenied          = 1024                                  // issuers whose denial is cached
	deniedFor          = 30 * time.Second                      // how long a denial is cached
	maxPendingAges     = 10_000                                // pending issuers whose last resolution is remembered
	resolveAgain       = 30 * time.Second                      // the shortest time between two calls of Resolve for a pending issuer
)

// resolver calls Resolve for issuers that are not in GroupConfig.Consumers, and keeps the results. Anybody can put any
// issuer into a token, so all its caches are bounded, and it limits how often it calls Resolve for one issuer.
//
// An issuer that has verified a token is called established. All others are pending. A pending issuer never evicts an
// established one. It is resolved, and its keys are therefore fetched, at most once every resolveAgain, even if its
// Consumer was evicted meanwhile.
type resolver struct {
	resolve func(ctx context.Context, issuer string) (*Consumer, error)
	size    int

	mu          sync.Mutex // guards what follows
	established *lru.Cache[string, *resident]
	pending     *lru.Cache[string, *resident]
	ages        *lru.Cache[string, time.Time] // when a pending issuer was last resolved
	denied      *lru.Cache[string, time.Time] // when a denied issuer may be resolved again
	running     map[string]*resolution
	forgets     uint64 // how often forget was called
}

// resident is a Consumer that Resolve has made. A cached token holds the resident that verified it.
type resident struct {
	consumer *Consumer
	forgets  uint64      // resolver.forgets when the call of Resolve began
	gone     atomic.Bool // its cached tokens must be verified again
	used     atomic.Bool // a cached token was used since the last eviction
}

// touch reports whether r is still in use, and notes that a request used it. It takes no lock, because each cache hit
// calls it.
func (r *resident) touch() bool {
	if !r.used.Load() { // no needless write: it would slow down other processors
		r.used.Store(true)
	}
	return !r.gone.Load()
}

// resolution is one call of Resolve. All requests that name its issuer wait for it.
type resolution struct {
	done     chan struct{}
	forgets  uint64 // resolver.forgets when the call began
	resident *resident
	err      error
}

// newResolver returns a resolver that keeps size established and size pending issuers.
func newResolver(resolve func(context.Context, string) (*Consumer, error), size int) *resolver {
	return &resolver{
		resolve: resolve, size: size, running: make(map[string]*resolution),
		established: newLRU[*resident](size), pending: newLRU[*resident](size),
		ages: newLRU[time.Time](maxPendingAges), denied: newLRU[time.Time](maxDenied),
	}
}

// newLRU returns a cache of size entries that evicts the least recently used one. size is positive.
func newLRU[V any](size int) *lru.Cache[string, V] {
	cache, _ := lru.New[string, V](size) // fails only for a size that is not positive
	return cache
}

// find returns the Consumer of issuer. It calls Resolve if no Consumer of that issuer is kept.
func (r *resolver) find(ctx context.Context, issuer string) (*resident, error) {
	if issuer == "" || len(issuer) > maxIssuerBytes {
		return nil, unknownIssuer(issuer, "")
	}
	held, call, err := r.join(ctx, issuer)
	if call == nil {
		return held, err
	}
	// A Resolve that ignores its context must not hold the request. Its goroutine stays until it returns.
	ctx, cancel := context.WithTimeout(ctx, resolveWait)
	defer cancel()
	select {
	case <-call.done:
		return call.resident, call.err
	case <-ctx.Done():
		return nil, unavailable(ctx, ReasonKeysUnavailable, context.Cause(ctx))
	}
}

// join returns the kept result for issuer. If there is none, it returns the running call of Resolve for that issuer, or
// starts one.
func (r *resolver) join(ctx context.Context, issuer string) (*resident, *resolution, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if held, ok := r.held(issuer); ok {
		return held, nil, nil
	}
	if until, ok := r.denied.Get(issuer); ok && time.Now().Before(until) {
		return nil, nil, unknownIssuer(issuer, "")
	}
	if call, ok := r.running[issuer]; ok {
		return nil, call, nil
	}
	if at, ok := r.ages.Get(issuer); ok && time.Since(at) < resolveAgain {
		return nil, nil, reject(ReasonKeysUnavailable, fmt.Sprintf(
			"issuer %.100q was resolved less than %v ago and has verified no token (GroupConfig.MaxResolved %d)",
			issuer, resolveAgain, r.size))
	}
	// Without this limit, tokens with invented issuers could start any number of goroutines.
	if len(r.running) == maxResolving {
		return nil, nil, reject(ReasonKeysUnavailable, "too many calls of GroupConfig.Resolve are running")
	}
	issuer = strings.Clone(issuer) // a substring would keep the whole token in memory
	call := &resolution{done: make(chan struct{}), forgets: r.forgets}
	r.running[issuer] = call
	// Other requests may wait for the same call, so it must not end with the request that started it.
	go r.run(context.WithoutCancel(ctx), issuer, call)
	return nil, call, nil
}

// held returns the resident of issuer, established or pending. The caller has locked mu.
func (r *resolver) held(issuer string) (*resident, bool) {
	if held, ok := r.established.Get(issuer); ok {
		return held, true
	}
	return r.pending.Get(issuer)
}

// establish moves held to the established issuers after it has verified a token.
func (r *resolver) establish(held *resident) {
	issuer := held.consumer.cfg.Issuer
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.held(issuer); known != held {
		// held was evicted while it verified the token. It is kept only if nothing has taken its place since.
		if ok || held.forgets != r.forgets {
			held.gone.Store(true)
			return
		}
	}
	if r.established.Contains(issuer) || held.gone.Load() {
		return
	}
	r.pending.Remove(issuer)
	r.ages.Remove(issuer)
	r.makeRoom()
	r.established.Add(issuer, held)
}

// makeRoom evicts the established issuer that was not used for the longest time, if there are too many. A cache hit does not
// update the order of established, so an issuer whose cached tokens were used gets a second chance.
func (r *resolver) makeRoom() {
	if r.established.Len() < r.size {
		return
	}
	for range r.size {
		issuer, oldest, _ := r.established.GetOldest()
		if !oldest.used.Swap(false) {
			break
		}
		r.established.Get(issuer) // now it is the newest
	}
	_, evicted, _ := r.established.RemoveOldest()
	evicted.gone.Store(true)
}

// forget drops the kept result for issuer. If a call of Resolve is running, later tokens do not use its result, because
// the call may have begun before the change for which Forget was called.
func (r *resolver) forget(issuer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.forgets++
	delete(r.running, issuer)
	for _, cache := range [...]*lru.Cache[string, *resident]{r.established, r.pending} {
		if held, ok := cache.Peek(issuer); ok {
			held.gone.Store(true)
			cache.Remove(issuer)
		}
	}
	r.ages.Remove(issuer)
	r.denied.Remove(issuer)
}

// run calls Resolve in a goroutine of its own, so that the call does not end with the request that started it.
func (r *resolver) run(ctx context.Context, issuer string, call *resolution) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	defer r.land(issuer, call) // even if Resolve ends the goroutine
	call.err = reject(ReasonInternal, "GroupConfig.Resolve did not return")
	c, err := r.call(ctx, issuer)
	call.err = err
	if err == nil {
		call.resident = &resident{consumer: c, forgets: call.forgets}
	}
}

// land ends a call of Resolve. It stores the result, unless the issuer was forgotten meanwhile, and wakes the requests
// that wait for it.
func (r *resolver) land(issuer string, call *resolution) {
	defer close(call.done)
	r.mu.Lock()
	defer r.mu.Unlock()
	// forget has removed the call.
	if r.running[issuer] != call {
		if call.resident != nil {
			call.resident.gone.Store(true) // it serves only the requests that wait for it
		}
		return
	}
	delete(r.running, issuer)
	switch {
	case call.err == nil:
		r.pending.Add(issuer, call.resident)
		r.ages.Add(issuer, time.Now())
	case errors.Is(call.err, ErrInvalidToken):
		r.denied.Add(issuer, time.Now().Add(deniedFor))
	}
}

// call calls Resolve and converts its result. Resolve runs in a goroutine of the kit, so a panic must end here.
func (r *resolver) call(ctx context.Context, issuer string) (c *Consumer, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			c, err = nil, rejectBecause(ReasonInternal, "GroupConfig.Resolve panicked", fmt.Errorf("%v", fault))
		}
	}()
	c, err = r.resolve(ctx, issuer)
	switch {
	case ctx.Err() != nil || isUndecided(err):
		return nil, rejectBecause(ReasonKeysUnavailable, "GroupConfig.Resolve could not decide", err)
	case err != nil:
		return nil, denial(err)
	case c == nil:
		return nil, unknownIssuer(issuer, "")
	case c.cfg.Issuer != issuer:
		return nil, reject(ReasonInternal, fmt.Sprintf(
			"GroupConfig.Resolve returned the Consumer of issuer %q, expected %.100q", c.cfg.Issuer, issuer))
	}
	return c, nil
}

// denial returns the error for an issuer that Resolve rejected with err. It keeps the detail of an error of ResolveTenants,
// which names the setting.
func denial(err error) error {
	if e, ok := err.(*Error); ok && e.LogDetail() != "" { //nolint:errorlint // a wrapped error has a text of the application
		return reject(ReasonIssuer, e.LogDetail())
	}
	return rejectBecause(ReasonIssuer, "GroupConfig.Resolve returned an error", err)
}

// isUndecided reports whether Resolve could not decide, as opposed to a denial.
func isUndecided(err error) bool {
	return errors.Is(err, ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// unknownIssuer returns the error for an issuer that no Consumer accepts. known is the configured issuer that differs from it
// only a little, or "".
func unknownIssuer(issuer, known string) error {
	if strings.HasPrefix(issuer, spiffeScheme) { // it may be a part of sub, which is not quoted
		return reject(ReasonIssuer, "the trust domain is not accepted (GroupConfig.Consumers, GroupConfig.Resolve)")
	}
	d := newDetail("iss ").quote(issuer).text(" is not accepted (GroupConfig.Consumers, GroupConfig.Resolve)")
	if difference := hint.Difference(issuer, known); known != "" && difference != "" {
		d = d.text("; compared with ").quote(known).text(", ").text(difference)
	}
	return d.reject(ReasonIssuer)
}
