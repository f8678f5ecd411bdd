package sqlstore

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/watching"
	"github.com/bearerkit/bearerkit/store"
)

// Cache is a cache of verified tokens. *consumer.Consumer, *consumer.Group and the Verifier of package
// consumer/introspection implement it.
type Cache interface {
	// Drop removes what it has cached for tokens for which match returns true, or everything if match is nil.
	Drop(match func(store.Token) bool) int
}

const checkPolls = 60 // polls between two checks of the database

// Watch removes tokens from the caches when any process changes their entries: when it denies a token, a session, a subject or
// a client, or deletes a stored token. It returns nil when ctx ends, and an error if no cache is given or one of them is nil.
// Call it in a goroutine of its own.
//
// The transaction that changes an entry also adds its key to a table. Watch reads this table every Config.PollInterval. So while
// all reads succeed, a change takes effect in all processes at most PollInterval and Config.Timeout after it was saved, or twice
// Timeout if that is longer. In the process that changes the entry, it takes effect within about 100 ms. Both times are longer by
// the rest of a pause: a pause of 100 ms follows each pass over the caches. With large caches, passes take longer, and so do the
// pauses, up to one second. A read that fails adds at most the longer one of PollInterval and Timeout.
//
// No change that was acknowledged is missed, in whichever order the transactions commit. If Watch cannot determine which entries
// have changed, it removes everything from the caches. It does so
//   - when it starts,
//   - if [Store.Run] has removed changes before Watch read them,
//   - if there are more than 10 000 changes in one interval,
//   - if the server of the database was restarted or another one has taken over,
//   - if the database has lost changes.
//
// It then removes everything once more 11 s later. In PostgreSQL and MariaDB, a change that was being saved the first time may take
// effect only then.
//
// If the database cannot be read for Config.MaxSilence, Watch removes everything at each interval. All tokens are then verified
// again, and if their status cannot be read, the API responds with 503.
//
// [Store.WatchStats] says whether Watch works.
func (s *Store) Watch(ctx context.Context, caches ...Cache) error {
	passes, err := watching.NewPasses("sqlstore", caches)
	if err != nil {
		return err
	}
	defer passes.Stop()
	w := newWatcher(s, passes)
	defer w.stats.End()
	s.watchers.add(w.wake)
	defer s.watchers.remove(w.wake)
	w.run(ctx)
	return nil
}

// WatchStats returns the current statistics of Watch. It is safe for concurrent use.
func (s *Store) WatchStats() store.WatchStats { return s.watches.Stats() }

// watchers are the calls of Watch of one Store. Each has a channel with room for one element.
type watchers struct {
	mu    sync.Mutex // guards wakes
	wakes map[chan struct{}]struct{}
}

func (w *watchers) add(wake chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.wakes == nil {
		w.wakes = make(map[chan struct{}]struct{})
	}
	w.wakes[wake] = struct{}{}
}

func (w *watchers) remove(wake chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.wakes, wake)
}

// changed lets all watchers poll, because this process has changed an entry.
func (w *watchers) changed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for wake := range w.wakes {
		select {
		case wake <- struct{}{}:
		default: // it is about to poll
		}
	}
}

// watcher is one call of Watch. All its methods except check run in one goroutine.
type watcher struct {
	store  *Store
	passes *watching.Passes
	stats  *watching.Call
	wake   chan struct{}
	checks watching.Checks

	log     position
	pending map[string]struct{} // keys whose tokens must be dropped
	purge   watching.Cause      // why all tokens must be dropped
	reached clock.Instant       // when the last poll succeeded
	covered clock.Instant       // all changes before this were read, or purge is set
	polls   int
}

func newWatcher(s *Store, passes *watching.Passes) *watcher {
	w := &watcher{
		store: s, passes: passes, stats: s.watches.Begin(), wake: make(chan struct{}, 1), pending: make(map[string]struct{}),
		reached: clock.Now(),
	}
	w.covered = w.reached
	return w
}

// run polls and drops until ctx ends.
func (w *watcher) run(ctx context.Context) {
	defer w.checks.Wait()
	ticks := time.NewTicker(w.store.cfg.PollInterval)
	defer ticks.Stop()
	w.poll(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.wake:
			w.passes.Schedule() // a poll would be too early: the pause must end before its drop
		case <-w.passes.Due():
			w.poll(ctx)
		case <-ticks.C:
			w.poll(ctx)
		}
	}
}

// poll reads the changes and drops the tokens of their keys.
func (w *watcher) poll(ctx context.Context) {
	limited, cancel := w.store.limited(ctx)
	defer cancel()
	began := clock.Now()
	changes, err := w.store.readChanges(limited, w.log.floor())
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		w.silent(ctx, w.store.failed(ctx, "Watch", err))
	} else {
		w.stats.Read()
		w.reached, w.covered = clock.Now(), began
		w.take(ctx, changes)
		w.polls++
		w.checks.Start(w.polls%checkPolls == 1, func() { w.check(ctx) })
	}
	if w.passes.Paused() { // after a long pass
		w.passes.Schedule()
		return
	}
	w.drop()
}

// take adds the keys of new changes to the pending ones.
func (w *watcher) take(ctx context.Context, changes changes) {
	keys, cause := w.log.advance(changes, time.Now())
	w.stats.Changed(len(keys))
	for _, key := range keys {
		w.pending[key] = struct{}{}
	}
	if cause == watching.Lost && !w.log.hasCaughtUp() { // the second purge has the same cause
		w.store.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sqlstore: the database has lost changes: denied tokens may be accepted again")
	}
	w.miss(cause)
	if len(w.pending) > watching.MaxPending {
		w.miss(watching.Flood)
	}
}

// miss notes that all tokens must be dropped, unless the cause is None.
func (w *watcher) miss(cause watching.Cause) { w.purge = max(w.purge, cause) }

// silent logs that the database cannot be used. After Config.MaxSilence, all tokens are dropped.
func (w *watcher) silent(ctx context.Context, err error) {
	w.stats.Failed(err)
	age := w.reached.Age()
	w.store.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sqlstore: the changes cannot be read", slog.Duration("for", age), slog.Any("error", err))
	if age >= w.store.cfg.MaxSilence {
		w.miss(watching.Silent)
	}
}

// check repeats the check of the database, whose settings may have changed. After a restart of the server it begins a new
// epoch, so that proofs are accepted again sooner than if the next proof began it.
func (w *watcher) check(ctx context.Context) {
	if err := w.store.Check(ctx); err != nil && ctx.Err() == nil {
		w.store.cfg.Logger.LogAttrs(ctx, slog.LevelError, "sqlstore: the check of the database failed", slog.Any("error", err))
	}
}

// drop removes the tokens of the pending keys from the caches, or all tokens if a change may have been missed. It records how far
// the caches are up to date then. The next drop may begin after a pause.
func (w *watcher) drop() {
	keys, cause := w.pending, w.purge
	if len(keys) > 0 || cause != watching.None {
		w.pending, w.purge = make(map[string]struct{}), watching.None
		removed := 0
		if cause == watching.None {
			removed = w.passes.Drop(keys)
		} else {
			removed = w.passes.DropAll()
		}
		w.stats.Removed(removed, cause)
	}
	w.stats.Current(w.covered)
}
