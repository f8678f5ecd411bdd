package registry_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

func names(clients []registry.Client) string {
	var all []string
	for _, c := range clients {
		all = append(all, c.Name)
	}
	return strings.Join(all, " ")
}

func TestListAndByName(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for i, id := range []string{"a", "b", "c", "d"} {
		client := registry.NewClient{Name: []string{"one", "two", "one", "one"}[i], Public: true, Owner: []string{"", "alice", "alice", "bob"}[i]}
		if _, err := k.Import(t.Context(), registry.Imported{ID: id, NewClient: client}); err != nil {
			t.Fatal(err)
		}
	}
	lists := []struct {
		page registry.Page
		want string
	}{
		{registry.Page{}, "one two one one"},
		{registry.Page{Owner: new("")}, "one"},
		{registry.Page{Owner: new("alice")}, "two one"},
		{registry.Page{Owner: new("nobody\x00")}, ""},
		{registry.Page{Take: 2}, "one two"},
		{registry.Page{Skip: 1, Take: 2}, "two one"},
		{registry.Page{Skip: 9}, ""},
	}
	for _, tt := range lists {
		if got, err := k.List(t.Context(), tt.page); names(got) != tt.want || err != nil {
			t.Errorf("List(%+v) = %q, %v, want %q", tt.page, names(got), err, tt.want)
		}
	}
	named := []struct {
		name string
		page registry.Page
		want string // ids
	}{
		{"one", registry.Page{}, "acd"},
		{"one", registry.Page{Owner: new("alice")}, "c"},
		{"one", registry.Page{Owner: new("")}, "a"},
		{"one", registry.Page{Skip: 1, Take: 1}, "c"},
		{"two", registry.Page{Owner: new("bob")}, ""},
		{"three", registry.Page{}, ""},
		{"\xff", registry.Page{}, ""},
	}
	for _, tt := range named {
		got, err := k.ByName(t.Context(), tt.name, tt.page)
		ids := ""
		for _, c := range got {
			ids += c.ID
		}
		if ids != tt.want || err != nil {
			t.Errorf("ByName(%q, %+v) = %q, %v, want %q", tt.name, tt.page, ids, err, tt.want)
		}
	}
}

func TestList_Pages(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for range 25 {
		k.create(registry.NewClient{Name: "x", Public: true})
	}
	for what, find := range map[string]func(registry.Page) ([]registry.Client, error){
		"List":   func(page registry.Page) ([]registry.Client, error) { return k.List(t.Context(), page) },
		"ByName": func(page registry.Page) ([]registry.Client, error) { return k.ByName(t.Context(), "x", page) },
	} {
		if got, err := find(registry.Page{}); len(got) != 20 || err != nil {
			t.Errorf("%s: %d clients by default, %v, want 20", what, len(got), err)
		}
		if got, err := find(registry.Page{Take: 1000}); len(got) != 25 || err != nil {
			t.Errorf("%s: %d clients, %v, want 25", what, len(got), err)
		}
		_, err := find(registry.Page{Skip: -1, Take: -1})
		wantFaults(t, err, "Page.Skip", "Page.Take")
		_, err = find(registry.Page{Take: 1001})
		wantFaults(t, err, "Page.Take")
	}
}

func TestMissingClient(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for _, id := range []string{"", "nobody", "no\x00body", "\xff", strings.Repeat("x", 256)} {
		_, got := k.Get(t.Context(), id)
		_, updated := k.Update(t.Context(), id, registry.Patch{Name: new("x")})
		_, rotated := k.RotateSecret(t.Context(), id, 0)
		_, revoked := k.RevokeSecret(t.Context(), id, "x")
		for what, err := range map[string]error{
			"Get": got, "Update": updated, "RotateSecret": rotated, "RevokeSecret": revoked, "Delete": k.Delete(t.Context(), id),
		} {
			if !errors.Is(err, registry.ErrNotFound) {
				t.Errorf("%s(%q): %v, want ErrNotFound", what, id, err)
			}
		}
		k.wantOut(id, "secret")
	}
}

// caseless ignores the case of ids, as some databases do by default.
type caseless struct{ registry.Store }

func (s caseless) Get(ctx context.Context, id string) (registry.Row, bool, error) {
	return s.Store.Get(ctx, strings.ToLower(id))
}

// A row with another id than the requested one is not used.
func TestMissingClient_OtherCase(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{Store: caseless{store.NewClients()}})
	k.bring(phcSHA256)
	k.wantIn("old", oldSecret)
	k.wantOut("Old", oldSecret)
	if _, err := k.Get(t.Context(), "Old"); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())
	if err := k.Delete(t.Context(), reg.Client.ID); err != nil {
		t.Fatal(err)
	}
	k.wantOut(reg.Client.ID, reg.Secret.Reveal())
	if _, err := k.Get(t.Context(), reg.Client.ID); !errors.Is(err, registry.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
}

