package store_test

import (
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/store"
)

// BenchmarkDenyList_Active measures the check of a token that has all the names under which it could be denied.
func BenchmarkDenyList_Active(b *testing.B) {
	issuer := newIssuer()
	token := verified(b, issuer, func(d *bearertest.Token) { d.Set("sid", "S1").Set("client_id", "C1").Set("jti", "J1") })
	list := store.DenyList{Storage: store.NewMemory(10)}
	if err := list.DenyToken(b.Context(), issuer.URL(), "another", time.Now().Add(time.Hour)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if active, err := list.Active(b.Context(), token); !active || err != nil {
			b.Fatal(active, err)
		}
	}
}
