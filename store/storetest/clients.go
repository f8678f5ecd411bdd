// Package storetest holds the tests that an implementation of the kit's stores should pass. They need nothing but the
// store:
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

// ClientStore is registry.Store of package registry, where its methods are described. It is written out so that a
// store and its tests need not import the kit.
type ClientStore interface {
	Get(ctx context.Context, id string) (row ClientRow, found bool, err error)
	ByName(ctx context.Context, name string, owner *string, skip, take int) ([]ClientRow, error)
	List(ctx context.Context, owner *string, skip, take int) ([]ClientRow, error)
	Create(ctx context.Context, row ClientRow) (created bool, err error)
	Update(ctx context.Context, row ClientRow) (updated bool, err error)
	Delete(ctx context.Context, id string) (deleted bool, err error)
}

// ClientRow is registry.Row of package registry.
type ClientRow = struct {
	ID      string
	Name    string
	Owner   string
	Version int64
	Data    []byte
}

// Clients runs all tests of a store of registered clients, each on a store of its own: open returns an empty one, and
// registers with t how it is taken down. The tests run in parallel.
func Clients(t *testing.T, open func(t *testing.T) ClientStore) {
	t.Helper()
	for name, test := range clientTests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(&clientTest{tester: t, store: open(t)})
		})
	}
}

func clientTests() map[string]func(*clientTest) {
	return map[string]func(*clientTest){
		"what is created is read":              created,
		"a second create changes nothing":      createdTwice,
		"what is missing":                      missing,
		"update replaces the whole row":        updated,
		"update from another version":          updatedFromElsewhere,
		"large versions":                       largeVersions,
		"update of a deleted client":           updatedWhenGone,
		"deleted":                              deleted,
		"rows are copies":                      copies,
		"by name and owner":                    byName,
		"by name after a change":               byNewName,
		"list by owner":                        listed,
		"list by pages":                        pages,
		"by name and pages":                    namedPages,
		"texts are compared byte by byte":      exact,
		"odd texts":                            odd,
		"data may be long":                     long,
		"an ended context finds nothing out":   endedContext,
		"one of concurrent creates succeeds":   concurrentCreates,
		"one of concurrent deletes succeeds":   concurrentDeletes,
		"concurrent updates lose nothing":      concurrentUpdates,
		"what is deleted stays so":             updatesDuringDelete,
		"readers see whole rows during writes": wholeRows,
	}
}

// tester is what the tests need of a *testing.T. This package's own tests give them another, to see them fail.
type tester interface {
	Helper()
	Context() context.Context
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// clientTest is a test and its store.
type clientTest struct {
	tester
	store ClientStore
}

// row returns a new row.
func row(id, name, owner string) ClientRow {
	return ClientRow{ID: id, Name: name, Owner: owner, Version: 1, Data: []byte(`{"n":1}`)}
}

func (t *clientTest) create(rows ...ClientRow) {
	t.Helper()
	for _, row := range rows {
		if done, err := t.store.Create(t.Context(), row); err != nil || !done {
			t.Fatalf("Create(%q) = %v, %v", row.ID, done, err)
		}
	}
}

func (t *clientTest) update(row ClientRow, want bool) {
	t.Helper()
	if done, err := t.store.Update(t.Context(), row); err != nil || done != want {
		t.Errorf("Update(%q) to version %d = %v, %v, want %v", row.ID, row.Version, done, err, want)
	}
}

func (t *clientTest) remove(id string, want bool) {
	t.Helper()
	if done, err := t.store.Delete(t.Context(), id); err != nil || done != want {
		t.Errorf("Delete(%q) = %v, %v, want %v", id, done, err, want)
	}
}

// get fails the test if there is no such row.
func (t *clientTest) get(id string) ClientRow {
	t.Helper()
	got, found, err := t.store.Get(t.Context(), id)
	if err != nil || !found {
		t.Fatalf("Get(%q): found %v, %v", id, found, err)
	}
	return got
}

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

func (t *clientTest) wantMissing(id string) {
	t.Helper()
	got, found, err := t.store.Get(t.Context(), id)
	if err != nil || found {
		t.Errorf("Get(%q) = %+v, found %v, %v, want nothing and no error", id, got, found, err)
	}
}

func (t *clientTest) wantNamed(name string, owner *string, ids ...string) {
	t.Helper()
	t.wantNamedPage(name, owner, 0, 10, ids...)
}

func (t *clientTest) wantNamedPage(name string, owner *string, skip, take int, ids ...string) {
	t.Helper()
	rows, err := t.store.ByName(t.Context(), name, owner, skip, take)
	t.wantIDs(fmt.Sprintf("ByName(%q, %s, %d, %d)", name, show(owner), skip, take), rows, err, ids)
}

func (t *clientTest) wantListed(owner *string, skip, take int, ids ...string) {
	t.Helper()
	rows, err := t.store.List(t.Context(), owner, skip, take)
	t.wantIDs(fmt.Sprintf("List(%s, %d, %d)", show(owner), skip, take), rows, err, ids)
}

// wantIDs also holds each row against the one that Get returns.
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

func show(owner *string) string {
	if owner == nil {
		return "nil"
	}
	return strconv.Quote(*owner)
}

// sameJSON lets a store keep documents in a column that changes their spelling.
func sameJSON(a, b []byte) bool {
	var x, y any
	return bytes.Equal(a, b) || json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}
