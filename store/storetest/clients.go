// Package storetest contains tests for implementations of the interfaces of stores: [Clients] for registry.Store, [Storage]
// for store.Storage, and [Replays] for middleware.ReplayStore.
//
//	func TestClients(t *testing.T) {
//		storetest.Clients(t, func(t *testing.T) storetest.ClientStore { return openEmpty(t) })
//	}
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"testing"
)

// ClientStore has the methods of registry.Store, which describes them. It is declared here so that a store and its tests do
// not have to import package registry.
type ClientStore interface {
	Get(ctx context.Context, id string) (row ClientRow, found bool, err error)
	ByName(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error)
	List(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error)
	Create(ctx context.Context, row ClientRow) (created bool, err error)
	Update(ctx context.Context, row ClientRow) (updated bool, err error)
	Delete(ctx context.Context, id string) (deleted bool, err error)
}

// ClientRow is the same type as registry.Row.
type ClientRow = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}

// Clients runs all tests of a registry.Store as parallel subtests of t. Each subtest calls open, which must return an empty store that no
// other subtest uses. open can call t.Cleanup to close the store. A store that passes may still lose data in a crash: the
// tests do not check durability.
func Clients(t *testing.T, open func(t *testing.T) ClientStore) {
	t.Helper()
	for name, test := range clientTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&clientTest{tester: t, store: open(t)})
		})
	}
}

// clientTests returns all tests, by the names of their subtests.
func clientTests() map[string]func(*clientTest) {
	return map[string]func(*clientTest){
		"Get returns what Create stored":                     created,
		"a second Create changes nothing":                    createdTwice,
		"missing rows":                                       missing,
		"Update replaces the whole row":                      updated,
		"Update from another version":                        updatedFromElsewhere,
		"large versions":                                     largeVersions,
		"Update of a deleted row":                            updatedWhenGone,
		"Delete":                                             deleted,
		"rows are copies":                                    copies,
		"ByName selects name and owner":                      byName,
		"ByName after an update":                             byNewName,
		"List selects the owner":                             listed,
		"List returns pages":                                 pages,
		"ByName returns pages":                               namedPages,
		"texts are compared byte by byte":                    exact,
		"odd texts":                                          odd,
		"long ids and documents":                             long,
		"an ended context is not a missing row":              endedContext,
		"one of concurrent Creates succeeds":                 concurrentCreates,
		"one of concurrent Deletes succeeds":                 concurrentDeletes,
		"concurrent Updates lose nothing":                    concurrentUpdates,
		"a concurrent Update does not restore a deleted row": updatesDuringDelete,
		"Get returns whole rows during updates":              wholeRows,
	}
}

// tester contains the methods of *testing.T that the tests use. The tests of this package replace it to check that broken
// stores fail.
type tester interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// clientTest is passed to each test. It has the store under test, and methods that call it and report unexpected results.
type clientTest struct {
	tester
	store ClientStore
}

// row returns a row with version 1.
func row(id, name, owner string) ClientRow {
	return ClientRow{ID: id, Name: name, Owner: owner, Version: 1, Data: []byte(`{"n":1}`)}
}

// create stores new rows. It stops the test if that fails, because the rest of the test needs them.
func (t *clientTest) create(rows ...ClientRow) {
	t.Helper()
	for _, row := range rows {
		if done, err := t.store.Create(t.Context(), row); err != nil || !done {
			t.Fatalf("Create(%q) = %v, %v", row.ID, done, err)
		}
	}
}

// update calls Update and checks its result.
func (t *clientTest) update(row ClientRow, want bool) {
	t.Helper()
	if done, err := t.store.Update(t.Context(), row); err != nil || done != want {
		t.Errorf("Update(%q) to version %d = %v, %v, want %v", row.ID, row.Version, done, err, want)
	}
}

// remove calls Delete and checks its result.
func (t *clientTest) remove(id string, want bool) {
	t.Helper()
	if done, err := t.store.Delete(t.Context(), id); err != nil || done != want {
		t.Errorf("Delete(%q) = %v, %v, want %v", id, done, err, want)
	}
}

// get returns a row, and fails the test if there is none.
func (t *clientTest) get(id string) ClientRow {
	t.Helper()
	got, found, err := t.store.Get(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("Get(%q): found %v, %v", id, found, err)
	}
	return got
}

// wantStored checks that Get returns a row that equals want.
func (t *clientTest) wantStored(want ClientRow) {
	t.Helper()
	got := t.get(want.ID)
	if !sameJSON(got.Data, want.Data) {
		t.Errorf("Get(%q).Data = %s, want %s", want.ID, got.Data, want.Data)
	}
	got.Data = want.Data
	if !reflect.DeepEqual(got, want) {
		t.Errorf("Get(%q) = %+v, want %+v", want.ID, got, want)
	}
}

// wantMissing checks that Get finds no row, which must not be an error.
func (t *clientTest) wantMissing(id string) {
	t.Helper()
	got, found, err := t.store.Get(t.Context(), id)
	if err != nil || found {
		t.Errorf("Get(%q) = %+v, found %v, %v, want no row and no error", id, got, found, err)
	}
}

// wantNamed checks the ids of the first ten rows with the given name.
func (t *clientTest) wantNamed(name string, owner *string, ids ...string) {
	t.Helper()
	t.wantNamedPage(name, owner, 0, 10, ids...)
}

// wantNamedPage checks the ids that ByName returns.
func (t *clientTest) wantNamedPage(name string, owner *string, skip, take int, ids ...string) {
	t.Helper()
	rows, err := t.store.ByName(t.Context(), name, owner, skip, take)
	t.wantIDs(fmt.Sprintf("ByName(%q, %s, %d, %d)", name, show(owner), skip, take), rows, err, ids)
}

// wantListed checks the ids that List returns.
func (t *clientTest) wantListed(owner *string, skip, take int, ids ...string) {
	t.Helper()
	rows, err := t.store.List(t.Context(), owner, skip, take)
	t.wantIDs(fmt.Sprintf("List(%s, %d, %d)", show(owner), skip, take), rows, err, ids)
}

// wantIDs checks the ids and their order, and that each row equals the one that Get returns. what is the call that
// returned rows and err.
func (t *clientTest) wantIDs(what string, rows []ClientRow, err error, want []string) {
	t.Helper()
	var got []string
	for _, row := range rows {
		got = append(got, row.ID)
		t.wantStored(row)
	}
	if err != nil || len(got)+len(want) > 0 && !reflect.DeepEqual(got, want) {
		t.Errorf("%s = %q, %v, want %q", what, got, err, want)
	}
}

// show formats an owner for an error message.
func show(owner *string) string {
	if owner == nil {
		return "nil"
	}
	return strconv.Quote(*owner)
}

// sameJSON compares documents as JSON, because a column may change their white space and the order of members.
func sameJSON(a, b []byte) bool {
	var x, y any
	return bytes.Equal(a, b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
