package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// epoch is the time since which a shard has lost no mark. It is stored in Redis, in milliseconds since 1970 by the clock of
// Redis. The script that stores a mark contains the epoch, and compares it with the stored one.
//
// Redis forgets scripts when it restarts. It does not copy them to replicas. So if it has no script for the stored epoch, it
// has restarted, with or without older data from disk, or a replica has taken over, which may lack the latest marks. A new
// epoch then begins. The script of the new epoch is loaded by the same command that stores the epoch. If the stored epoch is
// missing, Redis was emptied, and a new epoch begins too.
//
// The epoch is a part of the script, so that a former master that takes over again does not have the script of an epoch that
// began in between. The shard is a part of it too. Otherwise a new epoch of one shard could load the script of another shard, whose
// epoch began in the same millisecond, and the loss of that script would not be noticed.
type epoch struct {
	text   string // as stored
	begin  time.Time
	script script
}

// mayHaveForgotten reports whether a proof may have been used before e began. The clock of the process that accepted it may
// have been ahead of Redis by the clock skew.
func (e *epoch) mayHaveForgotten(from time.Time, skew time.Duration) bool {
	return from.Before(e.begin.Add(skew))
}

// newEpoch returns the epoch of a shard that is stored as text.
func newEpoch(sh *shard, text string, skew time.Duration) (*epoch, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil || ms <= 0 || ms > 1<<52 {
		return nil, fmt.Errorf("redisstore: the epoch in Redis is %.40q, expected milliseconds since 1970", text)
	}
	return &epoch{text: text, begin: time.UnixMilli(ms), script: newScript(fmt.Sprintf(markScript, sh.index, text, skew.Milliseconds()))}, nil
}

// markScript stores a mark. Its arguments are the index of the shard, the epoch, and the clock skew in milliseconds. KEYS: the epoch,
// and the mark. ARGV: the value of the mark, and in milliseconds its life and the time of the caller. With one key it begins a new
// epoch instead. ARGV[1] then is the stored epoch that it replaces, or empty. A new epoch must not begin in the past, so that all
// marks that were lost are older.
//
// The last GET recognizes a mark that an earlier attempt of the same call has stored. All processes that share an epoch must
// send the same text. Otherwise one of them would take the script of another for a missing one.
const markScript = `-- shard %d
local epoch, skew, call, mark = '%s', %d, redis.call, KEYS[2]
local held, now = call('GET', KEYS[1]), call('TIME')
now = now[1] * 1000 + now[2] / 1000
if not mark then
  if held == epoch then return 1 end
  if (held or '') ~= ARGV[1] then return 2 end
  if now > tonumber(epoch) then return 3 end
  call('SET', KEYS[1], epoch)
  return 1
end
if held ~= epoch then return 2 end
now = now - ARGV[3]
if now > skew or now < -skew then return 4 end
if call('SET', mark, ARGV[1], 'NX', 'PX', ARGV[2]) then return 1 end
if call('GET', mark) == ARGV[1] then return 1 end
return 0`

// epochLead is how far in the future a new epoch begins, so that it has not begun when Redis stores it. It is also the longest
// time that storing it may take.
const epochLead = time.Second

// epochOf returns the epoch of a shard. It is read from Redis once, because the script detects a change.
func (s *Store) epochOf(ctx context.Context, sh *shard) (*epoch, error) {
	if e := sh.current.Load(); e != nil {
		return e, nil
	}
	text, err := s.cfg.Client.Get(ctx, sh.epoch).Result()
	if errors.Is(err, redis.Nil) { // Redis is new or was emptied
		if err := s.renew(ctx, sh, ""); err != nil {
			return nil, err
		}
		s.renewOthers(ctx)
		text, err = s.cfg.Client.Get(ctx, sh.epoch).Result()
	}
	if err != nil {
		return nil, err
	}
	e, err := newEpoch(sh, text, s.cfg.ClockSkew)
	if err == nil {
		sh.current.Store(e)
	}
	return e, err
}

// maxRenewals limits the attempts of renew.
const maxRenewals = 3

// renew begins a new epoch, unless another process has already replaced the epoch old. old is empty if Redis has none. If the epoch has
// begun before Redis stores it, renew tries a later one.
func (s *Store) renew(ctx context.Context, sh *shard, old string) error {
	sh.current.Store(nil)
	for range maxRenewals {
		result, err := s.storeEpoch(ctx, sh, old)
		if err != nil || result != markLate {
			return err
		}
	}
	return fmt.Errorf("redisstore: Redis took more than %v to begin a new epoch", epochLead)
}

// storeEpoch is one attempt of renew. It returns the result of the script.
func (s *Store) storeEpoch(ctx context.Context, sh *shard, old string) (result int64, err error) {
	now, err := s.timeOf(ctx, sh)
	if err != nil {
		return 0, err
	}
	begin := now.Add(epochLead).UnixMilli()
	if before, err := strconv.ParseInt(old, 10, 64); err == nil {
		begin = max(begin, before+1) // an epoch never begins before an earlier one
	}
	e, err := newEpoch(sh, strconv.FormatInt(begin, 10), s.cfg.ClockSkew)
	if err != nil {
		return 0, err
	}
	// With one key, the script stores its epoch. Eval sends the text, so that Redis has the script from then on.
	return s.cfg.Client.Eval(ctx, e.script.text, []string{sh.epoch}, old).Int64()
}

// confirm begins the epoch of a shard if it is missing, or if Redis has lost its script.
func (s *Store) confirm(ctx context.Context, sh *shard) error {
	e, err := s.epochOf(ctx, sh)
	if err != nil {
		return err
	}
	// No epoch has the text of ARGV[1], so the script changes nothing.
	result, err := s.cfg.Client.EvalSha(ctx, e.script.name, []string{sh.epoch}, "none").Int64()
	switch {
	case isMissing(err):
		return s.renew(ctx, sh, e.text)
	case err == nil && result == markChanged:
		sh.current.CompareAndSwap(e, nil)
		_, err = s.epochOf(ctx, sh)
	}
	return err
}

// confirmAll calls confirm for all shards.
func (s *Store) confirmAll(ctx context.Context) error {
	for i := range s.shards {
		if err := s.confirm(ctx, &s.shards[i]); err != nil {
			return err
		}
	}
	return nil
}

// renewOthers begins new epochs of the other shards that have lost their epoch or its script. Otherwise each of them would
// begin a new epoch with its next proof, and would reject proofs from then on. An error does not matter: Mark detects the loss
// later.
func (s *Store) renewOthers(ctx context.Context) {
	if s.renewing.CompareAndSwap(false, true) {
		defer s.renewing.Store(false)
		_ = s.confirmAll(ctx)
	}
}

// timeOf returns the time of the server that has the keys of a shard.
func (s *Store) timeOf(ctx context.Context, sh *shard) (time.Time, error) {
	client := s.cfg.Client
	if cluster, ok := client.(*redis.ClusterClient); ok { // TIME has no key, so a cluster could send it to any server
		master, err := cluster.MasterForKey(ctx, sh.epoch)
		if err != nil {
			return time.Time{}, err
		}
		return master.Time(ctx).Result()
	}
	return client.Time(ctx).Result()
}