// Changes of arguments and results by the caller do not change the registry.
func TestH9_Copies(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	given := registry.NewClient{
		Name: "x", RedirectURIs: []string{"https://a.example/"}, Flows: []registry.Flow{registry.FlowPassword},
		Extra: map[string]any{"list": []any{"a"}},
	}
	reg := k.create(given)
	want := k.get(reg.Client.ID)
	listed, err1 := k.List(t.Context(), registry.Page{})
	named, err2 := k.ByName(t.Context(), "x", registry.Page{})
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	spoilt := []registry.Client{
		{RedirectURIs: given.RedirectURIs, Flows: given.Flows, Extra: given.Extra, Secrets: make([]registry.SecretInfo, 1)},
		reg.Client, k.get(reg.Client.ID), listed[0], named[0],
	}
	for _, c := range spoilt {
		c.RedirectURIs[0], c.Flows[0], c.Secrets[0] = "x", "x", registry.SecretInfo{}
		list, ok := c.Extra["list"].([]any)
		if !ok {
			t.Fatalf("the list is %T", c.Extra["list"])
		}
		list[0] = "x"
		if diff := cmp.Diff(want, k.get(reg.Client.ID)); diff != "" {
			t.Fatalf("the registry has changed (-want +got):\n%s", diff)
		}
	}
}

// A record that cannot be read is an error, including one of a later version, whose new members would be lost.
func TestUnreadableRecords(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{}", "null", "[]", `{"format":2}`, `{"format":1,"new":true}`, `{"format":1`, `{"format":1}{}`, `{"format":1}x`} {
		memory := store.NewClients()
		if _, err := memory.Create(t.Context(), registry.Row{ID: "a", Name: "a", Version: 1, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
		k := newKit(t, registry.Config{Store: memory})
		_, got := k.Get(t.Context(), "a")
		_, listed := k.List(t.Context(), registry.Page{})
		_, updated := k.Update(t.Context(), "a", registry.Patch{Name: new("b")})
		_, authenticated := k.Authenticate(t.Context(), "a", "secret")
		for what, err := range map[string]error{"Get": got, "List": listed, "Update": updated, "Authenticate": authenticated} {
			if !errors.Is(err, registry.ErrUnavailable) {
				t.Errorf("%s of %s: %v, want ErrUnavailable", what, data, err)
			}
		}
	}
}

// A hash that cannot be read matches nothing, does not make a rejection cheaper, and does not affect other secrets.
func TestUnreadableHash(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{})
	id := reg.Client.ID
	other := k.rotate(id, time.Hour)
	row, _, err := k.store.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	row.Version++
	row.Data = []byte(strings.Replace(string(row.Data), "$pbkdf2-sha256$", "$pbkdf3-sha256$", 1)) // the newest is the first
	if _, err := k.store.Update(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if told := k.wantOut(id, other.Secret.Reveal()); told.Fault == nil || told.Rounds != rounds {
		t.Errorf("the hook received %+v", told)
	}
	if told := k.wantIn(id, reg.Secret.Reveal()); told.Fault == nil {
		t.Errorf("the hook received %+v", told)
	}
}

// A value that no client can have is not passed to the store, which might not support it.
func TestImpossibleTexts(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{Store: brokenStore{errors.New("down")}})
	for _, text := range []string{"a\x00b", "\xff", strings.Repeat("x", 256)} {
		listed, err1 := k.List(t.Context(), registry.Page{Owner: &text})
		named, err2 := k.ByName(t.Context(), text, registry.Page{})
		owned, err3 := k.ByName(t.Context(), "x", registry.Page{Owner: &text})
		if err := errors.Join(err1, err2, err3); err != nil || len(listed)+len(named)+len(owned) > 0 {
			t.Errorf("%q: %v", text, err)
		}
		k.wantOut("a\x00b", "secret")
	}
}

func TestStoreFails(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	broken := brokenStore{down}
	k := newKit(t, registry.Config{Store: broken})
	_, got := k.Get(t.Context(), "a")
	_, named := k.ByName(t.Context(), "a", registry.Page{})
	_, listed := k.List(t.Context(), registry.Page{})
	_, imported := k.Import(t.Context(), registry.Imported{ID: "a", NewClient: registry.NewClient{Name: "a"}})
	_, updated := k.Update(t.Context(), "a", registry.Patch{Name: new("b")})
	_, rotated := k.RotateSecret(t.Context(), "a", 0)
	_, authenticated := k.Authenticate(t.Context(), "a", "secret")
	for what, err := range map[string]error{
		"Get": got, "ByName": named, "List": listed, "Import": imported, "Update": updated, "RotateSecret": rotated,
		"Authenticate": authenticated, "Delete": k.Delete(t.Context(), "a"),
	} {
		if !errors.Is(err, registry.ErrUnavailable) || !errors.Is(err, down) || errors.Is(err, registry.ErrInvalidClient) {
			t.Errorf("%s: %v, want ErrUnavailable and the cause", what, err)
		}
	}
}

// brokenStore fails with err.
type brokenStore struct{ err error }

func (s brokenStore) Get(context.Context, string) (registry.Row, bool, error) {
	return registry.Row{}, false, s.err
}

func (s brokenStore) ByName(context.Context, string, *string, int, int) ([]registry.Row, error) {
	return nil, s.err
}

func (s brokenStore) List(context.Context, *string, int, int) ([]registry.Row, error) {
	return nil, s.err
}

func (s brokenStore) Create(context.Context, registry.Row) (bool, error) { return false, s.err }
func (s brokenStore) Update(context.Context, registry.Row) (bool, error) { return false, s.err }
func (s brokenStore) Delete(context.Context, string) (bool, error)       { return false, s.err }
