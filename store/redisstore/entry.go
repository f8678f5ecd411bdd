package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
)

var _ store.Storage = (*Store)(nil)

// Times before earliest, the second second of the year 1, and after latest, the last second of the year 9999, are stored as
// these two, in milliseconds since 1970. The first second of the year 1 contains the zero time, which has another meaning.
const (
	earliest int64 = -62135596799_000
	latest   int64 = 253402300799_000
)

// Lookup implements store.Storage. It sends all commands in one pipeline, and to the servers of a cluster at the same time.
// An entry ends when its Expires has passed on the clock of this process.
func (s *Store) Lookup(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	if err := s.ready(limited); err != nil {
		return nil, failed(ctx, "Lookup", err)
	}
	// MGET would fail in a cluster, because the keys may be in different shards.
	replies := make([]*redis.StringCmd, len(keys))
	_, err := s.cfg.Client.Pipelined(limited, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			name, _ := s.entryKey(key)
			replies[i] = pipe.Get(limited, name)
		}
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return nil, failed(ctx, "Lookup", err)
	}
	found := make(map[string]store.Entry, len(keys))
	now := clock.Now().Time()
	for i, reply := range replies {
		text, err := reply.Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		// One failed command makes the whole Lookup fail: the missing entry could be the one that denies the token.
		entry, bad := parseEntry(text)
		if err := errors.Join(err, bad); err != nil {
			return nil, failed(ctx, "Lookup", err)
		}
		// Redis keeps an entry longer than its Expires, so the time is compared here too.
		if entry.Expires.IsZero() || now.Before(entry.Expires) {
			found[keys[i]] = entry
		}
	}
	return found, nil
}

// Save implements store.Storage. One script merges the entry with the stored one, stores the result, and publishes the key for
// [Store.Watch], except the keys of store.PersistedTokens. Times are rounded up to milliseconds. Redis deletes the entry twice
// the clock skew after Expires, because the clocks may differ.
func (s *Store) Save(ctx context.Context, key string, entry store.Entry) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	if err := s.ready(limited); err != nil {
		return failed(ctx, "Save", err)
	}
	name, sh := s.entryKey(key)
	result, err := scripts.save.run(limited, s.cfg.Client, []string{name, sh.version},
		toText(entry.Expires), toText(entry.Before), clock.Now().Time().UnixMilli(), s.cfg.ClockSkew.Milliseconds(),
		s.channelOf(key), key)
	if err == nil && result == saveClock {
		err = ErrClock
	}
	if err != nil {
		return failed(ctx, "Save", err)
	}
	return nil
}

// Delete implements store.Storage. It publishes the key for [Store.Watch].
func (s *Store) Delete(ctx context.Context, key string) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	name, sh := s.entryKey(key)
	if _, err := scripts.remove.run(limited, s.cfg.Client, []string{name, sh.version}, s.channel, key); err != nil {
		return failed(ctx, "Delete", err)
	}
	return nil
}

// channelOf returns the channel on which Save publishes a key, or "" if it publishes none. Entries of store.PersistedTokens are
// not published: they make tokens active, there is one for each issued token, and negative results are cached for only 5 s.
func (s *Store) channelOf(key string) string {
	if strings.HasPrefix(key, persistedPrefix) {
		return ""
	}
	return s.channel
}

// persistedPrefix begins the keys of store.TokenKey.
const persistedPrefix = "access:"

// saveClock is the result of the script if the clocks differ too much.
const saveClock = 4

// scripts are the scripts for entries. The value of an entry is its Expires and its Before in milliseconds, separated by a
// space. A missing time is empty: no Expires is later than every other, and no Before earlier.
//
// A script is atomic, so no change is lost between its commands. save increments the version before it stores the entry. If the
// second command fails, watchers drop their caches without need. In the other order, they could miss a change. The numbers are
// written with %.0f, because Lua would write large ones with an exponent.
var scripts = struct{ save, remove script }{ //nolint:gochecknoglobals // constants
	save: newScript(`
local call = redis.call
local expires, before, now, skew = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = call('TIME')
local ahead = time[1] * 1000 + time[2] / 1000 - now
if ahead > skew or ahead < -skew then return 4 end
local held = call('GET', KEYS[1])
if held then
  local e, b = string.match(held, '^(%-?%d*) (%-?%d*)$')
  if not e then return redis.error_reply('ERR the key of an entry has an unexpected value') end
  e, b = tonumber(e), tonumber(b)
  if not e or e > now then
    if not e or not expires then expires = nil else expires = math.max(e, expires) end
    if b then before = math.max(b, before or b) end
  end
end
local function text(time) if time then return string.format('%.0f', time) end return '' end
local value = text(expires) .. ' ' .. text(before)
local version
if ARGV[5] ~= '' then version = call('INCR', KEYS[2]) end
if not expires then
  call('SET', KEYS[1], value)
else
  call('SET', KEYS[1], value, 'PX', text(math.max(expires - now, 0) + 2 * skew + 1))
end
if version then call('PUBLISH', ARGV[5], KEYS[2] .. ' ' .. text(version) .. ' ' .. ARGV[6]) end
return 1`),
	remove: newScript(`
local version = redis.call('INCR', KEYS[2])
redis.call('DEL', KEYS[1])
redis.call('PUBLISH', ARGV[1], KEYS[2] .. ' ' .. string.format('%.0f', version) .. ' ' .. ARGV[2])
return 1`),
}

// toText returns t in milliseconds since 1970, rounded up, or "" for the zero time.
func toText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	ms := t.UnixMilli()
	switch { // UnixMilli overflows for some times that mean forever
	case t.After(time.UnixMilli(latest)):
		ms = latest
	case t.Before(time.UnixMilli(earliest)):
		ms = earliest
	case t.Nanosecond()%int(time.Millisecond) != 0:
		ms++
	}
	return strconv.FormatInt(ms, 10)
}

// parseEntry reads the value of an entry. It returns an error for the empty text, which is the result of a command that failed.
func parseEntry(text string) (entry store.Entry, err error) {
	expires, before, ok := strings.Cut(text, " ")
	if !ok {
		return entry, errors.New("redisstore: the key of an entry has an unexpected value")
	}
	entry.Expires, err = parseTime(expires)
	if err == nil {
		entry.Before, err = parseTime(before)
	}
	return entry, err
}

// parseTime reads a time that toText has written.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("redisstore: the key of an entry has an unexpected value: %w", err)
	}
	return time.UnixMilli(ms), nil
}
