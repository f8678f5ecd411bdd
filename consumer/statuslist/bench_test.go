package statuslist_test

import (
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/statuslist"
)

// A look-up in a list that was fetched allocates nothing.
func TestActiveDoesNotAllocate(t *testing.T) { //nolint:paralleltest // allocations are counted
	w := newWorld(t, 1, nil)
	w.list.Set(1, 1)
	for index, want := range []bool{true, false} {
		token, err := consumer.NewToken(w.issuer.URL(), claims(t, w.list.Claim(index)))
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		got := testing.AllocsPerRun(100, func() {
			if active, err := w.lists.Active(ctx, token); err != nil || active != want {
				t.Errorf("%v, %v, want %v", active, err, want)
			}
		})
		if got != 0 {
			t.Errorf("%v allocations, want none", got)
		}
	}
}

// BenchmarkActive compares a look-up with its parts, and a request with a cached token with and without it.
func BenchmarkActive(b *testing.B) {
	w := newWorld(b, 1, func(c *statuslist.Config) { c.MaxTTL = 24 * time.Hour })
	w.list.Edit(claim("ttl", 86_400))
	raw := w.lasting(3)
	token, err := w.consumer.Verify(b.Context(), raw)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("bit", func(b *testing.B) {
		statuses, index := make([]byte, 1<<17), uint(123_456)
		for b.Loop() {
			if statuses[index/8]>>(index%8)&1 != 0 {
				b.Fatal("set")
			}
		}
	})
	b.Run("lookup", func(b *testing.B) {
		ctx := b.Context()
		b.ReportAllocs()
		for b.Loop() {
			if ok, err := w.lists.Active(ctx, token); err != nil || !ok {
				b.Fatal(err)
			}
		}
	})
	b.Run("lookup_parallel", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			ctx := b.Context()
			for pb.Next() {
				if ok, err := w.lists.Active(ctx, token); err != nil || !ok {
					b.Error(err)
				}
			}
		})
	})
	for name, status := range map[string]consumer.TokenStatus{"request": w.lists, "request_without": nil} {
		c := newConsumer(b, w.issuer, status)
		b.Run(name, func(b *testing.B) {
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Verify(ctx, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
