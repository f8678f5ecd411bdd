package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/bearerkit/bearerkit/store"
)

// recorder is a tester that counts failures.
type recorder struct {
	ctx    context.Context //nolint:containedctx // as a testing.T does
	failed atomic.Bool
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) Error(...any)             { r.failed.Store(true) }
func (r *recorder) Errorf(string, ...any)    { r.failed.Store(true) }
func (r *recorder) Fatalf(string, ...any)    { r.failed.Store(true); runtime.Goexit() }

// fails runs one test and reports whether it fails.
func fails(ctx context.Context, test func(tester)) bool {
	r := &recorder{ctx: ctx}
	done := make(chan struct{})
	go func() { // Fatalf ends only this goroutine
		defer close(done)
		test(r)
	}()
	<-done
	return r.failed.Load()
}

// notices runs one test of a ClientStore and reports whether it fails.
func notices(ctx context.Context, test func(*clientTest), s ClientStore) bool {
	return fails(ctx, func(r tester) { test(&clientTest{tester: r, store: s}) })
}

// mutant is a store in which some methods are replaced.
type mutant struct {
	ClientStore
	get    func(ctx context.Context, id string) (ClientRow, bool, error)
	byName func(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error)
	list   func(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error)
	create func(ctx context.Context, row ClientRow) (bool, error)
	update func(ctx context.Context, row ClientRow) (bool, error)
	remove func(ctx context.Context, id string) (bool, error)
}

func (m *mutant) Get(ctx context.Context, id string) (ClientRow, bool, error) {
	if m.get != nil {
		return m.get(ctx, id)
	}
	return m.ClientStore.Get(ctx, id)
}

func (m *mutant) ByName(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error) {
	if m.byName != nil {
		return m.byName(ctx, name, owner, skip, take)
	}
	return m.ClientStore.ByName(ctx, name, owner, skip, take)
}

func (m *mutant) List(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error) {
	if m.list != nil {
		return m.list(ctx, owner, skip, take)
	}
	return m.ClientStore.List(ctx, owner, skip, take)
}

func (m *mutant) Create(ctx context.Context, row ClientRow) (bool, error) {
	if m.create != nil {
		return m.create(ctx, row)
	}
	return m.ClientStore.Create(ctx, row)
}

func (m *mutant) Update(ctx context.Context, row ClientRow) (bool, error) {
	if m.update != nil {
		return m.update(ctx, row)
	}
	return m.ClientStore.Update(ctx, row)
}

func (m *mutant) Delete(ctx context.Context, id string) (bool, error) {
	if m.remove != nil {
		return m.remove(ctx, id)
	}
	return m.ClientStore.Delete(ctx, id)
}

// For each requirement, a test fails for a store that violates it. All tests pass for a correct store.
func TestClients_NoticesBrokenPromises(t *testing.T) {
	t.Parallel()
	tests, tested := clientTests(), make(map[string]bool)
	for _, tt := range breaks {
		tested[tt.test] = true
		t.Run(tt.test+": "+tt.promise, func(t *testing.T) {
			t.Parallel()
			if tests[tt.test] == nil {
				t.Fatal("no test has this name")
			}
			good := store.NewClients()
			broken := &mutant{ClientStore: good}
			tt.breaks(broken, good)
			if !notices(t.Context(), tests[tt.test], broken) {
				t.Error("the test does not fail")
			}
			if notices(t.Context(), tests[tt.test], &mutant{ClientStore: store.NewClients()}) {
				t.Error("a good store fails")
			}
		})
	}
	for name := range maps.Keys(tests) {
		if !tested[name] {
			t.Errorf("%q has never failed", name)
		}
	}
}

var errFault = errors.New("fault")

func orFault(done bool, err error) (bool, error) {
	if !done && err == nil {
		err = errFault
	}
	return done, err
}

func someOrFault(rows []ClientRow, err error) ([]ClientRow, error) {
	if len(rows) == 0 && err == nil {
		err = errFault
	}
	return rows, err
}

