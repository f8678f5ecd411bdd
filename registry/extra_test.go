package registry_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/registry"
)

func nested(depth int) map[string]any {
	v := map[string]any{}
	for range depth {
		v = map[string]any{"x": v}
	}
	return v
}

// Extra is returned unchanged by Create and later calls, also after other changes.
func TestExtra(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for name, tt := range map[string]struct{ given, want any }{
		"text":      {"Ünï 名前 🔑 <&>\u2028\n\\ufffd", "Ünï 名前 🔑 <&>\u2028\n\\ufffd"},
		"integer":   {int64(1<<53 - 1), float64(1<<53 - 1)},
		"big":       {int64(1e18), 1e18},
		"fraction":  {0.1, 0.1},
		"small":     {5e-324, 5e-324},
		"large":     {math.MaxFloat64, math.MaxFloat64},
		"number":    {json.Number("12.5"), 12.5},
		"list":      {[]string{"a", ""}, []any{"a", ""}},
		"struct":    {struct{ B, A int }{1, 2}, map[string]any{"A": 2.0, "B": 1.0}},
		"document":  {json.RawMessage(` {"b": [null, true], "a": {}} `), map[string]any{"a": map[string]any{}, "b": []any{nil, true}}},
		"null":      {nil, nil},
		"level 32":  {nested(30), any(nested(30))},
		"long text": {strings.Repeat("x", 16<<10-8), strings.Repeat("x", 16<<10-8)},
	} {
		reg := k.create(registry.NewClient{Extra: map[string]any{"x": tt.given}})
		want := map[string]any{"x": tt.want}
		if diff := cmp.Diff(want, reg.Client.Extra); diff != "" {
			t.Errorf("%s: created (-want +got):\n%s", name, diff)
		}
		k.update(reg.Client.ID, registry.Patch{Name: new("new")})
		if diff := cmp.Diff(want, k.get(reg.Client.ID).Extra); diff != "" {
			t.Errorf("%s: stored (-want +got):\n%s", name, diff)
		}
		k.update(reg.Client.ID, registry.Patch{Extra: k.get(reg.Client.ID).Extra})
		if diff := cmp.Diff(want, k.get(reg.Client.ID).Extra); diff != "" {
			t.Errorf("%s: stored again (-want +got):\n%s", name, diff)
		}
	}
}

// Data that would change, or make the client unreadable, is rejected before anything is stored.
func TestExtra_Rejected(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	cyclic := map[string]any{}
	cyclic["x"] = cyclic
	reg := k.create(registry.NewClient{})
	before := k.data(reg.Client.ID)
	for name, value := range map[string]any{
		"function":         func() {},
		"infinity":         math.Inf(1),
		"cycle":            cyclic,
		"integer":          int64(1<<53 + 1),
		"unsigned":         uint64(math.MaxUint64),
		"huge number":      json.Number("1e999"),
		"many digits":      json.Number("0.12345678901234567890"),
		"no number":        json.Number("x"),
		"not UTF-8":        "a\xff",
		"NUL":              "a\x00",
		"name not UTF-8":   map[string]any{"\xc3\x28": 1},
		"name with NUL":    []any{map[string]any{"\x00": 1}},
		"half a pair":      json.RawMessage(`"\ud800"`),
		"deep":             nested(31),
		"deep list":        json.RawMessage(strings.Repeat("[", 33) + strings.Repeat("]", 33)),
		"too deep to read": json.RawMessage(strings.Repeat("[", 8000) + strings.Repeat("]", 8000)),
		"long":             strings.Repeat("x", 16<<10-7),
	} {
		extra := map[string]any{"x": value}
		_, created := k.Create(t.Context(), registry.NewClient{Name: "x", Extra: extra})
		wantFaults(t, created, "Extra")
		_, imported := k.Import(t.Context(), registry.Imported{ID: "x", NewClient: registry.NewClient{Name: "x", Extra: extra}})
		wantFaults(t, imported, "Extra")
		_, updated := k.Update(t.Context(), reg.Client.ID, registry.Patch{Extra: extra})
		wantFaults(t, updated, "Extra")
		if all, err := k.List(t.Context(), registry.Page{}); len(all) != 1 || err != nil || k.data(reg.Client.ID) != before {
			t.Fatalf("%s: %d clients, %v", name, len(all), err)
		}
	}
}

// A client with the maximum of all data can still be rotated, used and changed. Its row does not exceed the documented size.
func TestExtra_FullRecord(t *testing.T) {
	t.Parallel()
	uris := make([]string, 15)
	for i := range uris {
		uris[i] = "https://a.example/" + strings.Repeat("x", 2000) + strings.Repeat("y", i)
	}
	most := registry.HashParams{Iterations: 1000, Digest: "sha512", KeyLength: 128, SaltLength: 128}
	k := newKit(t, registry.Config{MaxSecrets: 16, Hash: most})
	reg := k.create(registry.NewClient{RedirectURIs: uris, Extra: map[string]any{"x": strings.Repeat("x", 16<<10-8)}})
	for range 15 {
		k.rotate(reg.Client.ID, 1e15)
	}
	k.wantIn(reg.Client.ID, reg.Secret.Reveal())
	if n := len(k.data(reg.Client.ID)); n > 64<<10 || n < 48<<10 {
		t.Errorf("the record has %d bytes", n)
	}
	_, err := k.Update(t.Context(), reg.Client.ID, registry.Patch{RedirectURIs: append(uris, "https://a.example/"+strings.Repeat("&", 500))})
	wantFaults(t, err, "RedirectURIs")
}
