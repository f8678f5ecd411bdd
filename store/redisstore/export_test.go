package redisstore

import (
	"context"
	"strconv"
	"time"
)

// Backdate sets the beginning of the epochs of all shards to the given time, as if Redis had run without a loss since then.
// Tests call it so that they need not wait until a proof can be newer than the first epoch.
func (s *Store) Backdate(ctx context.Context, begin time.Time) error {
	for i := range s.shards {
		sh := &s.shards[i]
		e, err := newEpoch(sh, strconv.FormatInt(begin.UnixMilli(), 10), s.cfg.ClockSkew)
		if err != nil {
			return err
		}
		// The result is that the epoch has begun already, but now Redis has the script.
		if err := s.cfg.Client.Eval(ctx, e.script.text, []string{sh.epoch}, "").Err(); err != nil {
			return err
		}
		if err := s.cfg.Client.Set(ctx, sh.epoch, e.text, 0).Err(); err != nil {
			return err
		}
		sh.current.Store(nil)
	}
	return nil
}

// Channel returns the channel of changes.
func (s *Store) Channel() string { return s.channel }