func merge(old, with []byte) []byte {
	var merged map[string]any
	err1, err2 := json.Unmarshal(old, &merged), json.Unmarshal(with, &merged)
	data, err3 := json.Marshal(merged)
	if errors.Join(err1, err2, err3) != nil {
		return with
	}
	return data
}

// anyVersion returns an update that accepts versions from less to more above the stored one.
func anyVersion(ctx context.Context, good ClientStore, row ClientRow, less, more int64) (bool, error) {
	old, found, err := good.Get(ctx, row.ID)
	if above := row.Version - old.Version; err != nil || !found || above < less || above > more {
		return false, err
	}
	_, err = good.Delete(ctx, row.ID)
	_, err2 := good.Create(ctx, row)
	return true, errors.Join(err, err2)
}

// keepsGiven returns a store of one row that keeps the bytes of its argument without copying them.
func keepsGiven(keep func(m *mutant, keep func(ClientRow))) func(*mutant, ClientStore) {
	return func(m *mutant, good ClientStore) {
		var given []byte
		m.get = func(ctx context.Context, id string) (ClientRow, bool, error) {
			row, found, err := good.Get(ctx, id)
			if given != nil {
				row.Data = bytes.Clone(given)
			}
			return row, found, err
		}
		keep(m, func(row ClientRow) { given = row.Data })
	}
}

// liveRow returns the only row of a store without copying it.
type liveRow struct {
	good ClientStore
	row  *ClientRow
}

func (l *liveRow) read(ctx context.Context) *ClientRow {
	if l.row == nil {
		row, _, _ := l.good.Get(ctx, "a")
		l.row = &row
	}
	return l.row
}

func (l *liveRow) copy(ctx context.Context, _ string) (ClientRow, bool, error) {
	row := *l.read(ctx)
	row.Data = bytes.Clone(row.Data)
	return row, true, nil
}

func (l *liveRow) update(ctx context.Context, row ClientRow) (bool, error) {
	l.row = nil
	return l.good.Update(ctx, row)
}

func notEmpty(owner *string) *string {
	if owner != nil && *owner == "" {
		return nil
	}
	return owner
}

func notNil(owner *string) *string {
	if owner == nil {
		return new("")
	}
	return owner
}

func orAll(take int) int {
	if take == 0 {
		return 100
	}
	return take
}

func reversed(rows []ClientRow, err error) ([]ClientRow, error) {
	slices.Reverse(rows)
	return rows, err
}

func withoutData(rows []ClientRow, err error) ([]ClientRow, error) {
	for i := range rows {
		rows[i].Data = nil
	}
	return rows, err
}

func first(ctx context.Context, good ClientStore, wanted func(ClientRow) bool) (ClientRow, bool, error) {
	all, err := good.List(ctx, nil, 0, 100)
	for _, row := range all {
		if wanted(row) {
			return row, true, err
		}
	}
	return ClientRow{}, false, err
}

func byNameWhere(same func(stored, asked string) bool) func(*mutant, ClientStore) {
	return func(m *mutant, good ClientStore) {
		m.byName = func(ctx context.Context, name string, owner *string, _, _ int) ([]ClientRow, error) {
			rows, err := good.List(ctx, owner, 0, 100)
			return slices.DeleteFunc(rows, func(row ClientRow) bool { return !same(row.Name, name) }), err
		}
	}
}

func listWhere(same func(stored, asked string) bool) func(*mutant, ClientStore) {
	return func(m *mutant, good ClientStore) {
		m.list = func(ctx context.Context, owner *string, _, _ int) ([]ClientRow, error) {
			rows, err := good.List(ctx, nil, 0, 100)
			return slices.DeleteFunc(rows, func(row ClientRow) bool { return owner != nil && !same(row.Owner, *owner) }), err
		}
	}
}

// meeting lets two goroutines wait for each other, repeatedly.
type meeting chan struct{}

func (m meeting) meet() {
	select {
	case m <- struct{}{}:
	case <-m:
	}
}

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
