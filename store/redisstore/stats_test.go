package redisstore_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/redisstore"
)

// removing is a cache from which each drop removes two entries.
type removing struct{}

func (*removing) Drop(func(store.Token) bool) int { return 2 }

// The statistics of Watch show a change that another process has published.
func TestWatchStats_Changes(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := server.client(t)
	here, there := newStore(t, client), newStore(t, server.client(t), often)
	if got := there.WatchStats(); got != (store.WatchStats{}) {
		t.Errorf("before the call: %+v", got)
	}
	watch(t, there, client, new(removing))
	before := there.WatchStats()
	if before.Running != 1 || before.LastSuccess.IsZero() || before.Purges.Started == 0 || before.Removed == 0 || before.LastError != nil {
		t.Errorf("after the start: %+v", before)
	}
	if err := (store.DenyList{Storage: here}).DenyToken(t.Context(), issuerURL, "a", time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	denied := time.Now()
	eventually(t, "the change is counted", func() bool {
		s := there.WatchStats()
		return s.Changes == before.Changes+1 && s.Removed >= before.Removed+2
	})
	// Behind means that everything before now - Behind has taken effect.
	eventually(t, "the caches are not behind the change", func() bool { return there.WatchStats().Behind < time.Since(denied) })
}

// Each purge is counted under its cause.
func TestWatchStats_Purges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lose  func(t *testing.T, s *redisstore.Store, server *server, client *redis.Client)
		count func(p store.Purges) uint64
	}{
		"a message is lost": {func(t *testing.T, _ *redisstore.Store, _ *server, client *redis.Client) {
			t.Helper()
			do(t, client, "INCR", "{bearerkit:3}:version")
		}, func(p store.Purges) uint64 { return p.Missed }},
		"a message cannot be read": {func(t *testing.T, s *redisstore.Store, _ *server, client *redis.Client) {
			t.Helper()
			do(t, client, "PUBLISH", s.Channel(), "?")
		}, func(p store.Purges) uint64 { return p.Missed }},
		"the connection breaks": {func(t *testing.T, _ *redisstore.Store, _ *server, client *redis.Client) {
			t.Helper()
			do(t, client, "CLIENT", "KILL", "TYPE", "pubsub")
		}, func(p store.Purges) uint64 { return p.Interrupted }},
		"Redis is emptied": {func(t *testing.T, _ *redisstore.Store, _ *server, client *redis.Client) {
			t.Helper()
			do(t, client, "FLUSHALL")
		}, func(p store.Purges) uint64 { return p.Lost }},
		"Redis is down": {func(_ *testing.T, _ *redisstore.Store, server *server, _ *redis.Client) {
			server.kill()
		}, func(p store.Purges) uint64 { return p.Silent }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := newServer(t)
			client := server.client(t)
			s := newStore(t, client, often, func(c *redisstore.Config) { c.Timeout, c.MaxSilence = time.Second, time.Second })
			if err := newStore(t, client).Delete(t.Context(), "key"); err != nil { // so that FLUSHALL loses something
				t.Fatal(err)
			}
			watch(t, s, client, new(removing))
			if got := test.count(s.WatchStats().Purges); got != 0 {
				t.Fatalf("%d purges before", got)
			}
			test.lose(t, s, server, client)
			eventually(t, "the purge is counted", func() bool { return test.count(s.WatchStats().Purges) > 0 })
		})
	}
}

// While Redis cannot be reached, failures are counted and Behind grows. Afterwards both are as before.
func TestWatchStats_Failures(t *testing.T) {
	t.Parallel()
	server := newServer(t)
	client := server.client(t)
	s := newStore(t, client, often, func(c *redisstore.Config) { c.Timeout = 200 * time.Millisecond })
	watch(t, s, client, new(removing))
	server.kill()
	eventually(t, "failures are counted", func() bool { return s.WatchStats().ConsecutiveFailures > 1 })
	during := s.WatchStats()
	if during.Failures < 2 || during.LastError == nil {
		t.Errorf("during the outage: %+v", during)
	}
	eventually(t, "Behind grows", func() bool { return s.WatchStats().Behind > during.Behind })
	server.start(t)
	eventually(t, "Redis is read again", func() bool { return s.WatchStats().ConsecutiveFailures == 0 })
	eventually(t, "the caches are up to date", func() bool { return s.WatchStats().Behind < during.Behind })
	if after := s.WatchStats(); after.LastError != nil || !after.LastSuccess.After(during.LastSuccess) {
		t.Errorf("after the outage: %+v", after)
	}
}

// Behind is never shorter than the time since a change that has not taken effect. With rare polls, it is that of the last poll.
func TestWatchStats_BehindIsNotTooShort(t *testing.T) {
	t.Parallel()
	client := newServer(t).client(t)
	s := newStore(t, client, seldom)
	watched := time.Now()
	go func() { _ = s.Watch(t.Context(), new(removing)) }()
	eventually(t, "Watch has started", func() bool { return s.WatchStats().LastSuccess.After(watched) })
	do(t, client, "INCR", "{bearerkit:3}:version") // a change whose message is lost
	lost := time.Now()
	pause(t)
	if got, least := s.WatchStats().Behind, time.Since(lost); got < least {
		t.Errorf("Behind is %v, but a change of %v ago has not taken effect", got, least)
	}
}
