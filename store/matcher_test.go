package store_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/store"
)

// Matcher finds a token by each of its keys, alone and together with others, and by no key of another token.
func TestMatcher(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	tokens := map[string]store.Token{
		"all names":   verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", "J1").Set("sid", "S1").Set("sub", "U1").Set("client_id", "C1") }),
		"others":      verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", "J2").Set("sid", "S2").Set("sub", "U2").Set("client_id", "C2") }),
		"swapped":     verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", "U1").Set("sid", "J1").Set("sub", "C1").Set("client_id", "S1") }),
		"few names":   verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", bearertest.Absent).Set("client_id", "C1") }),
		"same client": verified(t, issuer, func(d *bearertest.Token) { d.Set("jti", "J3").Set("client_id", "C1") }),
	}
	var all []string
	for _, token := range tokens {
		all = append(all, store.KeysOf(token)...)
	}
	sets := []map[string]struct{}{{}, {"": {}}, {"deny:jti:": {}}, {"other:": {}}}
	for _, key := range all {
		sets = append(sets, map[string]struct{}{key: {}}, map[string]struct{}{key: {}, all[0]: {}, "other:x": {}})
	}
	for name, token := range tokens {
		for _, set := range sets {
			want := slices.ContainsFunc(store.KeysOf(token), func(key string) bool { _, ok := set[key]; return ok })
			if got := store.Matcher(set)(token); got != want {
				t.Errorf("%s: Matcher(%v) is %v, want %v", name, slices.Sorted(maps.Keys(set)), got, want)
			}
		}
	}
}

// BenchmarkMatcher measures a pass over a cache, for one token. The keys are those of a single token, and of all kinds.
func BenchmarkMatcher(b *testing.B) {
	issuer := newIssuer()
	token := verified(b, issuer, func(d *bearertest.Token) { d.Set("sid", "S1").Set("client_id", "C1").Set("jti", "J1") })
	other, err := consumer.NewToken(issuer.URL(), []byte(`{"jti":"J2","sid":"S2","sub":"U2","client_id":"C2"}`))
	if err != nil {
		b.Fatal(err)
	}
	keys := make(map[string]struct{})
	for i, key := range store.KeysOf(other) {
		keys[key] = struct{}{}
		if i > 0 && i < store.MaxKeys-1 {
			continue
		}
		match := store.Matcher(maps.Clone(keys))
		b.Run(map[int]string{0: "one kind", store.MaxKeys - 1: "all kinds"}[i], func(b *testing.B) {
			for b.Loop() {
				if match(token) {
					b.Fatal("matched")
				}
			}
		})
	}
}
