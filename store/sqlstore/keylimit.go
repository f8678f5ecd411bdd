package sqlstore

import (
	"context"
	"database/sql"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/bearerkit/bearerkit/internal/clock"
)

const (
	defaultPerKey = 10_000          // marks of one key
	countStep     = 256             // marks of one key after which a process counts them again
	countedKeys   = 10_000          // keys that a process remembers
	fullPause     = 1 * time.Second // between two counts for a key that has too many marks
)

// keyLimits limits the marks of each key. Counting the rows of a key for each mark would be slow, so a process counts them
// after every countStep marks of the key that it has stored itself. A key can therefore have countStep more marks for each
// process. It is safe for concurrent use.
type keyLimits struct {
	most int // per key; negative: no limit

	mu   sync.Mutex // guards keys and their values
	keys *lru.Cache[digest, *keyCount]
}

// keyCount is the count of one key in this process.
type keyCount struct {
	left   int           // marks until the next count
	reject clock.Instant // when the key had too many marks; zero if it had not
}

func newKeyLimits(most int) (*keyLimits, error) {
	keys, err := lru.New[digest, *keyCount](countedKeys)
	return &keyLimits{most: most, keys: keys}, err
}

// check returns errKeyFull if the key has too many marks. It counts the rows of the key if that is due.
func (l *keyLimits) check(ctx context.Context, s *Store, owner digest) error {
	if l.most < 0 {
		return nil
	}
	if due, err := l.take(owner); !due {
		return err
	}
	var n int
	args := []any{owner[:], micros(clock.Now().Time()), l.most}
	err := s.query(ctx, s.text.countMarks, args, func(rows *sql.Rows) error { return rows.Scan(&n) })
	if err != nil {
		return err
	}
	return l.counted(owner, n)
}

// take counts one mark. due is true if the rows must be counted.
func (l *keyLimits) take(owner digest) (due bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys.Get(owner)
	if !ok {
		k = &keyCount{left: min(countStep, l.most)}
		l.keys.Add(owner, k)
	}
	if !k.reject.IsZero() && k.reject.Age() < fullPause {
		return false, errKeyFull
	}
	k.left--
	if k.left >= 0 {
		return false, nil
	}
	k.left = countStep // calls during the count do not count too
	return true, nil
}

// counted stores the number of rows of a key that the database has returned.
func (l *keyLimits) counted(owner digest, n int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	k, ok := l.keys.Get(owner)
	if !ok { // other keys have displaced it
		k = new(keyCount)
		l.keys.Add(owner, k)
	}
	k.left, k.reject = min(countStep, l.most-n), clock.Instant{}
	if n >= l.most {
		k.left, k.reject = 0, clock.Now()
		return errKeyFull
	}
	return nil
}

// limitError is an error about a limit of this package.
type limitError string

func (e limitError) Error() string { return string(e) }

const errKeyFull = limitError("the key has too many used proofs, expected fewer requests per second, or a larger Config.MaxMarksPerKey")
