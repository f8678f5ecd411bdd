package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// maxMarkAttempts limits the attempts of one Mark. A second one follows a change of the epoch, and a third one a change that
// another process has made at the same time.
const maxMarkAttempts = 4

// digest identifies a key, a mark or an epoch. Half of a SHA-256 hash suffices: a collision can only reject a proof.
type digest [16]byte

// mark identifies a row of bearerkit_marks.
type mark struct{ owner, id digest }

// markOf returns the mark of the proof with the given key and id.
func markOf(key, id string) mark {
	text := strconv.AppendInt(make([]byte, 0, 256), int64(len(key)), 10) // so that other pairs have other texts
	text = append(append(append(text, ':'), key...), id...)
	return mark{owner: digestOf([]byte(key)), id: digestOf(text)}
}

func digestOf(text []byte) digest {
	sum := sha256.Sum256(text)
	return digest(sum[:len(digest{})])
}

// Mark implements middleware.ReplayStore. It records that a proof was used, and returns false if the proof was recorded
// before. key identifies the key that signed the proof, and id the proof among those of the key. from is the earliest time at
// which any server may have accepted the proof, and until is the time from which no server accepts it. Mark of a new proof
// usually takes one round trip.
//
// If the error is not nil, Mark cannot decide, and the proof must be rejected. If the error has a method Forgotten that returns
// true, the database may have lost the mark of an earlier use: after from, its server was started, another server has taken
// over, or marks are missing. See [Store.Check] for how long proofs are rejected. If a key has as many marks as
// Config.MaxMarksPerKey allows, the error matches [ErrFull].
func (s *Store) Mark(ctx context.Context, key, id string, from, until time.Time) (first bool, err error) {
	limited, cancel := s.limited(ctx)
	defer cancel()
	first, err = s.mark(limited, markOf(key, id), from, until)
	if err != nil && !errors.Is(err, forgotten{}) {
		return false, s.failed(ctx, "Mark", err)
	}
	return first, err
}

// mark is Mark without the limit of time. Each attempt reads the epoch, which is usually cached, and inserts the mark if the
// database still has this epoch.
func (s *Store) mark(ctx context.Context, m mark, from, until time.Time) (bool, error) {
	if err := s.limits.check(ctx, s, m.owner); err != nil {
		return false, err
	}
	for range maxMarkAttempts {
		e, err := s.epochOf(ctx)
		if err != nil {
			return false, err
		}
		if e.mayHaveForgotten(from, s.cfg.ClockSkew) {
			return false, forgotten{}
		}
		witness := s.witness(e)
		inserted, err := s.insertMark(ctx, m, e, witness, until)
		if err != nil {
			return false, err
		}
		if inserted {
			s.remember(m, e, until)
			return true, nil
		}
		if used, err := s.explain(ctx, m, e, witness); used || err != nil {
			return false, err
		}
	}
	if err := s.checkCommits(ctx); err != nil {
		return false, err
	}
	return false, errEpochChanges
}

var errEpochChanges = errors.New("sqlstore: the epoch has changed during each attempt")

// insertMark inserts a mark. It returns false if the mark exists, the epoch has changed, the witness is missing, the clocks differ,
// or the connection would not commit the mark. [Store.Run] removes the row twice the clock skew after until, when no process
// accepts the proof any more.
func (s *Store) insertMark(ctx context.Context, m mark, e *epoch, witness mark, until time.Time) (bool, error) {
	now, skew := micros(clock.Now().Time()), s.cfg.ClockSkew.Microseconds()
	n, err := s.exec(ctx, s.text.mark, m.owner[:], m.id[:], micros(until), e.id[:], now-skew, now+skew, witness.owner[:], witness.id[:])
	if isDuplicate(err) {
		return false, nil
	}
	return n == 1, err
}

// explain finds out why a mark was not inserted. used is true if the proof was used before. It is false if another attempt
// may succeed.
func (s *Store) explain(ctx context.Context, m mark, e *epoch, witness mark) (used bool, err error) {
	now, skew := micros(clock.Now().Time()), s.cfg.ClockSkew.Microseconds()
	var current, witnessed, synchronized bool
	args := []any{m.owner[:], m.id[:], e.id[:], witness.owner[:], witness.id[:], now - skew, now + skew}
	err = s.query(ctx, s.text.explain, args, func(rows *sql.Rows) error {
		return rows.Scan(&used, &current, &witnessed, &synchronized)
	})
	switch {
	case err != nil:
		return false, err
	case used:
		return true, nil
	case !synchronized:
		return false, ErrClock
	case !current: // another process has begun an epoch, or the server is another one
		s.current.CompareAndSwap(e, nil)
	case !witnessed: // rows have disappeared
		return false, s.renew(ctx, e)
	}
	return false, nil
}

// forgotten is the error for a proof that may have been used before the database lost its marks.
type forgotten struct{}

func (forgotten) Error() string {
	return "sqlstore: Mark: the database was restarted, restored or emptied, or another server has taken over, " +
		"so an earlier use of the proof may be forgotten"
}

// Forgotten distinguishes this error from all others.
func (forgotten) Forgotten() bool { return true }
