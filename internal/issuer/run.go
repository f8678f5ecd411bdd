package issuer

import (
	"context"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// Warm fetches metadata and keys, unless usable ones are cached. It returns nil if usable keys are cached afterwards. It
// waits until both fetches have ended, or until ctx ends.
func (r *Remote) Warm(ctx context.Context) error {
	d, err := r.given, error(nil)
	if r.documents != nil {
		d, err = r.documents.Wait(ctx)
	}
	switch {
	case err != nil:
		return err
	case d.keys == nil:
		return ErrNoKeySet
	}
	return d.keys.Warm(ctx)
}

// Refresh fetches the metadata and then the keys now, whatever their age. After an error, the previous metadata and
// keys stay in use.
func (r *Remote) Refresh(ctx context.Context) error {
	if r.documents != nil {
		if err := r.documents.Refresh(ctx); err != nil {
			return err
		}
	}
	d, err := r.document(ctx)
	if err != nil || d.keys == nil {
		return err
	}
	return d.keys.Refresh(ctx)
}

// Run refreshes the metadata, and the key set that is in use, whenever they are due. It returns nil when ctx ends. If
// the metadata names another key set, Run refreshes that one from then on.
func (r *Remote) Run(ctx context.Context) error {
	var running sync.WaitGroup
	defer running.Wait() // Run does not return before what it has started
	if r.documents != nil {
		running.Go(func() { _ = r.documents.Run(ctx) })
	}
	var current *keySet
	stop := func() {}
	defer func() { stop() }() // before the wait above
	for {
		// A new document may name another key set. The old one must not be fetched any more.
		if d, err := r.document(ctx); err == nil && d.keys != current {
			stop()
			current, stop = d.keys, d.keys.run(ctx, &running)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(lookAgain): // nothing signals that there is a new document
		}
	}
}

// run calls s.Run in a goroutine, until the returned function is called or ctx ends. s may be nil.
func (s *keySet) run(ctx context.Context, running *sync.WaitGroup) (stop func()) {
	if s == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	running.Go(func() { _ = s.Run(ctx) })
	return cancel
}

// Stats describes the state of a [Remote].
type Stats struct {
	// LastSuccess is when the metadata was last fetched, and Age the time since then. Both are zero before the first
	// fetch and for Config.Metadata. After a restoration they are those of the snapshot.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures counts the failed fetches of metadata since the last successful one. LastError is the error of
	// the last failed one; nil after a success.
	ConsecutiveFailures int
	LastError           error

	// Keys describes the key set. It is zero until its URL is known.
	Keys jwks.Stats
}

// Stats returns the current state. It does not wait for a fetch and starts none.
func (r *Remote) Stats() Stats {
	d := r.given
	var stats Stats
	if r.documents != nil {
		s := r.documents.Stats()
		stats = Stats{
			LastSuccess: s.LastSuccess, Age: s.Age, ConsecutiveFailures: s.ConsecutiveFailures, LastError: s.LastError,
		}
		d = s.Value
	}
	if d != nil && d.keys != nil {
		stats.Keys = d.keys.Stats()
	}
	return stats
}
