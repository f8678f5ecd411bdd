package sqlstore

import (
	"context"
	"time"
)

// SetLease sets the time after which a lock that is not renewed becomes free.
func (t *Tokens) SetLease(d time.Duration) { t.locks.lease = d }

// Waiting returns for how many locks callers of this process wait, contend or hold, and how many rows of other holders it watches.
func (t *Tokens) Waiting() (places, sightings int) {
	t.locks.mu.Lock()
	defer t.locks.mu.Unlock()
	return len(t.locks.local), len(t.locks.seen)
}

// Backdate sets the beginning of the epoch to the given time, as if the database had run without a loss since then. Tests call
// it so that they need not wait until a proof can be newer than the first epoch.
func (s *Store) Backdate(ctx context.Context, begin time.Time) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	_, err := s.exec(ctx, s.portable(`UPDATE bearerkit_epoch SET begins = ?`), micros(begin))
	s.current.Store(nil)
	return err
}

// Watchers returns the number of calls of Watch that this process wakes when it changes an entry.
func (s *Store) Watchers() int {
	s.watchers.mu.Lock()
	defer s.watchers.mu.Unlock()
	return len(s.watchers.wakes)
}

// Writing reports whether a method of this process writes, or waits for the lock of SQLite.
func (s *Store) Writing() bool { return len(s.writer) > 0 }

// RemoveExpired is one pass of Run.
func (s *Store) RemoveExpired(ctx context.Context) error { return s.removeExpired(ctx) }

// Failed returns what a method returns for an error of the driver.
func (s *Store) Failed(ctx context.Context, err error) error { return s.failed(ctx, "Lookup", err) }

// SchemaVersion is the version of the newest migration.
const SchemaVersion = schemaVersion
