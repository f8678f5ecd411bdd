package redisstore_test

import (
	"context"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// The first proof after a loss begins the epochs of all shards, so that the time in which proofs are rejected passes once and
// not again for each shard.
func TestCaseG7_AllEpochsBeginTogether(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(t *testing.T, client *redis.Client){
		"nothing is lost": func(*testing.T, *redis.Client) {},
		"scripts":         func(t *testing.T, client *redis.Client) { do(t, client, "SCRIPT", "FLUSH") },
		"data":            func(t *testing.T, client *redis.Client) { do(t, client, "FLUSHALL") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client := newServer(t).client(t)
			s := newStore(t, client)
			epochs := func() map[string]string {
				found := make(map[string]string)
				keys, err := client.Keys(t.Context(), "*epoch*").Result()
				if err != nil {
					t.Fatal(err)
				}
				for _, key := range keys {
					if found[key], err = client.Get(t.Context(), key).Result(); err != nil {
						t.Fatal(err)
					}
				}
				return found
			}
			wantFirst(t, "the first proof", s, "key", "a")
			before := epochs()
			lose(t, client)
			wantFirst(t, "a later proof", s, "key", "b")
			after := epochs()
			if len(before) != 16 || len(after) != 16 {
				t.Fatalf("%d epochs before and %d after, want one for each of 16 shards", len(before), len(after))
			}
			for key, text := range before {
				if changed := after[key] > text; changed != (name != "nothing is lost") {
					t.Errorf("%s: %s became %s", key, text, after[key])
				}
			}
		})
	}
}

// On a busy machine, the time of a new epoch may have passed when Redis stores it. The store then tries a later one, at most three
// times, so that the first proof after a loss is not rejected.
func TestCaseG7_LateEpoch(t *testing.T) {
	t.Parallel()
	for late, works := range map[int]bool{0: true, 1: true, 2: true, 3: false} {
		t.Run(strconv.Itoa(late), func(t *testing.T) {
			t.Parallel()
			client := newServer(t).client(t)
			s := newStore(t, client)
			if err := s.Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			var left atomic.Int32
			client.AddHook(times(func(now time.Time) time.Time {
				if left.Add(-1) >= 0 {
					return now.Add(-2 * time.Second) // as if the next command took so long
				}
				return now
			}))
			do(t, client, "FLUSHALL")
			left.Store(int32(late))
			if works {
				wantFirst(t, "a proof after the loss", s, "key", "a")
			} else {
				wantError(t, "a proof after the loss", s)
			}
			wantFirst(t, "a later proof", s, "key", "b")
		})
	}
}

// If the scripts are lost, the epochs of all shards are replaced, also if the new epoch of one shard begins in the same millisecond as
// the old one of the next shard.
func TestCaseG7_EpochsOfTheSameMillisecond(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	first, calls := time.Now().Add(time.Hour), 0
	client.AddHook(times(func(time.Time) time.Time {
		calls++
		if calls <= 16 {
			return first.Add(time.Duration(calls) * time.Millisecond)
		}
		return first // so that a new epoch begins one millisecond after the old one
	}))
	s := newStore(t, client)
	epochs := func() []any {
		if err := s.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		keys := client.Keys(t.Context(), "*epoch*").Val()
		slices.Sort(keys)
		return client.MGet(t.Context(), keys...).Val()
	}
	before := epochs()
	do(t, client, "SCRIPT", "FLUSH")
	after := epochs()
	if len(before) != 16 || len(after) != 16 {
		t.Fatalf("%d epochs before and %d after, want one for each of 16 shards", len(before), len(after))
	}
	for i := range before {
		if before[i] == after[i] {
			t.Errorf("the epoch %v was not replaced", before[i])
		}
	}
}

// times is a hook that changes the replies to TIME.
type times func(now time.Time) time.Time

func (times) DialHook(next redis.DialHook) redis.DialHook { return next }
func (times) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (change times) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		if reply, ok := cmd.(*redis.TimeCmd); ok {
			reply.SetVal(change(reply.Val()))
		}
		return err
	}
}
