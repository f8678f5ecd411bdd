package storetest

import (
	"context"
	"strconv"
	"strings"
)

// created checks that all columns are stored.
func created(t *clientTest) {
	full := ClientRow{ID: "a", Name: "a client", Owner: "alice", Version: 1, Data: []byte(document)}
	t.create(full, row("b", "another", ""))
	t.wantStored(full)
	t.wantStored(row("b", "another", ""))
}

// document contains every type of JSON value, and characters that are often stored wrongly.
const document = `{"text":"Ünï 名前 🔑 \"\\\n\u2028\u003c%?$1","n":[0,-1,1.5,1e-7,1e21,9007199254740991],` +
	`"b":[true,false],"z":null,"none":{},"empty":[],"":""}`

// createdTwice checks that Create does not replace a row.
func createdTwice(t *clientTest) {
	first := row("a", "first", "alice")
	t.create(first)
	second := ClientRow{ID: "a", Name: "second", Owner: "bob", Version: 1, Data: []byte(`{"n":2}`)}
	if done, err := t.store.Create(t.Context(), second); done || err != nil {
		t.Errorf("the second Create = %v, %v, want false and no error", done, err)
	}
	t.wantStored(first)
	t.wantListed(nil, 0, 10, "a")
}

// missing checks that no method reports an error for a missing row, and that Update does not create one.
func missing(t *clientTest) {
	t.wantMissing("a")
	t.wantNamed("a", nil)
	t.wantListed(nil, 0, 10)
	t.update(ClientRow{ID: "a", Name: "a", Version: 1, Data: []byte(`{}`)}, false)
	t.update(ClientRow{ID: "a", Name: "a", Version: 2, Data: []byte(`{}`)}, false)
	t.remove("a", false)
	t.wantMissing("a")
}

// updated checks that Update replaces all columns, and changes no other row.
func updated(t *clientTest) {
	other := row("b", "other", "bob")
	t.create(row("a", "old", "alice"), other)
	next := ClientRow{ID: "a", Name: "new", Owner: "", Version: 2, Data: []byte(`{"list":["only"]}`)}
	t.update(next, true)
	t.wantStored(next)
	t.wantStored(other)
	next.Version, next.Owner, next.Data = 3, "carol", []byte(`{}`)
	t.update(next, true)
	t.wantStored(next)
}

// updatedFromElsewhere checks that Update changes nothing unless the stored version is one less. A registry relies on it
// to detect concurrent changes.
func updatedFromElsewhere(t *clientTest) {
	t.create(row("a", "first", ""))
	second := row("a", "second", "")
	second.Version = 2
	t.update(second, true)
	for _, version := range []int64{0, 1, 2, 4, 100} {
		stale := row("a", "stale", "")
		stale.Version = version
		t.update(stale, false)
	}
	t.wantStored(second)
}

// largeVersions checks that versions of 53 bits are stored and compared exactly.
func largeVersions(t *clientTest) {
	want := row("a", "client", "")
	want.Version = 1<<53 - 2
	t.create(want)
	t.wantStored(want)
	for _, low := range []int64{1 << 32, 1<<32 - 1, -1, 0} { // values that a column with fewer bits could store instead
		stale := want
		stale.Version = low
		t.update(stale, false)
	}
	want.Version++
	t.update(want, true)
	t.wantStored(want)
	t.update(want, false)
}

// updatedWhenGone checks that Update does not restore a deleted row.
func updatedWhenGone(t *clientTest) {
	t.create(row("a", "client", ""))
	t.remove("a", true)
	next := row("a", "client", "")
	next.Version = 2
	t.update(next, false)
	t.wantMissing("a")
}

// deleted checks that a deleted row is not found in any way, and that its id can be used again.
func deleted(t *clientTest) {
	other := row("b", "client", "alice")
	t.create(row("a", "client", "alice"), other)
	t.remove("a", true)
	t.wantMissing("a")
	t.wantNamed("client", nil, "b")
	t.wantListed(new("alice"), 0, 10, "b")
	t.wantStored(other)
	t.remove("a", false)
	t.create(row("a", "again", ""))
	t.wantStored(row("a", "again", ""))
}

