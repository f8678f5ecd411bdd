package redisstore

import (
	"context"
	"errors"
	"log/slog"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
)

// poll compares the numbers of changes in Redis with those of the messages.
func (w *watcher) poll(ctx context.Context) {
	limited, cancel := w.store.limited(ctx)
	defer cancel()
	began := clock.Now()
	versions, err := w.store.versions(limited)
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.stats.Failed(err)
		w.silent(ctx, err)
		return
	}
	w.stats.Read()
	w.reached = clock.Now()
	w.compare(ctx, versions)
	w.cover(began)
	w.checks.Start(w.renewed || w.polls%checkPolls == 0, func() { w.check(ctx) })
	w.renewed = false
	w.polls++
}

// compare notes whether messages were lost. A message may still be on its way when its change is counted, so it counts as lost
// one poll later. After a new subscription it counts as lost at once.
func (w *watcher) compare(ctx context.Context, versions map[string]int64) {
	for name, c := range w.counts {
		version := versions[name]
		switch {
		case version < c.seen: // a count never decreases unless Redis has lost data
			w.store.cfg.Logger.LogAttrs(ctx, slog.LevelError, "redisstore: Redis has lost changes: denied tokens may be accepted again")
			w.miss(watching.Lost)
			c.seen = version
		case w.renewed:
			w.miss(w.interruption())
			c.seen = version
		case c.seen < c.polled:
			w.miss(watching.Missed)
			c.seen = version
		}
		c.polled = version
	}
}

// interruption returns why the subscription is new.
func (w *watcher) interruption() watching.Cause {
	if w.polls == 0 {
		return watching.Started
	}
	return watching.Interrupted
}

// cover sets covered after a successful poll that began at the given time. When Redis counts a change, its message may not have
// arrived yet. So only the messages of the changes that the previous poll has counted are known to have arrived. After a new
// subscription, everything is dropped, so the changes up to this poll have taken effect.
func (w *watcher) cover(began clock.Instant) {
	w.covered = w.polled
	if w.renewed {
		w.covered = began
	}
	w.polled = began
}

// silent logs that Redis cannot be reached. After Config.MaxSilence, all tokens are dropped.
func (w *watcher) silent(ctx context.Context, err error) {
	age := w.reached.Age()
	w.store.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "redisstore: Redis cannot be reached", slog.Duration("for", age), slog.Any("error", err))
	if age >= w.store.cfg.MaxSilence {
		w.miss(watching.Silent)
	}
}

// check repeats the check of the servers, whose settings may have changed. After a restart of Redis it begins new epochs, so
// that proofs are accepted again sooner than if the next proof began them.
func (w *watcher) check(ctx context.Context) {
	if err := w.store.Check(ctx); err != nil && ctx.Err() == nil {
		w.store.cfg.Logger.LogAttrs(ctx, slog.LevelError, "redisstore: the check of the servers failed", slog.Any("error", err))
	}
}

// versions reads the number of changes of each shard.
func (s *Store) versions(ctx context.Context) (map[string]int64, error) {
	replies := make(map[string]*redis.StringCmd, numShards)
	_, err := s.cfg.Client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i := range s.shards {
			name := s.shards[i].version
			replies[name] = pipe.Get(ctx, name)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, err
	}
	versions := make(map[string]int64, numShards)
	for name, reply := range replies {
		version, err := reply.Int64()
		if err != nil && !errors.Is(err, redis.Nil) {
			return nil, err
		}
		versions[name] = version
	}
	return versions, nil
}
