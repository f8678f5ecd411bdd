package benchmarks_test

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/testkit/engine"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// BenchmarkReplay measures how long it takes to record a used proof: in memory, and in a Redis server on this machine. For
// Redis, the commands take turns with a bare SET NX PX through the same client, so that a machine that is slow for a while is
// slow for both. It reports the medians and their ratio. With 8 callers, as in a server, the ratio may be at most 1.2. With one
// caller and no network it is higher, because a script takes Redis a few microseconds longer. Without redis-server it skips
// Redis.
func BenchmarkReplay(b *testing.B) {
	b.Run("store=memory", func(b *testing.B) {
		replays, n := store.NewReplays(1_000_000), 0
		from, until := time.Now(), time.Now().Add(time.Second)
		b.ReportAllocs()
		for b.Loop() {
			n++
			id := strconv.Itoa(n)
			if first, err := replays.Mark(b.Context(), id, id, from, until.Add(time.Duration(n)*time.Microsecond)); !first || err != nil {
				b.Fatal(first, err)
			}
		}
	})
	for _, callers := range []int{1, 8} {
		b.Run("store=redis/callers="+strconv.Itoa(callers), func(b *testing.B) { benchmarkRedis(b, callers) })
	}
}

// benchmarkRedis records proofs in callers goroutines at the same time.
func benchmarkRedis(b *testing.B, callers int) {
	o := must(redis.ParseURL(engine.Start(b, engine.Redis, engine.Options{}).Database(b)))(b)
	o.ContextTimeoutEnabled = true
	client := redis.NewClient(o)
	defer func() { _ = client.Close() }()
	s := must(redisstore.New(redisstore.Config{Client: client}))(b)
	if err := s.Check(b.Context()); err != nil {
		b.Fatal(err)
	}
	from := time.Now().Add(time.Hour)
	bare := func(ctx context.Context, id string) (bool, error) {
		return client.SetNX(ctx, "bare:"+id, "1", 2*time.Minute).Result()
	}
	mark := func(ctx context.Context, id string) (bool, error) {
		return s.Mark(ctx, "key", id, from, from.Add(2*time.Minute))
	}
	type pair struct{ bare, mark []time.Duration }
	results := make(chan pair)
	each := b.N/callers + 1
	b.ResetTimer()
	for c := range callers {
		go func() {
			var p pair
			for n := range each {
				id := strconv.Itoa(c) + "-" + strconv.Itoa(n)
				p.bare = append(p.bare, timed(b, bare, id))
				p.mark = append(p.mark, timed(b, mark, id))
			}
			results <- p
		}()
	}
	var all pair
	for range callers {
		p := <-results
		all.bare, all.mark = append(all.bare, p.bare...), append(all.mark, p.mark...)
	}
	slices.Sort(all.bare)
	slices.Sort(all.mark)
	middle := len(all.bare) / 2
	b.ReportMetric(float64(all.bare[middle]), "bare-ns")
	b.ReportMetric(float64(all.mark[middle]), "mark-ns")
	b.ReportMetric(float64(all.mark[middle])/float64(all.bare[middle]), "ratio")
}

// timed returns how long f takes. Its context ends after a second, as the one of a Guard does.
func timed(b *testing.B, f func(ctx context.Context, id string) (bool, error), id string) time.Duration {
	ctx, cancel := context.WithTimeout(b.Context(), time.Second)
	defer cancel()
	start := time.Now()
	if first, err := f(ctx, id); !first || err != nil {
		b.Error(first, err)
	}
	return time.Since(start)
}
