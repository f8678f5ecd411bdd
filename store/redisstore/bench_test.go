package redisstore_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store"
)

// benchToken has all the names under which a token can be denied.
type benchToken struct{}

func (benchToken) ID() string          { return "J1" }
func (benchToken) Issuer() string      { return issuerURL }
func (benchToken) Subject() string     { return "alice" }
func (benchToken) IssuedAt() time.Time { return time.Now() }
func (benchToken) Expiry() time.Time   { return time.Now().Add(time.Hour) }
func (benchToken) Claim(name string) (any, bool) {
	return map[string]any{"sid": "S1", "client_id": "C1"}[name], name == "sid" || name == "client_id"
}

// BenchmarkActive compares the check of a token with bare GETs, in turns. Both have a timeout. The metric "x-bare" is the ratio
// of the medians.
func BenchmarkActive(b *testing.B) {
	client := newServer(b).client(b)
	s := newStore(b, client)
	get := func(ctx context.Context) error { return ignoreNil(client.Get(ctx, "unknown").Err()) }
	pipeline := func(ctx context.Context) error {
		_, err := client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i := range store.MaxKeys {
				p.Get(ctx, "unknown"+strconv.Itoa(i))
			}
			return nil
		})
		return ignoreNil(err)
	}
	for _, bench := range []struct {
		name   string
		bare   func(context.Context) error
		status store.Status
	}{
		{"PersistedTokens with 1 key to GET", get, store.PersistedTokens{Storage: s}},
		{"DenyList with 5 keys to a pipeline of 5 GET", pipeline, store.DenyList{Storage: s}},
		{"DenyList with 5 keys to GET", get, store.DenyList{Storage: s}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			compare(b, func(ctx context.Context) error {
				ctx, cancel := context.WithTimeout(ctx, time.Second)
				defer cancel()
				return bench.bare(ctx)
			}, func(ctx context.Context) error {
				_, err := bench.status.Active(ctx, benchToken{})
				return err
			})
		})
	}
}

func ignoreNil(err error) error {
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// compare calls both functions in turns and reports the medians of their times.
func compare(b *testing.B, bare, kit func(context.Context) error) {
	b.Helper()
	var times [2][]time.Duration
	for b.Loop() {
		for i, f := range []func(context.Context) error{bare, kit} {
			start := time.Now()
			if err := f(b.Context()); err != nil {
				b.Fatal(err)
			}
			times[i] = append(times[i], time.Since(start))
		}
	}
	slices.Sort(times[0])
	slices.Sort(times[1])
	bareTime, kitTime := times[0][len(times[0])/2], times[1][len(times[1])/2]
	b.ReportMetric(float64(bareTime.Nanoseconds()), "bare-ns")
	b.ReportMetric(float64(kitTime.Nanoseconds()), "kit-ns")
	b.ReportMetric(float64(kitTime)/float64(bareTime), "x-bare")
}
