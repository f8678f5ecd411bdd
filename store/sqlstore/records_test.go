package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/seal"
	"github.com/bearerkit/bearerkit/store"
	"github.com/bearerkit/bearerkit/store/sqlstore"
)

// record is a kind of row that the tests of faults write. What a row contains can be computed from its key, which ends with a
// number.
type record struct {
	save func(ctx context.Context, s *sqlstore.Store, ring seal.Sealer, key string) error
	load func(ctx context.Context, s *sqlstore.Store, ring seal.Sealer, key string) (got, want any, err error)
}

// records returns the kinds. Each is written by a goroutine of its own.
func records() []record {
	return []record{
		{ // an entry, and the log of changes
			save: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) error {
				return s.Save(ctx, key, entryOf(key))
			},
			load: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) (any, any, error) {
				got, err := s.Lookup(ctx, key)
				if len(got) == 0 {
					return nil, nil, err
				}
				return got[key], entryOf(key), err
			},
		},
		{ // a sealed token
			save: func(ctx context.Context, s *sqlstore.Store, ring seal.Sealer, key string) error {
				return s.Tokens(ring).Save(ctx, key, tokenOf(key))
			},
			load: func(ctx context.Context, s *sqlstore.Store, ring seal.Sealer, key string) (any, any, error) {
				got, err := s.Tokens(ring).Load(ctx, key)
				if errors.Is(err, client.ErrNoToken) {
					return nil, nil, nil
				}
				if err != nil {
					return nil, nil, err
				}
				return got.RefreshToken, tokenOf(key).RefreshToken, err
			},
		},
		{ // a client
			save: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) error {
				_, err := s.Clients().Create(ctx, clientOf(key)) // false: the attempt before has succeeded
				return err
			},
			load: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) (any, any, error) {
				got, found, err := s.Clients().Get(ctx, key)
				if !found {
					return nil, nil, err
				}
				return string(got.Data), string(clientOf(key).Data), err
			},
		},
		{ // several rows in one transaction
			save: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) error {
				return s.Authorizations().Set(ctx, key, "alice", []string{"admin", "read", "write"})
			},
			load: func(ctx context.Context, s *sqlstore.Store, _ seal.Sealer, key string) (any, any, error) {
				got, err := s.Authorizations().Get(ctx, key, "alice")
				if len(got) == 0 {
					return nil, nil, err
				}
				return strings.Join(got, " "), "admin read write", err
			},
		},
	}
}

func entryOf(key string) store.Entry {
	n, err := strconv.ParseInt(key[strings.LastIndexByte(key, ':')+1:], 10, 64)
	if err != nil {
		return store.Entry{}
	}
	return store.Entry{Expires: time.UnixMicro(4e15 + n), Before: time.UnixMicro(1e15 + n)}
}

// tokenOf is longer than a page of each database.
func tokenOf(key string) *client.Token {
	return &client.Token{AccessToken: "access", RefreshToken: strings.Repeat(key+" ", 3000), TokenType: "Bearer", Expiry: time.UnixMicro(4e15)}
}

func clientOf(key string) store.ClientRow {
	return store.ClientRow{ID: key, Name: "a client", Version: 1, Data: []byte(`{"text":"` + strings.Repeat(key+" ", 100) + `"}`)}
}

// progress says how many records of each kind were acknowledged. The records of one kind are written in order, and a record is
// repeated until it is acknowledged.
type progress [4]int

// write saves records whose keys begin with prefix until ctx ends. It calls acked for each record that was acknowledged.
func write(ctx context.Context, s *sqlstore.Store, ring seal.Sealer, prefix string, acked func(kind int)) {
	var all sync.WaitGroup
	for kind, r := range records() {
		all.Go(func() {
			for i := 0; ctx.Err() == nil; {
				if r.save(ctx, s, ring, keyOf(prefix, kind, i)) == nil {
					acked(kind)
					i++
				}
			}
		})
	}
	all.Wait()
}

func keyOf(prefix string, kind, i int) string { return fmt.Sprintf("%s:%d:%d", prefix, kind, i) }

// wantRecords checks that all acknowledged records are there, and that the ones that were not acknowledged are complete or
// missing.
func wantRecords(t *testing.T, s *sqlstore.Store, ring seal.Sealer, prefix string, acked progress) {
	t.Helper()
	for kind, r := range records() {
		if acked[kind] == 0 {
			t.Errorf("kind %d: nothing was acknowledged", kind)
		}
		for i := range acked[kind] + 2 { // the writer was at most one ahead
			got, want, err := r.load(t.Context(), s, ring, keyOf(prefix, kind, i))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Fatalf("kind %d, record %d: %v\n%s", kind, i, err, diff)
			}
			if got == nil && i < acked[kind] {
				t.Fatalf("kind %d, record %d was acknowledged, and is missing", kind, i)
			}
		}
	}
}

// writer writes records in this process.
type writer struct {
	stop func()
	done sync.WaitGroup

	mu    sync.Mutex // guards acked
	acked progress
}

// startWriting writes until end is called.
func startWriting(t *testing.T, s *sqlstore.Store, ring seal.Sealer) *writer {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	w := &writer{stop: stop}
	w.done.Go(func() {
		write(ctx, s, ring, "writer", func(kind int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.acked[kind]++
		})
	})
	t.Cleanup(w.end)
	return w
}

func (w *writer) end() {
	w.stop()
	w.done.Wait()
}

func (w *writer) progress() progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

// wait waits until n more records of each kind were acknowledged.
func (w *writer) wait(t *testing.T, n int) {
	t.Helper()
	before := w.progress()
	eventually(t, "more records are acknowledged", func() bool {
		now := w.progress()
		for kind := range now {
			if now[kind] < before[kind]+n {
				return false
			}
		}
		return true
	})
}

// The clock of another process may be behind. For that process, an entry is valid twice the clock skew longer than here, so Save
// does not replace it before.
func TestSave_EntryThatHasJustExpired(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, dialect sqlstore.Dialect) {
		s, _ := emptyStore(t, dialect, func(c *sqlstore.Config) { c.ClockSkew = time.Minute })
		now := time.Now().Truncate(time.Second)
		for key, tt := range map[string]struct {
			expired time.Duration // ago
			kept    bool
		}{
			"valid":           {-time.Hour, true},
			"a second ago":    {time.Second, true},
			"within the skew": {90 * time.Second, true},
			"long ago":        {121 * time.Second, false},
		} {
			earlier, later := now.Add(-time.Hour), now.Add(-time.Minute)
			for _, entry := range []store.Entry{{Expires: now.Add(-tt.expired), Before: later}, {Expires: now.Add(2 * time.Hour), Before: earlier}} {
				if err := s.Save(t.Context(), key, entry); err != nil {
					t.Fatal(err)
				}
			}
			want := earlier
			if tt.kept {
				want = later
			}
			got, err := s.Lookup(t.Context(), key)
			if err != nil || !got[key].Before.Equal(want) {
				t.Errorf("%s: %v, %v, want Before %v", key, got[key], err, want)
			}
		}
	})
}
