package registry_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/registry"
	"github.com/bearerkit/bearerkit/store"
)

// replaceData stores another document for a client.
func (k *kit) replaceData(id, data string) {
	k.Helper()
	row, found, err := k.store.Get(k.Context(), id)
	if err != nil || !found {
		k.Fatalf("found %v, %v", found, err)
	}
	row.Version++
	row.Data = []byte(data)
	if done, err := k.store.Update(k.Context(), row); err != nil || !done {
		k.Fatalf("updated %v, %v", done, err)
	}
}

// document changes one member of a stored client. A nil value removes it.
func document(t *testing.T, data, member string, value any) string {
	t.Helper()
	var doc map[string]json.RawMessage
	if err := json.Unmarshal([]byte(data), &doc); err != nil {
		t.Fatal(err)
	}
	if doc = maps.Clone(doc); value == nil {
		delete(doc, member)
	} else {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		doc[member] = text
	}
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A stored record that would lose data, or change its meaning, is reported by every method and stays as it is.
func TestCaseX23_StoredRecordsLoseNothing(t *testing.T) {
	t.Parallel()
	null := json.RawMessage("null")
	change := func(member string, value any) func(*testing.T, string) string {
		return func(t *testing.T, data string) string { return document(t, data, member, value) }
	}
	replace := func(old, with string) func(*testing.T, string) string {
		return func(_ *testing.T, data string) string { return strings.Replace(data, old, with, 1) }
	}
	for name, spoil := range map[string]func(*testing.T, string) string{
		"confidential is missing":      change("confidential", nil), // the client would become public and lose its secrets
		"confidential is null":         change("confidential", null),
		"confidential is a text":       change("confidential", "true"),
		"public with secrets":          change("confidential", false),
		"secrets are null":             change("secrets", null),
		"secrets are an object":        change("secrets", map[string]any{}),
		"redirect_uris are a text":     change("redirect_uris", "https://a.example/"),
		"redirect_uris are empty":      change("redirect_uris", []string{}),
		"a redirect URI is null":       change("redirect_uris", []any{nil}),
		"flows hold a number":          change("flows", []any{1}),
		"created is missing":           change("created", nil),
		"created is null":              change("created", null),
		"extra is a list":              change("extra", []any{}),
		"extra is null":                change("extra", null),
		"extra has a large number":     change("extra", map[string]any{"n": json.RawMessage("9007199254740993")}),
		"extra has a repeated name":    change("extra", json.RawMessage(`{"a":1,"b":{"a":1,"a":2}}`)),
		"extra has another of a name":  change("extra", json.RawMessage(`{"b":[{"a":2,"a":2}]}`)),
		"an unknown member":            change("tenant", "acme"),
		"a member in another case":     replace(`"secrets"`, `"Secrets"`),
		"a repeated member":            replace(`"flows"`, `"flows":["password"],"flows"`),
		"a repeated member in a case":  replace(`"flows"`, `"FLOWS":["password"],"flows"`),
		"an unknown member of secrets": replace(`"hash"`, `"kind":"x","hash"`),
		"a secret that ends at zero":   replace(`"hash"`, `"not_after":"0001-01-01T00:00:00Z","hash"`), // case X4: read as "never"
		"another format":               change("format", 2),
		"no format":                    change("format", nil),
		"text after the document":      func(_ *testing.T, data string) string { return data + "{}" },
		"a list":                       func(*testing.T, string) string { return "[]" },
		"nothing":                      func(*testing.T, string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t, registry.Config{})
			reg := k.create(registry.NewClient{
				RedirectURIs: []string{"https://a.example/"}, Flows: nonePublic(), Extra: map[string]any{"a": "b"},
			})
			id := reg.Client.ID
			k.replaceData(id, spoil(t, k.data(id)))
			before := k.data(id)

			for method, err := range everyMethod(k, id, reg.Secret.Reveal()) {
				if !errors.Is(err, registry.ErrUnavailable) || errors.Is(err, registry.ErrInvalidClient) {
					t.Errorf("%s: %v, want ErrUnavailable", method, err)
				} else if strings.Contains(err.Error(), "pbkdf2") {
					t.Errorf("%s: the error contains a hash: %v", method, err)
				}
			}
			if after := k.data(id); after != before {
				t.Errorf("the record was changed to %s", after)
			}
		})
	}
}

// everyMethod calls each method that reads a stored client.
func everyMethod(k *kit, id, secret string) map[string]error {
	ctx, errs := k.Context(), make(map[string]error)
	_, errs["Get"] = k.Get(ctx, id)
	_, errs["List"] = k.List(ctx, registry.Page{})
	_, errs["ByName"] = k.ByName(ctx, "client", registry.Page{})
	_, errs["Authenticate"] = k.Authenticate(ctx, id, secret)
	_, errs["Update"] = k.Update(ctx, id, registry.Patch{Name: new("new")})
	_, errs["Update to public"] = k.Update(ctx, id, registry.Patch{Confidential: new(false)})
	_, errs["RotateSecret"] = k.RotateSecret(ctx, id, 0)
	_, errs["RevokeSecret"] = k.RevokeSecret(ctx, id, "x")
	return errs
}

// A column that stores JSON may change white space, the order of members, escapes, and how numbers are written.
func TestStoredRecordsInAnotherSpelling(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	reg := k.create(registry.NewClient{Extra: map[string]any{"a": "<é>", "n": 1e21, "x": -1.5, "list": []any{true, nil, "b"}}})
	id := reg.Client.ID
	data := document(t, k.data(id), "extra", json.RawMessage(`{ "x" : -1.50, "list": [true,null,"\u0062"],
		"n": 1000000000000000000000, "a": "\u003c\u00e9>" }`))
	k.replaceData(id, data)
	k.wantIn(id, reg.Secret.Reveal())
	if got := k.get(id); got.Extra["a"] != "<é>" || got.Extra["n"] != 1e21 || got.Extra["x"] != -1.5 {
		t.Errorf("Extra = %v", got.Extra)
	}
}

// mapStore is a Store whose nil value is not a pointer.
type mapStore map[string]registry.Store

func (m mapStore) Get(ctx context.Context, id string) (registry.Row, bool, error) {
	return m[""].Get(ctx, id)
}

func (m mapStore) ByName(ctx context.Context, name string, owner *string, skip, take int) ([]registry.Row, error) {
	return m[""].ByName(ctx, name, owner, skip, take)
}

func (m mapStore) List(ctx context.Context, owner *string, skip, take int) ([]registry.Row, error) {
	return m[""].List(ctx, owner, skip, take)
}

func (m mapStore) Create(ctx context.Context, row registry.Row) (bool, error) {
	return m[""].Create(ctx, row)
}

func (m mapStore) Update(ctx context.Context, row registry.Row) (bool, error) {
	return m[""].Update(ctx, row)
}

func (m mapStore) Delete(ctx context.Context, id string) (bool, error) { return m[""].Delete(ctx, id) }

func TestCaseX20_NilStore(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]registry.Store{
		"nil": nil, "a nil pointer": (*store.Clients)(nil), "a nil map": mapStore(nil),
	} {
		_, err := registry.New(registry.Config{Store: s})
		t.Run(name, func(t *testing.T) { wantFaults(t, err, "Config.Store") })
	}
}
