package redisstore_test

import (
	"testing"

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
				for _, key := range client.Keys(t.Context(), "*epoch*").Val() {
					found[key] = client.Get(t.Context(), key).Val()
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
