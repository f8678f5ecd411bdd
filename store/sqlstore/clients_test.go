package sqlstore_test

import (
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/storetest"
)

var _ registry.Store = (*sqlstore.Clients)(nil)

func TestClients(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		storetest.Clients(t, func(t *testing.T) storetest.ClientStore { t.Helper(); return newStore(t, dialect).Clients() })
	})
}

// A text that is longer than its column is an error in every SQL mode, and is never cut.
func TestClients_LongTexts(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		clients, long := newStore(t, dialect).Clients(), strings.Repeat("x", 256)
		for _, row := range []registry.Row{{ID: long}, {ID: "a", Name: long}, {ID: "a", Owner: long}} {
			row.Version, row.Data = 1, []byte(`{}`)
			if created, err := clients.Create(t.Context(), row); created || err == nil {
				t.Errorf("Create of %d, %d and %d bytes = %v, %v, want an error", len(row.ID), len(row.Name), len(row.Owner), created, err)
			}
			if updated, err := clients.Update(t.Context(), row); updated || err == nil {
				t.Errorf("Update = %v, %v, want an error", updated, err)
			}
		}
	})
}

// The authorizations of a client are deleted with it.
func TestClients_DeleteAuthorizations(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s := newStore(t, dialect)
		for _, id := range []string{"a", "b"} {
			if _, err := s.Clients().Create(t.Context(), registry.Row{ID: id, Name: id, Version: 1, Data: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
			set(t, s, id, "alice", "read")
		}
		if deleted, err := s.Clients().Delete(t.Context(), "a"); !deleted || err != nil {
			t.Fatal(deleted, err)
		}
		wantScopes(t, s, "a", "alice")
		wantScopes(t, s, "b", "alice", "read")
	})
}

func set(t *testing.T, s *sqlstore.Store, client, owner string, scopes ...string) {
	t.Helper()
	if err := s.Authorizations().Set(t.Context(), client, owner, scopes); err != nil {
		t.Fatal(err)
	}
}

func wantScopes(t *testing.T, s *sqlstore.Store, client, owner string, want ...string) {
	t.Helper()
	got, err := s.Authorizations().Get(t.Context(), client, owner)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("scopes of %s for %s = %q, %v, want %q", client, owner, got, err, want)
	}
}

func TestAuthorizations(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s := newStore(t, dialect)
		a := s.Authorizations()
		wantScopes(t, s, "c1", "alice")
		set(t, s, "c1", "alice", "write", "read", "read", "Read", "read ")
		set(t, s, "c1", "bob", "read")
		set(t, s, "c1", "", "")
		set(t, s, "c2", "alice", "x")
		set(t, s, "c2", "Alice", "y")
		wantScopes(t, s, "c1", "alice", "Read", "read", "read ", "write")
		wantScopes(t, s, "c1", "", "")
		set(t, s, "c1", "alice", "admin")
		wantScopes(t, s, "c1", "alice", "admin")
		wantScopes(t, s, "c1", "bob", "read")

		want := []sqlstore.Authorization{
			{ClientID: "c1", Owner: "alice", Scopes: []string{"admin"}}, {ClientID: "c2", Owner: "alice", Scopes: []string{"x"}},
		}
		for _, page := range []struct {
			skip, take int
			want       []sqlstore.Authorization
		}{{0, 10, want}, {0, 1, want[:1]}, {1, 1, want[1:]}, {2, 10, nil}, {0, 0, nil}} {
			got, err := a.List(t.Context(), "alice", page.skip, page.take)
			if diff := cmp.Diff(page.want, got); err != nil || diff != "" {
				t.Errorf("List(%d, %d): %v\n%s", page.skip, page.take, err, diff)
			}
		}

		for range 2 {
			if err := a.Delete(t.Context(), "c1", "alice"); err != nil {
				t.Error(err)
			}
		}
		wantScopes(t, s, "c1", "alice")
		wantScopes(t, s, "c1", "bob", "read")
		if err := a.DeleteOwner(t.Context(), "alice"); err != nil {
			t.Error(err)
		}
		wantScopes(t, s, "c2", "alice")
		wantScopes(t, s, "c2", "Alice", "y")
		set(t, s, "c1", "bob")
		wantScopes(t, s, "c1", "bob")

		if err := a.Set(t.Context(), "c", "o", []string{strings.Repeat("s", 256)}); err == nil {
			t.Error("a scope of 256 bytes was stored")
		}
		if err := a.Set(t.Context(), "c", "o", make([]string, 1001)); err == nil {
			t.Error("1001 scopes were stored")
		}
	})
}

// Concurrent calls of Set leave the scopes of one of them, never of several.
func TestAuthorizations_ConcurrentSets(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		_, dsn := newStoreAt(t, dialect)
		if dialect == sqlstore.PostgreSQL { // the default of a role or a database may be another one than READ COMMITTED
			dsn += "&default_transaction_isolation=repeatable%20read"
		}
		s := connect(t, dialect, dsn)
		for round := range 5 {
			owner := strconv.Itoa(round)
			var all sync.WaitGroup
			for i := range 6 {
				all.Go(func() {
					if err := s.Authorizations().Set(t.Context(), "c", owner, []string{"read", strconv.Itoa(i)}); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if got, err := s.Authorizations().Get(t.Context(), "c", owner); err != nil || len(got) != 2 {
				t.Errorf("scopes after concurrent calls = %q, %v, want those of one call", got, err)
			}
		}
	})
}
