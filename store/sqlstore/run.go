package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	runInterval = 30 * time.Second // between two passes
	changesLife = time.Hour        // how long changes are kept for Watch

	firstBatch  = 100 // rows of the first batch of a pass
	minBatch    = 50
	maxBatch    = 200
	batchTarget = 5 * time.Millisecond // a batch that takes longer is followed by a smaller one
	minPause    = 5 * time.Millisecond // between two batches
	pauseFactor = 3                    // a pause takes at least as many times as long as the batch before it
)

// Run removes expired entries, used proofs and locks, and changes that are older than an hour. It returns nil when ctx ends.
// Call it in a goroutine of its own, in one process or in several. Without it, the tables grow forever.
//
// It removes at most 200 rows in one transaction. The number is adjusted so that a transaction takes about 5 ms, and a pause that
// is at least three times as long follows. So Run delays other writers only for short times. In SQLite, Run also copies its
// changes from the log (WAL) into the database file, so that the commits of other writers need not do that.
//
// Rows are removed twice Config.ClockSkew after they have expired, on the clock of this process and on that of the database. If
// these clocks differ by more than Config.ClockSkew, Run removes nothing, and logs [ErrClock].
//
// [Store.RunStats] says whether Run keeps up.
func (s *Store) Run(ctx context.Context) error {
	call, end := s.runs.begin()
	defer end()
	ticks := time.NewTicker(runInterval)
	defer ticks.Stop()
	for {
		err := s.removeExpired(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			err = s.failed(ctx, "Run", err)
			s.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "sqlstore: expired rows were not removed", slog.Any("error", err))
		}
		s.runs.passed(call, err)
		select {
		case <-ctx.Done():
			return nil
		case <-ticks.C:
		}
	}
}

// removeExpired is one pass over all tables.
func (s *Store) removeExpired(ctx context.Context) error {
	now, err := s.agreedTime(ctx)
	if err != nil {
		return err
	}
	ended := now - 2*s.cfg.ClockSkew.Microseconds()
	for _, r := range s.text.removals {
		if err := s.removeRows(ctx, r.text, ended-r.grace.Microseconds()); err != nil {
			return err
		}
	}
	return s.pruneChanges(ctx, now-changesLife.Microseconds())
}

// agreedTime returns the earlier of the times of the database and of this process, or ErrClock if they differ too much.
func (s *Store) agreedTime(ctx context.Context) (int64, error) {
	limited, cancel := s.limited(ctx)
	defer cancel()
	var theirs int64
	if err := s.query(limited, s.text.clock, nil, func(rows *sql.Rows) error { return rows.Scan(&theirs) }); err != nil {
		return 0, err
	}
	ours := micros(clock.Now().Time())
	if difference := max(ours, theirs) - min(ours, theirs); difference > s.cfg.ClockSkew.Microseconds() {
		return 0, ErrClock
	}
	return min(ours, theirs), nil
}

// removeRows removes the rows whose expiry is earlier than ended, in batches. Each batch begins at the expiry of the last row of
// the batch before it, so that the database does not pass over the removed rows again.
func (s *Store) removeRows(ctx context.Context, statement string, ended int64) error {
	b := batch{size: firstBatch}
	for from := earliest; ; {
		start := time.Now()
		n, last, err := s.removeBatch(ctx, statement, from, ended, b.size)
		if err != nil {
			return err
		}
		s.runs.removed(int64(n))
		if err := s.checkpoint(ctx); err != nil || n < b.size {
			return err
		}
		from = last
		if err := b.wait(ctx, time.Since(start)); err != nil {
			return err
		}
	}
}

// removeBatch removes at most limit rows. It returns their number and the latest of their expiries.
func (s *Store) removeBatch(ctx context.Context, statement string, from, ended int64, limit int) (n int, last int64, err error) {
	limited, cancel := s.limited(ctx)
	defer cancel()
	err = s.repeat(limited, func() error {
		n, last = 0, from
		return s.query(limited, statement, []any{from, ended, limit}, func(rows *sql.Rows) error {
			var expires int64
			err := rows.Scan(&expires)
			n, last = n+1, max(last, expires)
			return err
		})
	})
	return n, last, err
}

// checkpoint copies the changes of a batch from the log of SQLite into the database file. Other connections can write meanwhile.
// Otherwise SQLite does it in the commit of any writer that finds more than 1000 pages in the log, and a batch of random keys
// adds hundreds of them.
func (s *Store) checkpoint(ctx context.Context) error {
	if s.text.checkpoint == "" {
		return nil
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	return s.query(limited, s.text.checkpoint, nil, func(*sql.Rows) error { return nil })
}

// pruneChanges removes the changes that were logged earlier than ended, in batches. The same transaction stores the largest
// removed id, so that each watcher notices if it has not read a removed row.
func (s *Store) pruneChanges(ctx context.Context, ended int64) error {
	b := batch{size: firstBatch}
	for {
		start := time.Now()
		n, err := s.pruneBatch(ctx, ended, b.size)
		if err != nil || n == 0 {
			return err
		}
		s.runs.removed(n)
		if err := s.checkpoint(ctx); err != nil {
			return err
		}
		if err := b.wait(ctx, time.Since(start)); err != nil {
			return err
		}
	}
}

// pruneBatch removes the changes with the smallest ids, at most limit of them. It returns their number.
func (s *Store) pruneBatch(ctx context.Context, ended int64, limit int) (n int64, err error) {
	limited, cancel := s.limited(ctx)
	defer cancel()
	var bound int64
	err = s.query(limited, s.text.oldChanges, []any{limit, ended}, func(rows *sql.Rows) error { return rows.Scan(&bound) })
	if err != nil || bound == 0 {
		return 0, err
	}
	err = s.write(limited, func(t transaction) error {
		if _, err := t.exec(limited, s.text.notePruned, bound, bound); err != nil {
			return err
		}
		n, err = t.exec(limited, s.text.prune, bound)
		return err
	})
	return n, err
}

// batch adjusts the number of rows that one transaction removes.
type batch struct{ size int }

// wait pauses after a batch that took the given time, and chooses the size of the next one. It returns an error if ctx ends.
func (b *batch) wait(ctx context.Context, took time.Duration) error {
	switch {
	case took > batchTarget:
		b.size = max(b.size/2, minBatch)
	case took < batchTarget/2:
		b.size = min(b.size*2, maxBatch)
	}
	select {
	case <-time.After(max(pauseFactor*took, minPause)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