// copies changes rows that were passed to the store or returned by it. The stored rows must not change.
func copies(t *clientTest) {
	want := row("a", "client", "")
	given := row("a", "client", "")
	t.create(given)
	spoil(given)
	t.wantStored(want)

	spoil(t.get("a"))
	t.wantStored(want)
	for _, find := range []func() ([]ClientRow, error){
		func() ([]ClientRow, error) { return t.store.ByName(t.Context(), "client", nil, 0, 10) },
		func() ([]ClientRow, error) { return t.store.List(t.Context(), nil, 0, 10) },
	} {
		rows, err := find()
		if err != nil || len(rows) != 1 {
			t.Fatalf("found %d, %v", len(rows), err)
		}
		spoil(rows[0])
		rows[0].Name = "spoilt"
		t.wantStored(want)
	}

	want.Version, given = 2, row("a", "client", "")
	given.Version = 2
	t.update(given, true)
	spoil(given)
	t.wantStored(want)
}

// spoil overwrites Data in place.
func spoil(row ClientRow) {
	for i := range row.Data {
		row.Data[i] = 'x'
	}
}

// byName checks that ByName selects by name and owner, and sorts by id. An owner of "" selects only rows without an
// owner.
func byName(t *clientTest) {
	t.create(row("3", "twin", "alice"), row("1", "twin", ""), row("2", "twin", "bob"), row("0", "other", "alice"))
	t.wantNamed("twin", nil, "1", "2", "3")
	t.wantNamed("twin", new(""), "1")
	t.wantNamed("twin", new("alice"), "3")
	t.wantNamed("twin", new("carol"))
	t.wantNamed("other", new("alice"), "0")
	t.wantNamed("nobody", nil)
	t.wantNamed("", nil)
}

// byNewName checks that ByName and List use the name and owner of the last Update.
func byNewName(t *clientTest) {
	t.create(row("a", "old", "alice"))
	next := row("a", "new", "bob")
	next.Version = 2
	t.update(next, true)
	t.wantNamed("old", nil)
	t.wantNamed("new", new("alice"))
	t.wantNamed("new", new("bob"), "a")
	t.wantListed(new("alice"), 0, 10)
	t.wantListed(new("bob"), 0, 10, "a")
}

// listed is byName for List.
func listed(t *clientTest) {
	t.create(row("3", "c", "alice"), row("1", "a", ""), row("2", "b", "bob"), row("0", "d", "alice"))
	t.wantListed(nil, 0, 10, "0", "1", "2", "3")
	t.wantListed(new(""), 0, 10, "1")
	t.wantListed(new("alice"), 0, 10, "0", "3")
	t.wantListed(new("carol"), 0, 10)
}

// pages checks skip and take of List, including pages beyond the end.
func pages(t *clientTest) {
	for _, id := range []string{"e", "c", "a", "b", "d"} {
		owner := "alice"
		if id == "c" {
			owner = "bob"
		}
		t.create(row(id, "client", owner))
	}
	t.wantListed(nil, 0, 2, "a", "b")
	t.wantListed(nil, 2, 2, "c", "d")
	t.wantListed(nil, 4, 2, "e")
	t.wantListed(nil, 5, 2)
	t.wantListed(nil, 100, 2)
	t.wantListed(nil, 0, 0)
	t.wantListed(new("alice"), 1, 2, "b", "d")
}

// namedPages is pages for ByName.
func namedPages(t *clientTest) {
	t.create(row("d", "twin", "bob"), row("b", "other", "alice"))
	t.create(row("c", "twin", "alice"), row("a", "twin", "alice"), row("e", "twin", "alice"))
	t.wantNamedPage("twin", nil, 0, 2, "a", "c")
	t.wantNamedPage("twin", nil, 2, 2, "d", "e")
	t.wantNamedPage("twin", nil, 3, 2, "e")
	t.wantNamedPage("twin", nil, 4, 2)
	t.wantNamedPage("twin", nil, 100, 2)
	t.wantNamedPage("twin", nil, 0, 0)
	t.wantNamedPage("twin", new("alice"), 1, 1, "c")
}

