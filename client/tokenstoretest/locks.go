package tokenstoretest

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// lockTests returns the tests of Locks, by the names of their subtests.
func lockTests() map[string]func(*lockTest) {
	return map[string]func(*lockTest){
		"a lock excludes all other callers":         exclusive,
		"a lock is held until unlock":               heldUntilUnlock,
		"a caller that stops waiting holds no lock": abandoned,
		"locks of different keys are independent":   independentKeys,
		"the holder can use the store":              usable,
		"waiting callers get the lock one by one":   oneByOne,
		"many locks at the same time":               manyLocks,
		"an update under the lock is never lost":    updates,
		"an ended context does not keep a lock":     endedLock,
	}
}

// lockTest is passed to each test. first and second share their tokens and locks.
type lockTest struct {
	tester
	first, second LockedStore
}

const (
	shortly = 100 * time.Millisecond // how long a call waits that must not get the lock
	waiters = 60                     // callers that wait for one lock at the same time
	locks   = 30                     // that are held at the same time
)

// store returns the first store for even i, and the second one for odd i.
func (t *lockTest) store(i int) LockedStore {
	if i%2 == 0 {
		return t.first
	}
	return t.second
}

// lock takes a lock. It waits if another caller holds it.
func (t *lockTest) lock(store LockedStore, key string) (unlock func()) {
	t.Helper()
	unlock, err := store.Lock(t.Context(), key)
	if err != nil || unlock == nil {
		t.Fatalf("Lock(%q): %v, want the lock", key, err)
	}
	return unlock
}

// wantHeld checks that neither store can lock key now.
func (t *lockTest) wantHeld(key string) {
	t.Helper()
	for i, store := range []LockedStore{t.first, t.second} {
		ctx, cancel := context.WithTimeout(t.Context(), shortly)
		unlock, err := store.Lock(ctx, key)
		cancel()
		if err == nil {
			unlock()
			t.Errorf("Lock(%q) of store %d returned a lock that another caller holds", key, i+1)
		}
	}
}

// exclusive checks that a held lock cannot be taken by either store, whichever holds it.
func exclusive(t *lockTest) {
	for i := range 4 {
		unlock := t.lock(t.store(i), "a")
		t.wantHeld("a")
		unlock()
	}
}

// heldUntilUnlock checks that the context of Lock limits the wait only.
func heldUntilUnlock(t *lockTest) {
	ctx, cancel := context.WithCancel(t.Context())
	unlock, err := t.first.Lock(ctx, "a")
	if err != nil {
		t.Fatalf("Lock: %v", err)
	}
	cancel()
	t.wantHeld("a")
	unlock()
	t.lock(t.second, "a")()
}

// abandoned checks that a caller whose context ended while it waited does not get the lock later.
func abandoned(t *lockTest) {
	unlock := t.lock(t.first, "a")
	t.wantHeld("a")
	unlock()
	for i := range 2 {
		t.lock(t.store(i), "a")()
	}
}

// independentKeys checks that a held lock does not delay callers with another key.
func independentKeys(t *lockTest) {
	unlock := t.lock(t.first, "a")
	defer unlock()
	for i, key := range []string{"b", "c", "a ", "A", "é"} {
		t.lock(t.store(i), key)()
	}
	t.wantHeld("a")
}

// usable checks that the holder of a lock can use the store while many callers wait.
func usable(t *lockTest) {
	unlock := t.lock(t.first, "a")
	ctx, cancel := context.WithCancel(t.Context())
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		together(waiters, func(i int) {
			started <- struct{}{}
			if unlock, err := t.store(i).Lock(ctx, "a"); err == nil {
				unlock()
			}
		})
	}()
	for range waiters {
		<-started
	}
	t.wantHeld("a") // and gives the others time to wait
	tokens := &tokenTest{t, t.first}
	for i := range 5 {
		tokens.save("a", token(strconv.Itoa(i)))
		tokens.wantStored("a", token(strconv.Itoa(i)))
		(&tokenTest{t, t.second}).wantStored("a", token(strconv.Itoa(i)))
	}
	tokens.remove("a")
	tokens.wantMissing("a")
	cancel()
	<-ended
	unlock()
	t.lock(t.second, "a")()
}

// oneByOne lets many callers wait for one lock. Each of them must get it, and no two at the same time.
func oneByOne(t *lockTest) {
	var inside, entered atomic.Int32
	together(20, func(i int) {
		unlock, err := t.store(i).Lock(t.Context(), "a")
		if err != nil {
			t.Errorf("Lock: %v", err)
			return
		}
		defer unlock()
		if inside.Add(1) != 1 {
			t.Errorf("two callers hold the lock at the same time")
		}
		if _, err := t.store(i).Load(t.Context(), "a"); err == nil {
			t.Errorf("Load returned a token that was never saved")
		}
		entered.Add(1)
		inside.Add(-1)
	})
	if entered.Load() != 20 {
		t.Errorf("%d callers got the lock, want 20", entered.Load())
	}
}

// manyLocks holds the locks of many keys at the same time, and uses the store with each of them.
func manyLocks(t *lockTest) {
	var held []func()
	for i := range locks {
		held = append(held, t.lock(t.store(i), "key"+strconv.Itoa(i)))
	}
	for i := range locks {
		key := "key" + strconv.Itoa(i)
		tokens := &tokenTest{t, t.store(i)}
		tokens.save(key, token(strconv.Itoa(i)))
		tokens.wantStored(key, token(strconv.Itoa(i)))
	}
	t.wantHeld("key0")
	for _, unlock := range held {
		unlock()
	}
	for i := range locks {
		t.lock(t.store(i+1), "key"+strconv.Itoa(i))()
	}
}

// updates lets callers of both stores increment a number in a token. An update is lost if two of them hold the lock at the
// same time, or if one does not see what the previous holder saved.
func updates(t *lockTest) {
	tokens := &tokenTest{t, t.first}
	tokens.save("a", &client.Token{AccessToken: "0"})
	together(6, func(i int) {
		for range 3 {
			t.countUp(t.store(i))
		}
	})
	tokens.wantStored("a", &client.Token{AccessToken: "18"})
}

// countUp increments the number under the lock.
func (t *lockTest) countUp(store LockedStore) {
	unlock, err := store.Lock(t.Context(), "a")
	if err != nil {
		t.Errorf("Lock: %v", err)
		return
	}
	defer unlock()
	got, err := store.Load(t.Context(), "a")
	if err != nil || got == nil {
		t.Errorf("Load: %v", err)
		return
	}
	n, err := strconv.Atoi(got.AccessToken)
	if err != nil {
		t.Errorf("Load returned another token than the saved one")
	}
	if err := store.Save(t.Context(), "a", &client.Token{AccessToken: strconv.Itoa(n + 1)}); err != nil {
		t.Errorf("Save: %v", err)
	}
}

// endedLock calls Lock with a context that has ended. It may return the lock if that is free. If it returns an error, the
// lock must stay free.
func endedLock(t *lockTest) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 4 {
		if unlock, err := t.store(i).Lock(ctx, "a"); err == nil {
			t.wantHeld("a")
			unlock()
		}
		t.lock(t.store(i+1), "a")()
	}
	unlock := t.lock(t.first, "a")
	defer unlock()
	if _, err := t.second.Lock(ctx, "a"); err == nil {
		t.Errorf("Lock with an ended context returned a lock that another caller holds")
	}
}
