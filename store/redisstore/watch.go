package redisstore

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
)

// Cache is a cache of verified tokens. *consumer.Consumer, *consumer.Group and the Verifier of package
// consumer/introspection implement it.
type Cache interface {
	// Drop removes what it has cached for tokens for which match returns true, or everything if match is nil.
	Drop(match func(store.Token) bool) int
}

const (
	dropPause    = 100 * time.Millisecond // between two drops
	dropShare    = 20                     // the pause after a drop is dropShare times as long as the drop,
	maxDropPause = time.Second            // but not longer than this, because it delays the next drop
	maxPending   = 10_000                 // keys that wait for the next drop
	messageQueue = 1000                   // messages that wait in the client
	checkPolls   = 30                     // polls between two checks of the servers
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
// missed a change, it removes everything from the caches, at most once per interval. So while Redis can be reached, a change
// takes effect at most two intervals and Config.Timeout after it was saved.
//
// If Redis cannot be reached for Config.MaxSilence, Watch removes everything at each interval. All tokens are then verified
// again, and if their status cannot be read, the API responds with 503.
func (s *Store) Watch(ctx context.Context, caches ...Cache) error {
	if len(caches) == 0 {
		return errors.New("redisstore: Watch needs at least one cache")
	}
	for _, cache := range caches {
		if isNil(cache) {
			return errors.New("redisstore: a cache of Watch is nil")
		}
	}
	subscription := s.cfg.Client.Subscribe(ctx, s.channel)
	defer func() { _ = subscription.Close() }()
	w := newWatcher(s, caches)
	w.run(ctx, subscription.ChannelWithSubscriptions(redis.WithChannelSize(messageQueue)))
	return nil
}

// watcher is one call of Watch. All its methods run in one goroutine.
type watcher struct {
	store  *Store
	caches []Cache

	counts  map[string]*count   // by key of the version of a shard
	pending map[string]struct{} // keys whose tokens must be dropped
	missed  bool                // all tokens must be dropped
	renewed bool                // the subscription is new, so messages before it are missing
	reached clock.Instant       // when the last poll succeeded
	polls   int

	flush *time.Timer // when pending may be dropped
	armed bool        // flush will fire
	next  time.Time   // the earliest time of the next drop
}

// count is the number of changes of a shard.
type count struct {
	seen   int64 // of the latest message, or of a poll that missed messages
	polled int64 // at the last poll
}

func newWatcher(s *Store, caches []Cache) *watcher {
	w := &watcher{
		store: s, caches: caches, counts: make(map[string]*count), pending: make(map[string]struct{}),
		renewed: true, reached: clock.Now(), flush: time.NewTimer(0),
	}
	w.flush.Stop()
	for i := range s.shards {
		w.counts[s.shards[i].version] = new(count)
	}
	return w
}

// run handles messages, drops and polls until ctx ends. A new subscription is treated like a lost message, because messages
// that were sent before it are missing.
func (w *watcher) run(ctx context.Context, messages <-chan any) {
	ticks := time.NewTicker(w.store.cfg.PollInterval)
	defer ticks.Stop()
	defer w.flush.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case message := <-messages:
			switch m := message.(type) {
			case *redis.Subscription:
				w.renewed = true
				w.schedule()
			case *redis.Message:
				w.receive(m.Payload)
			case nil:
				messages = nil // the client was closed, so that each poll fails
			}
		case <-w.flush.C:
			w.armed = false
			if w.renewed {
				w.poll(ctx)
			}
			w.drop()
		case <-ticks.C:
			w.poll(ctx)
			if w.missed {
				w.dropAll()
			}
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
		if !w.missed { // at most one line for each poll
			w.store.cfg.Logger.Warn("redisstore: a message on the channel of changes cannot be read")
		}
		w.missed = true
		return
	}
	if version > c.seen+1 { // a message of this shard is missing
		w.missed = true
	}
	c.seen = max(c.seen, version)
	if len(w.pending) < maxPending {
		w.pending[key] = struct{}{}
	} else {
		w.missed = true // too many keys: the next poll drops everything
	}
	w.schedule()
}

// schedule lets flush fire as soon as the next drop is allowed.
func (w *watcher) schedule() {
	if !w.armed {
		w.armed = true
		w.flush.Reset(time.Until(w.next))
	}
}

// drop removes the tokens of the pending keys from the caches.
func (w *watcher) drop() {
	if len(w.pending) == 0 {
		return
	}
	keys := w.pending
	w.pending = make(map[string]struct{})
	w.each(store.Matcher(keys))
}

// dropAll removes all tokens from the caches.
func (w *watcher) dropAll() {
	w.missed = false
	clear(w.pending)
	w.each(nil)
}

// each calls Drop of all caches. The next drop may begin after a pause. The pause is longer if the caches are large, so that
// a flood of changes does not take all the time of a processor.
func (w *watcher) each(match func(store.Token) bool) {
	start := time.Now()
	for _, cache := range w.caches {
		cache.Drop(match)
	}
	end := time.Now()
	w.next = end.Add(pauseAfter(end.Sub(start)))
}

// pauseAfter returns the time between a pass over the caches and the next one.
func pauseAfter(pass time.Duration) time.Duration {
	return min(max(dropPause, dropShare*pass), maxDropPause)
}
