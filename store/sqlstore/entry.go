package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/store"
)

var _ store.Storage = (*Store)(nil)

const (
	maxKey     = 255 // bytes of the key of an entry
	maxLookups = 64  // keys that one statement reads
)

// persistedPrefix begins the keys of store.TokenKey.
const persistedPrefix = "access:"

// Lookup implements store.Storage. It reads up to 64 keys with one prepared statement, in one round trip, and more keys with
// several. An entry has expired when its Expires has passed on the clock of this process.
func (s *Store) Lookup(ctx context.Context, keys ...string) (map[string]store.Entry, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	limited := ctx
	if s.dialect != SQLite { // its readers wait for nobody, and a timer would take a tenth of the time of a look-up
		var cancel context.CancelFunc
		limited, cancel = s.limited(ctx)
		defer cancel()
	}
	found, err := s.lookup(limited, keys)
	if err != nil {
		return nil, s.failed(ctx, "Lookup", err)
	}
	return found, nil
}

// lookup is Lookup without the limit of time.
func (s *Store) lookup(ctx context.Context, keys []string) (map[string]store.Entry, error) {
	now := micros(clock.Now().Time())
	if len(keys) == 1 {
		return s.lookupOne(ctx, keys[0], now)
	}
	var found map[string]store.Entry // stays nil for most tokens
	for start := 0; start < len(keys); start += maxLookups {
		some := keys[start:min(start+maxLookups, len(keys))]
		err := s.query(ctx, s.lookups[lookupSize(len(some))], lookupArgs(some), func(rows *sql.Rows) error {
			var key sql.RawBytes
			var expires, before int64
			if err := rows.Scan(&key, &expires, &before); err != nil || expires <= now {
				return err
			}
			if found == nil {
				found = make(map[string]store.Entry, len(keys))
			}
			found[string(key)] = store.Entry{Expires: timeOf(expires, never), Before: timeOf(before, unset)}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

// lookupOne reads the entry of one key, without reading the key.
func (s *Store) lookupOne(ctx context.Context, key string, now int64) (map[string]store.Entry, error) {
	var found map[string]store.Entry
	err := s.query(ctx, s.text.lookupOne, []any{[]byte(key)}, func(rows *sql.Rows) error {
		var expires, before int64
		if err := rows.Scan(&expires, &before); err != nil || expires <= now {
			return err
		}
		found = map[string]store.Entry{key: {Expires: timeOf(expires, never), Before: timeOf(before, unset)}}
		return nil
	})
	return found, err
}

// lookupSizes are the numbers of keys for which there is a statement.
var lookupSizes = [...]int{2, 3, 4, 5, 6, 7, 8, 16, 32, maxLookups} //nolint:gochecknoglobals // constants

// lookupSize returns the smallest size of a statement that reads n keys.
func lookupSize(n int) int {
	for _, size := range lookupSizes {
		if size >= n {
			return size
		}
	}
	return maxLookups
}

// lookupTexts returns the statements that read entries, by the number of their keys. They consist of constants.
func (d Dialect) lookupTexts() map[int]string {
	parts, texts := d.statements().lookup, make(map[int]string)
	for _, size := range lookupSizes {
		params := make([]string, size)
		for i := range params {
			params[i] = d.parameter(i + 1)
		}
		texts[size] = parts[0] + strings.Join(params, ", ") + parts[1]
	}
	return texts
}

// parameter returns the name of the n-th parameter of a statement.
func (d Dialect) parameter(n int) string {
	if d == PostgreSQL {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// lookupArgs returns the parameters of a statement that reads keys. If the statement has more parameters than keys, the last
// key is repeated.
func lookupArgs(keys []string) []any {
	args := make([]any, lookupSize(len(keys)))
	for i := range args {
		args[i] = []byte(keys[min(i, len(keys)-1)])
	}
	return args
}

// Save implements store.Storage. One transaction merges the entry with the stored one, stores the result, and logs the key for
// [Store.Watch], except the keys of store.PersistedTokens: they make tokens active, and negative results are cached for only
// 5 s. Times are rounded up to microseconds. A key has 1 to 255 bytes; for others, the error is a [*ValueError].
//
// A stored entry counts as expired twice Config.ClockSkew after its Expires, because the clocks of other processes may differ.
func (s *Store) Save(ctx context.Context, key string, entry store.Entry) error {
	if key == "" || len(key) > maxKey {
		return &ValueError{"Save", "key", fmt.Sprintf("has %d bytes, expected 1 to %d", len(key), maxKey)}
	}
	limited, cancel := s.limited(ctx)
	defer cancel()
	now := clock.Now().Time()
	ended := micros(now.Add(-2 * s.cfg.ClockSkew))
	args := []any{[]byte(key), stored(entry.Expires, never), stored(entry.Before, unset), ended}
	if s.dialect == MariaDB { // its statement has the last parameter twice
		args = append(args, ended)
	}
	var err error
	if strings.HasPrefix(key, persistedPrefix) {
		_, err = s.exec(limited, s.text.save, args...)
	} else {
		err = s.change(limited, s.text.saveLogged, s.text.save, args, micros(now))
	}
	return s.failed(ctx, "Save", err)
}

// Delete implements store.Storage. It logs the key for [Store.Watch], in the same transaction.
func (s *Store) Delete(ctx context.Context, key string) error {
	limited, cancel := s.limited(ctx)
	defer cancel()
	if len(key) > maxKey {
		return nil // Save has stored no such key
	}
	err := s.change(limited, s.text.removeLogged, s.text.remove, []any{[]byte(key)}, micros(clock.Now().Time()))
	return s.failed(ctx, "Delete", err)
}

// change runs a statement that changes an entry, and logs its key. args begins with the key. If the dialect can do both in one
// statement, that is the text of both.
//
// If the process or its machine was stopped in between, the timeout may not have noticed it, and watchers may no longer wait for the
// change. The caller then receives an error, and logs the key again when it repeats the call.
func (s *Store) change(ctx context.Context, both, statement string, args []any, now int64) error {
	began := clock.Now()
	var err error
	if both != "" {
		_, err = s.exec(ctx, both, append(args, now)...)
	} else {
		err = s.changeAndLog(ctx, statement, args, now)
	}
	s.watchers.changed() // also after an error, because the change may have taken effect
	if err == nil && began.Age() >= commitTime {
		return context.DeadlineExceeded
	}
	return err
}

// changeAndLog runs two statements in one transaction.
func (s *Store) changeAndLog(ctx context.Context, statement string, args []any, now int64) error {
	for _, text := range []string{statement, s.text.log} { // a transaction cannot prepare it
		if _, err := s.prepare(ctx, text); err != nil {
			return err
		}
	}
	return s.write(ctx, func(t transaction) error {
		if _, err := t.exec(ctx, statement, args...); err != nil {
			return err
		}
		_, err := t.exec(ctx, s.text.log, args[0], now)
		return err
	})
}
