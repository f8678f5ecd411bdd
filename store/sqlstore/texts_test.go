package sqlstore_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/seal"
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

// wantField checks that err is a *ValueError of a method about a field, which does not contain the value.
func wantField(t *testing.T, err error, operation, field, problem string) {
	t.Helper()
	fault, ok := errors.AsType[*sqlstore.ValueError](err)
	if !ok || fault.Operation != operation || fault.Field != field || !strings.Contains(fault.Problem, problem) || len(err.Error()) > 200 {
		t.Errorf("%s: error %.200v, want one about %s that %s", operation, err, field, problem)
	}
	if class := errors.Is(err, sqlstore.ErrUnavailable) || errors.Is(err, sqlstore.ErrFull) || errors.Is(err, sqlstore.ErrReadOnly); class {
		t.Errorf("%s: %.200v is an error of the database", operation, err)
	}
}

// The error for a value that cannot be stored has a type, and names the method and the field. Nothing is stored.
func TestValueError(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		dsn := newDSN(t, dialect)
		if dialect == sqlstore.MariaDB {
			dsn += "?sql_mode=%27%27" // the server then cuts values without an error
		}
		db := open(t, dialect, dsn)
		s := storeOf(t, db, dialect)
		const invalid, long, tooLarge = "has invalid UTF-8 or NUL", "has 256 bytes, expected at most 255", 4<<20 + 1
		texts := map[string]string{"a\x00b": invalid, "\xff": invalid, strings.Repeat("x", 256): long}
		ctx := t.Context()
		for text, problem := range texts {
			for field, row := range map[string]store.ClientRow{"ID": {ID: text}, "Name": {Name: text}, "Owner": {Owner: text}} {
				row.Version, row.Data = 1, []byte("{}")
				_, err := s.Clients().Create(ctx, row)
				wantField(t, err, "Clients.Create", field, problem)
				_, err = s.Clients().Update(ctx, row)
				wantField(t, err, "Clients.Update", field, problem)
				_, err = s.Imports().CreateClient(ctx, row, nil)
				wantField(t, err, "Imports.CreateClient", field, problem)
			}
			for field, a := range map[string]sqlstore.Authorization{
				"clientID": {ClientID: text}, "owner": {Owner: text}, "scopes[1]": {Scopes: []string{"ok", text}},
			} {
				wantField(t, s.Authorizations().Set(ctx, a.ClientID, a.Owner, a.Scopes), "Authorizations.Set", field, problem)
				_, err := s.Imports().SetAuthorization(ctx, a, nil)
				wantField(t, err, "Imports.SetAuthorization", field, problem)
			}
		}
		for data, problem := range map[string]string{"{\x00}": invalid, "\xff": invalid, strings.Repeat("x", tooLarge): "has 4194305 bytes, expected at most 4194304"} {
			_, err := s.Clients().Create(ctx, store.ClientRow{ID: "a", Version: 1, Data: []byte(data)})
			wantField(t, err, "Clients.Create", "Data", problem)
		}
		wantField(t, s.Authorizations().Set(ctx, "a", "b", make([]string, 1001)), "Authorizations.Set", "scopes", "has 1001 elements")
		for key, problem := range map[string]string{"": "has 0 bytes, expected 1 to 255", strings.Repeat("k", 256): "has 256 bytes"} {
			wantField(t, s.Save(ctx, key, store.Entry{}), "Save", "key", problem)
		}
		_, err := s.Imports().CreateClient(ctx, store.ClientRow{ID: "a", Version: 1, Data: []byte("{}")}, make([]byte, 65))
		wantField(t, err, "Imports.CreateClient", "digest", "has 65 bytes")
		for field, token := range map[string]sqlstore.ImportRecord{
			"tokens[0].Key": {Key: "deny:x"}, "tokens[0].Digest": {Key: store.TokenKey("a"), Digest: make([]byte, 65)},
		} {
			_, err := s.Imports().ImportTokens(ctx, []sqlstore.ImportRecord{token})
			wantField(t, err, "Imports.ImportTokens", field, "")
		}
		err = s.Tokens(largeSealer{}).Save(ctx, "a", &client.Token{AccessToken: "a"})
		wantField(t, err, "Tokens.Save", "the sealed value", "has 4194305 bytes")
		for _, table := range []string{"clients", "authorizations", "entries", "imports", "tokens"} {
			if n := count(t, db, "bearerkit_"+table); n != 0 {
				t.Errorf("%d rows in %s", n, table)
			}
		}
		row := store.ClientRow{ID: "a", Version: 1, Data: bytes.Repeat([]byte("x"), tooLarge-1)}
		if created, err := s.Clients().Create(ctx, row); !created || err != nil {
			t.Errorf("Create of the largest client: %t, %.200v", created, err)
		}
		if got, _, err := s.Clients().Get(ctx, "a"); err != nil || !bytes.Equal(got.Data, row.Data) {
			t.Errorf("the largest client has %d bytes, %v", len(got.Data), err)
		}
	})
}

// largeSealer returns values that are too large.
type largeSealer struct{ seal.Sealer }

func (largeSealer) Seal(context.Context, []byte, []byte) ([]byte, error) {
	return make([]byte, 4<<20+1), nil
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
