package tokenstoretest

import (
	"context"
	"errors"
	"maps"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// recorder is a tester that counts failures.
type recorder struct {
	ctx    context.Context //nolint:containedctx // as a testing.T does
	failed atomic.Bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Errorf(string, ...any)    { r.failed.Store(true) }
func (r *recorder) Fatalf(string, ...any)    { r.failed.Store(true); runtime.Goexit() }

// notices runs one test and reports whether it fails. The context of the test ends after a second, so that a test of a
// store that waits forever ends too.
func notices(ctx context.Context, limit time.Duration, test func(tester)) bool {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r := &recorder{ctx: ctx}
	done := make(chan struct{})
	go func() { // Fatalf ends only this goroutine
		defer close(done)
		test(r)
	}()
	<-done
	return r.failed.Load()
}

const (
	ample = time.Minute
	tight = time.Second // for stores that may wait forever
)

// mutant is a store in which some methods are replaced.
type mutant struct {
	*lockedMemory
	load               func(ctx context.Context, key string) (*client.Token, error)
	save               func(ctx context.Context, key string, token *client.Token) error
	remove             func(ctx context.Context, key string) error
	loadRegistration   func(ctx context.Context, key string) (*client.Registration, error)
	saveRegistration   func(ctx context.Context, key string, r *client.Registration) error
	removeRegistration func(ctx context.Context, key string) error
	lock               func(ctx context.Context, key string) (func(), error)
}

// newMutant returns a mutant that still behaves like good.
func newMutant(good *lockedMemory) *mutant {
	return &mutant{
		good, good.Load, good.Save, good.Delete, good.LoadRegistration, good.SaveRegistration, good.DeleteRegistration, good.Lock,
	}
}

func (m *mutant) Load(ctx context.Context, key string) (*client.Token, error) {
	return m.load(ctx, key)
}

func (m *mutant) Save(ctx context.Context, key string, token *client.Token) error {
	return m.save(ctx, key, token)
}

func (m *mutant) Delete(ctx context.Context, key string) error { return m.remove(ctx, key) }

func (m *mutant) LoadRegistration(ctx context.Context, key string) (*client.Registration, error) {
	return m.loadRegistration(ctx, key)
}

func (m *mutant) SaveRegistration(ctx context.Context, key string, r *client.Registration) error {
	return m.saveRegistration(ctx, key, r)
}

func (m *mutant) DeleteRegistration(ctx context.Context, key string) error {
	return m.removeRegistration(ctx, key)
}

func (m *mutant) Lock(ctx context.Context, key string) (func(), error) { return m.lock(ctx, key) }

// lockedMemory is a correct store with locks.
type lockedMemory struct {
	*client.MemoryTokens
	mu    sync.Mutex // guards locks
	locks map[string]chan struct{}
}

func newLockedMemory() *lockedMemory {
	return &lockedMemory{MemoryTokens: client.NewMemoryTokens(), locks: make(map[string]chan struct{})}
}

// Lock implements client.TokenLocker.
func (l *lockedMemory) Lock(ctx context.Context, key string) (func(), error) {
	l.mu.Lock()
	busy := l.locks[key]
	if busy == nil {
		busy = make(chan struct{}, 1)
		l.locks[key] = busy
	}
	l.mu.Unlock()
	select {
	case busy <- struct{}{}:
		return func() { <-busy }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// TestNoticesBrokenPromises checks that for each requirement, a test fails for a store that violates it, and that all tests
// pass for a correct store.
func TestNoticesBrokenPromises(t *testing.T) {
	t.Parallel()
	tests, tested := allTests(), make(map[string]bool)
	for _, tt := range breaks {
		tested[tt.test] = true
		t.Run(tt.test+": "+tt.promise, func(t *testing.T) {
			t.Parallel()
			test := tests[tt.test]
			if test == nil {
				t.Fatal("no test has this name")
			}
			limit := ample
			if tt.waits {
				limit = tight
			}
			good := newLockedMemory()
			broken := newMutant(good)
			tt.breaks(broken, good)
			if !notices(t.Context(), limit, func(r tester) { test(r, broken) }) {
				t.Error("the test does not fail")
			}
		})
	}
	for name, test := range tests {
		if !tested[name] {
			t.Errorf("%q has never failed", name)
		}
		t.Run(name+": a good store", func(t *testing.T) {
			t.Parallel()
			good := newMutant(newLockedMemory())
			if notices(t.Context(), ample, func(r tester) { test(r, good) }) {
				t.Error("a good store fails")
			}
		})
	}
}

// allTests returns the tests of all suites.
func allTests() map[string]func(tester, *mutant) {
	all := map[string]func(tester, *mutant){
		"a token and a registration with one key": func(t tester, m *mutant) { sameKey(t, m) },
	}
	for name, test := range tokenTests() {
		all[name] = func(t tester, m *mutant) { test(&tokenTest{t, m}) }
	}
	for name, test := range registrationTests() {
		all[name] = func(t tester, m *mutant) { test(&registrationTest{t, m}) }
	}
	locks := make(map[string]func(tester, *mutant))
	for name, test := range lockTests() {
		locks[name] = func(t tester, m *mutant) { test(&lockTest{t, m, m}) }
	}
	maps.Copy(all, locks)
	return all
}

var errFault = errors.New("fault")

// gap returns a function whose first call blocks until the second call. Later calls do not block.
func gap() func() {
	arrived, over := make(chan struct{}), make(chan struct{})
	end := sync.OnceFunc(func() { close(over) })
	return func() {
		select {
		case arrived <- struct{}{}:
			end()
		case <-arrived:
			end()
		case <-over:
		}
	}
}
