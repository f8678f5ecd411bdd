package redisstore

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// Results of the script of an epoch.
const (
	markReplay  = 0 // there is a mark of another call
	markFirst   = 1 // the mark was stored, by this call or an earlier attempt of it
	markChanged = 2 // Redis has another epoch for the shard
	markLate    = 3 // the new epoch was not stored, because it would begin in the past
	markClock   = 4 // the clocks differ by more than Config.ClockSkew
)

// maxMarkAttempts limits the attempts of one Mark. A second one follows a change of the epoch, and a third one a change that
// another process has made at the same time.
const maxMarkAttempts = 4

var errEpochChanges = errors.New("redisstore: the epoch in Redis has changed during each attempt")

// Mark implements middleware.ReplayStore. It records that a proof was used, and returns false if the proof was recorded
// before. key identifies the key that signed the proof, and id the proof among those of the key. from is the earliest time at
// which any server may have accepted the proof, and until is the time from which no server accepts it. Mark usually takes one
// round trip.
//
// If the error is not nil, Mark cannot decide, and the proof must be rejected. If the error has a method Forgotten that returns
// true, Redis may have lost the mark of an earlier use: after from, it has restarted, was emptied, or another server has taken
// over. This is noticed even if Redis has restored older data from disk. See [Store.Check] for how long proofs are rejected.
//
// If the client repeats the command of one call, for example after a timeout, this counts as one use.
func (s *Store) Mark(ctx context.Context, key, id string, from, until time.Time) (first bool, err error) {
	limited, cancel := s.limited(ctx)
	defer cancel()
	first, err = s.mark(limited, key, id, from, until)
	if err != nil && !errors.Is(err, forgotten{}) {
		return false, failed(ctx, "Mark", err)
	}
	return first, err
}

// limited returns a context that ends after Config.Timeout. A context that ends earlier is returned as it is, because a Guard
// has one for each request.
func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= s.cfg.Timeout {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.cfg.Timeout)
}

// mark is Mark without the limit of time. Each attempt reads the epoch, which is usually cached, and runs the script of this
// epoch. If Redis has another epoch, or has lost the script, the next attempt uses the new epoch. An attempt that has failed
// for another reason is not repeated here, because the client has its own retries.
func (s *Store) mark(ctx context.Context, key, id string, from, until time.Time) (bool, error) {
	if err := s.ready(ctx); err != nil {
		return false, err
	}
	name, sh := s.markKey(key, id)
	call, keys := s.callID(), []string{sh.epoch, name}
	for range maxMarkAttempts {
		e, err := s.epochOf(ctx, sh)
		if err != nil {
			return false, err
		}
		if e.mayHaveForgotten(from, s.cfg.ClockSkew) {
			return false, forgotten{}
		}
		now := clock.Now().Time()
		result, err := s.cfg.Client.EvalSha(ctx, e.script.name, keys, call, s.lifeOf(now, until), now.UnixMilli()).Int64()
		switch {
		case isMissing(err):
			// Redis loses its scripts when it restarts, and a server that takes over has none.
			if err = s.renew(ctx, sh, e.text); err == nil {
				s.renewOthers(ctx)
			}
		case err == nil && result == markChanged:
			sh.current.CompareAndSwap(e, nil) // the next attempt reads the epoch from Redis
		case err == nil:
			return s.markResult(result)
		}
		if err != nil {
			return false, err
		}
	}
	return false, errEpochChanges
}

// markResult returns what Mark returns for a result of the script that is final.
func (s *Store) markResult(result int64) (bool, error) {
	switch result {
	case markFirst:
		return true, nil
	case markReplay:
		return false, nil
	case markClock:
		return false, ErrClock
	}
	return false, errors.New("redisstore: unexpected result of a script")
}

// lifeOf returns for how many milliseconds Redis keeps an entry that ends at the time until. Each process and Redis may
// differ by the clock skew, so twice the skew is added. Redis may then delete the entry only after until has passed on the
// clock of every process.
func (s *Store) lifeOf(now, until time.Time) int64 {
	return max(until.Sub(now), 0).Milliseconds() + 2*s.cfg.ClockSkew.Milliseconds() + 1
}
