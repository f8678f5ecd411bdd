package storetest

import (
	"encoding/json"
	"strconv"
	"sync"
	"sync/atomic"
)

// concurrently calls do(0) to do(n-1) at the same time, and waits for all calls.
func concurrently(n int, do func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// concurrentCreates creates the same id ten times. Exactly one call may report that it created the row.
func concurrentCreates(t *clientTest) {
	var won atomic.Int32
	concurrently(10, func(i int) {
		done, err := t.store.Create(t.Context(), row("a", "client "+strconv.Itoa(i), ""))
		if err != nil {
			t.Errorf("Create: %v", err)
		}
		if done {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d creates succeeded, want 1", won.Load())
	}
	t.wantListed(nil, 0, 10, "a")
}

// concurrentDeletes deletes the same row ten times. Exactly one call may report that it deleted the row.
func concurrentDeletes(t *clientTest) {
	t.create(row("a", "client", ""))
	var won atomic.Int32
	concurrently(10, func(int) {
		done, err := t.store.Delete(t.Context(), "a")
		if err != nil {
			t.Errorf("Delete: %v", err)
		}
		if done {
			won.Add(1)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d deletes succeeded, want 1", won.Load())
	}
	t.wantMissing("a")
}

// updatesDuringDelete deletes a row while another call updates it. In whichever order the two run, the row must be
// missing afterwards.
func updatesDuringDelete(t *clientTest) {
	for i := range 20 {
		id := strconv.Itoa(i)
		t.create(row(id, "client", ""))
		concurrently(2, func(i int) {
			if i == 0 {
				t.remove(id, true)
				return
			}
			next := row(id, "next", "")
			next.Version = 2
			if _, err := t.store.Update(t.Context(), next); err != nil {
				t.Errorf("Update: %v", err)
			}
		})
		t.wantMissing(id)
	}
}

// concurrentUpdates lets each of ten writers increment a number once. A writer retries until its update succeeds. If an
// update is lost, the sum is less than 11.
func concurrentUpdates(t *clientTest) {
	t.create(row("a", "client", ""))
	concurrently(10, func(int) {
		for range 1000 {
			if t.countUp("a") {
				return
			}
		}
		t.Error("a writer did not succeed in 1000 attempts")
	})
	want := row("a", "client", "")
	want.Version, want.Data = 11, []byte(`{"n":11}`)
	t.wantStored(want)
}

// countUp increments the number in the row, as a registry changes a client. It returns false if another writer has
// changed the row in the meantime.
func (t *clientTest) countUp(id string) bool {
	old, found, err := t.store.Get(t.Context(), id)
	if err != nil || !found {
		t.Errorf("Get: found %v, %v", found, err)
		return true
	}
	var data struct {
		N int `json:"n"`
	}
	if err := json.Unmarshal(old.Data, &data); err != nil {
		t.Errorf("data %s: %v", old.Data, err)
		return true
	}
	old.Version++
	old.Data = []byte(`{"n":` + strconv.Itoa(data.N+1) + `}`)
	done, err := t.store.Update(t.Context(), old)
	if err != nil {
		t.Errorf("Update: %v", err)
	}
	return done || err != nil
}

// wholeRows reads a row while it is updated, until the last update returns. Name, owner and data of each version contain the version,
// so a row with columns of two versions is detected.
func wholeRows(t *clientTest) {
	numbered := func(version int) ClientRow {
		n := strconv.Itoa(version)
		return ClientRow{ID: "a", Name: n, Owner: n, Version: int64(version), Data: []byte(`{"n":` + n + `}`)}
	}
	t.create(numbered(1))
	var updated atomic.Bool
	concurrently(4, func(i int) {
		if i == 0 {
			defer updated.Store(true)
			for n := range 50 {
				t.update(numbered(n+2), true)
			}
			return
		}
		for n := 0; n < 50 || !updated.Load(); n++ {
			got, found, err := t.store.Get(t.Context(), "a")
			want := numbered(int(got.Version))
			if err != nil || !found || got.Name != want.Name || got.Owner != want.Owner || !sameJSON(got.Data, want.Data) {
				t.Errorf("Get during updates = %+v, found %v, %v", got, found, err)
				return
			}
		}
	})
}
