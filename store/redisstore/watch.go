package redisstore

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

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

const (
	messageQueue = 1000 // messages that wait in the client
	checkPolls   = 30   // polls between two checks of the servers
)

// Watch removes tokens from the caches when any process changes their entries: when it denies a token, a session, a subject or
// a client, or deletes a stored token. It returns nil when ctx ends, and an error if no cache is given or one of them is nil.
// Call it in a goroutine of its own.
//
// Redis sends each change as a message. The tokens usually leave the caches within about 100 ms; changes that arrive in the
// meantime share one pass over the caches. With large caches the passes are longer, and so are the pauses between them: up to
// one second.
//
// Messages may be lost. Redis therefore counts the changes, and Watch compares the counts every Config.PollInterval. If it has
// missed a change, it removes everything from the caches, at most once per interval. So while all polls succeed, a change takes
// effect at most two intervals and Config.Timeout after it was saved, or three times Timeout if that is longer.
//
// Watch also removes everything when it starts, when it has subscribed again after a lost connection, and if more than 10 000 changed
// entries wait for a pass.
//
// If Redis cannot be reached for Config.MaxSilence, Watch removes everything at each interval. All tokens are then verified
// again, and if their status cannot be read, the API responds with 503.
//
// [Store.WatchStats] says whether Watch works.
func (s *Store) Watch(ctx context.Context, caches ...Cache) error {
	passes, err := watching.NewPasses("redisstore", caches)
	if err != nil {
		return err
	}
	defer passes.Stop()
	subscription := s.cfg.Client.Subscribe(ctx, s.channel)
	defer func() { _ = subscription.Close() }()
	w := newWatcher(s, passes)
	defer w.stats.End()
	w.run(ctx, subscription.ChannelWithSubscriptions(redis.WithChannelSize(messageQueue)))
	return nil
}

// WatchStats returns the current statistics of Watch. It is safe for concurrent use.
func (s *Store) WatchStats() store.WatchStats { return s.watches.Stats() }

// watcher is one call of Watch. All its methods except check run in one goroutine.
type watcher struct {
	store  *Store
	passes *watching.Passes
	stats  *watching.Call
	checks watching.Checks

	counts  map[string]*count   // by key of the version of a shard
	pending map[string]struct{} // keys whose tokens must be dropped
	purge   watching.Cause      // why all tokens must be dropped
	renewed bool                // the subscription is new, so messages before it are missing
	reached clock.Instant       // when the last poll succeeded
	polls   int

	polled  clock.Instant // when the last successful poll began
	covered clock.Instant // all changes before this were received, or purge is set
}

// count is the number of changes of a shard.
type count struct {
	seen   int64 // of the latest message, or of a poll that missed messages
	polled int64 // at the last poll
}

func newWatcher(s *Store, passes *watching.Passes) *watcher {
	w := &watcher{
		store: s, passes: passes, stats: s.watches.Begin(), counts: make(map[string]*count), pending: make(map[string]struct{}),
		renewed: true, reached: clock.Now(),
	}
	w.covered = w.reached
	for i := range s.shards {
		w.counts[s.shards[i].version] = new(count)
	}
	return w
}

// run handles messages, drops and polls until ctx ends. A new subscription is treated like a lost message, because messages
// that were sent before it are missing.
func (w *watcher) run(ctx context.Context, messages <-chan any) {
	defer w.checks.Wait()
	ticks := time.NewTicker(w.store.cfg.PollInterval)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-messages:
			switch m := message.(type) {
			case *redis.Subscription:
				w.renewed = true
				w.passes.Schedule()
			case *redis.Message:
				w.receive(m.Payload)
			case nil:
				messages = nil // the client was closed, so that each poll fails
			}
		case <-w.passes.Due():
			if w.renewed {
				w.poll(ctx)
			}
			w.drop()
		case <-ticks.C:
			w.poll(ctx)
			if w.purge != watching.None {
				w.dropAll()
			}
			w.reportCurrent()
		}
	}
}

// receive notes a change that another process has published.
func (w *watcher) receive(payload string) {
	name, rest, _ := strings.Cut(payload, " ")
	number, key, ok := strings.Cut(rest, " ")
	version, err := strconv.ParseInt(number, 10, 64)
	c := w.counts[name]
	if !ok || err != nil || c == nil {
		if w.purge == watching.None { // at most one line for each poll
			w.store.cfg.Logger.Warn("redisstore: a message on the channel of changes cannot be read")
		}
		w.miss(watching.Missed)
		return
	}
	w.stats.Changed(1)
	if version > c.seen+1 { // a message of this shard is missing
		w.miss(watching.Missed)
	}
	c.seen = max(c.seen, version)
	if len(w.pending) < watching.MaxPending {
		w.pending[key] = struct{}{}
	} else {
		w.miss(watching.Flood) // the next poll drops everything
	}
	w.passes.Schedule()
}

// miss notes that all tokens must be dropped.
func (w *watcher) miss(cause watching.Cause) { w.purge = max(w.purge, cause) }

// drop removes the tokens of the pending keys from the caches.
func (w *watcher) drop() {
	if len(w.pending) > 0 {
		keys := w.pending
		w.pending = make(map[string]struct{})
		w.stats.Removed(w.passes.Drop(keys), watching.None)
	}
	w.reportCurrent()
}

// dropAll removes all tokens from the caches.
func (w *watcher) dropAll() {
	cause := w.purge
	w.purge = watching.None
	clear(w.pending)
	w.stats.Removed(w.passes.DropAll(), cause)
}

// reportCurrent records how far the caches are up to date, unless changes wait for a drop.
func (w *watcher) reportCurrent() {
	if len(w.pending) == 0 && w.purge == watching.None {
		w.stats.Current(w.covered)
	}
}
