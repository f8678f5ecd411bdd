package sqlstore_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// A client id or an owner may come from a request. A text that PostgreSQL cannot store has the same result in all databases: it
// is not stored, and looking for it is not an error of the database.
func TestTexts_ThatCannotBeStored(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s := newStore(t, dialect)
		for _, text := range []string{"a\x00b", "\x00", "a\xff", "\xc3", "\xed\xa0\x80", strings.Repeat("é", 128), strings.Repeat("x", 1<<20)} {
			wantNotStored(t, s, text)
			wantNotFound(t, s, text)
		}
		for _, text := range []string{"a ", "A", "é😀", `\'";--`, strings.Repeat("é", 127) + "x", "\ufffd", "\x01"} {
			row := store.ClientRow{ID: text, Name: text, Owner: text, Version: 1, Data: []byte("{}")}
			if created, err := s.Clients().Create(t.Context(), row); !created || err != nil {
				t.Errorf("Create with %q = %t, %v", text, created, err)
			}
			if got, found, err := s.Clients().Get(t.Context(), text); !found || err != nil || got.Name != text {
				t.Errorf("Get(%q) = %t, %v", text, found, err)
			}
		}
	})
}

// wantNotStored checks that no method stores text.
func wantNotStored(t *testing.T, s *sqlstore.Store, text string) {
	t.Helper()
	for _, row := range []store.ClientRow{{ID: text, Name: "n"}, {ID: "i", Name: text}, {ID: "i", Name: "n", Owner: text}} {
		row.Version, row.Data = 1, []byte("{}")
		if created, err := s.Clients().Create(t.Context(), row); created || err == nil {
			t.Errorf("Create with %.20q = %t, %v, expected an error", text, created, err)
		}
		if created, err := s.Imports().CreateClient(t.Context(), row, nil); created || err == nil {
			t.Errorf("CreateClient with %.20q = %t, %v, expected an error", text, created, err)
		}
		row.Version = 2
		if updated, err := s.Clients().Update(t.Context(), row); updated || err == nil {
			t.Errorf("Update with %.20q = %t, %v, expected an error", text, updated, err)
		}
	}
	a := s.Authorizations()
	for _, err := range []error{
		a.Set(t.Context(), text, "o", []string{"s"}), a.Set(t.Context(), "c", text, []string{"s"}), a.Set(t.Context(), "c", "o", []string{text}),
	} {
		if err == nil {
			t.Errorf("Set with %.20q stored it, expected an error", text)
		}
	}
}

// wantNotFound checks that methods which search for text find nothing.
func wantNotFound(t *testing.T, s *sqlstore.Store, text string) {
	t.Helper()
	c, a := s.Clients(), s.Authorizations()
	if _, found, err := c.Get(t.Context(), text); found || err != nil {
		t.Errorf("Get(%.20q) = %t, %v", text, found, err)
	}
	if deleted, err := c.Delete(t.Context(), text); deleted || err != nil {
		t.Errorf("Delete(%.20q) = %t, %v", text, deleted, err)
	}
	other := "o"
	for _, search := range []struct{ name, owner *string }{{&text, nil}, {&text, &other}, {&other, &text}, {nil, &text}} {
		find := func() ([]store.ClientRow, error) { return c.List(t.Context(), search.owner, 0, 10) }
		if search.name != nil {
			find = func() ([]store.ClientRow, error) { return c.ByName(t.Context(), *search.name, search.owner, 0, 10) }
		}
		if rows, err := find(); len(rows) > 0 || err != nil {
			t.Errorf("search for %.20q = %d rows, %v", text, len(rows), err)
		}
	}
	for _, pair := range [][2]string{{text, other}, {other, text}} {
		if scopes, err := a.Get(t.Context(), pair[0], pair[1]); len(scopes) > 0 || err != nil {
			t.Errorf("Authorizations.Get(%.20q) = %q, %v", pair, scopes, err)
		}
		if err := a.Delete(t.Context(), pair[0], pair[1]); err != nil {
			t.Errorf("Authorizations.Delete(%.20q) = %v", pair, err)
		}
	}
	if all, err := a.List(t.Context(), text, 0, 10); len(all) > 0 || err != nil {
		t.Errorf("Authorizations.List(%.20q) = %v, %v", text, all, err)
	}
	if err := a.DeleteOwner(t.Context(), text); err != nil {
		t.Errorf("DeleteOwner(%.20q) = %v", text, err)
	}
}