// exact checks that ids, names and owners are compared byte by byte, and that ids are sorted byte by byte. The two
// Unicode encodings of é are different texts.
func exact(t *clientTest) {
	t.create(row("ab", "Client", "Alice"), row("AB", "client", "alice"), row("B", "b", ""))
	t.create(row("aB", "client ", "alice "), row("ab ", "clíent", "alíce"))
	t.wantStored(row("ab", "Client", "Alice"))
	t.wantStored(row("aB", "client ", "alice "))
	t.wantMissing("Ab")
	t.wantMissing("AB ")
	t.wantNamed("client", nil, "AB")
	t.wantNamed("CLIENT", nil)
	t.wantNamed("client", new("ALICE"))
	t.wantListed(nil, 0, 10, "AB", "B", "aB", "ab", "ab ")
	t.wantListed(new("alice"), 0, 10, "AB")
	t.create(row("e1", "\u00e9", "\u00e9"), row("e2", "e\u0301", "e\u0301"))
	t.wantNamed("\u00e9", new("\u00e9"), "e1")
	t.wantNamed("e\u0301", nil, "e2")
	t.wantNamed("e", nil)
	t.remove("e1", true)
	t.remove("e2", true)
	t.remove("Ab", false)
	t.update(ClientRow{ID: "Ab", Name: "x", Version: 2, Data: []byte(`{}`)}, false)
	t.remove("ab", true)
	t.wantListed(nil, 0, 10, "AB", "B", "aB", "ab ")
}

// odd checks that texts are not interpreted as SQL or as patterns.
func odd(t *clientTest) {
	texts := []string{`'; DROP TABLE clients; --`, `%`, `_`, `\`, `"`, `$1`, `?`, `Ünï©ødé 名前 🔑`, strings.Repeat("x", 255)}
	for i, text := range texts {
		id := "id" + strconv.Itoa(i)
		t.create(ClientRow{ID: id, Name: text, Owner: text, Version: 1, Data: []byte(`{}`)})
		t.wantNamed(text, nil, id)
		t.wantListed(new(text), 0, 10, id)
	}
	t.create(row(`'"%_\ $1?`, "odd id", ""))
	t.wantStored(row(`'"%_\ $1?`, "odd id", ""))
	t.wantMissing(`%`)
}

// long checks ids and documents of the maximum size.
func long(t *clientTest) {
	big := row(strings.Repeat("i", 255), "long", "")
	big.Data = []byte(`{"long":"` + strings.Repeat("x", 64<<10) + `"}`)
	t.create(big)
	t.wantStored(big)
}

// endedContext checks that a call whose context has ended either returns an error or does its work. It must not report a
// missing row: a server would then reject the client instead of responding with 503.
func endedContext(t *clientTest) {
	want := row("a", "client", "")
	t.create(want)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, found, err := t.store.Get(ctx, "a"); err == nil && !found {
		t.Error("Get found nothing and returned no error")
	}
	if rows, err := t.store.ByName(ctx, "client", nil, 0, 10); err == nil && len(rows) != 1 {
		t.Errorf("ByName found %d and returned no error", len(rows))
	}
	if rows, err := t.store.List(ctx, nil, 0, 10); err == nil && len(rows) != 1 {
		t.Errorf("List found %d and returned no error", len(rows))
	}
	next := row("a", "next", "")
	next.Version = 2
	if done, err := t.store.Update(ctx, next); err == nil && !done {
		t.Error("Update did nothing and returned no error")
	} else if done {
		want = next
	}
	t.wantStored(want)
	if done, err := t.store.Create(ctx, row("b", "client", "")); err == nil && !done {
		t.Error("Create did nothing and returned no error")
	}
	if done, err := t.store.Delete(ctx, "a"); err == nil && !done {
		t.Error("Delete did nothing and returned no error")
	} else if done {
		t.wantMissing("a")
	}
}
