package refresh_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
)

// origin is the server of a value. Its n-th fetch returns n. It fails or is slow on command.
type origin struct {
	mu       sync.Mutex
	fetches  int
	err      error
	delay    time.Duration
	freshFor time.Duration
}

func (o *origin) fetch(ctx context.Context, _ int) (refresh.Fetched[int], error) {
	o.mu.Lock()
	o.fetches++
	n, err, delay, freshFor := o.fetches, o.err, o.delay, o.freshFor
	o.mu.Unlock()
	select {
	case <-time.After(delay):
		return refresh.Fetched[int]{Value: n, FreshFor: freshFor}, err
	case <-ctx.Done():
		return refresh.Fetched[int]{}, ctx.Err()
	}
}

func (o *origin) set(change func(o *origin)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	change(o)
}

func (o *origin) fail(err error)        { o.set(func(o *origin) { o.err = err }) }
func (o *origin) slow(by time.Duration) { o.set(func(o *origin) { o.delay = by }) }

func (o *origin) count() (fetches int) {
	o.set(func(o *origin) { fetches = o.fetches })
	return fetches
}

var errDown = errors.New("origin is down")

// held returns a Value that has just fetched 1 from its origin.
func held(t *testing.T, cfg refresh.Config[int]) (*refresh.Value[int], *origin) {
	t.Helper()
	o := &origin{}
	cfg.Fetch = o.fetch
	v := refresh.New(cfg)
	wantValue(t, v, 1)
	return v, o
}

func wantValue(t *testing.T, v *refresh.Value[int], want int) {
	t.Helper()
	got, err := v.Get(t.Context())
	if err != nil || got != want {
		t.Fatalf("Get = %d, %v; want %d", got, err, want)
	}
}

func wantUnavailable(t *testing.T, v *refresh.Value[int], cause error) {
	t.Helper()
	got, err := v.Get(t.Context())
	if got != 0 || !errors.Is(err, refresh.ErrUnavailable) || !errors.Is(err, cause) {
		t.Fatalf("Get = %d, %v; want 0 and an error matching ErrUnavailable and %v", got, err, cause)
	}
}

func wantFetches(t *testing.T, o *origin, want int) {
	t.Helper()
	synctest.Wait()
	if got := o.count(); got != want {
		t.Fatalf("%d fetches so far, want %d", got, want)
	}
}

// took returns how much virtual time f takes.
func took(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

// pass waits for d, and then until all goroutines of the bubble are idle.
func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
