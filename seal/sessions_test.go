package seal_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/seal"
)

// table is a session store like those of scs, in which a test can read and write rows.
type table struct {
	mu   sync.Mutex // guards rows
	rows map[string]row
	fail error
}

type row struct {
	value  []byte
	expiry time.Time
}

func newTable() *table { return &table{rows: make(map[string]row)} }

func (t *table) Find(id string) ([]byte, bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, found := t.rows[id]
	if !found || !time.Now().Before(r.expiry) {
		return nil, false, t.fail
	}
	return r.value, true, t.fail
}

func (t *table) Commit(id string, value []byte, expiry time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[id] = row{value, expiry}
	return t.fail
}

func (t *table) Delete(id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.rows, id)
	return t.fail
}

func (t *table) All() (map[string][]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make(map[string][]byte)
	for id, r := range t.rows {
		all[id] = r.value
	}
	return all, t.fail
}

// replace is the operation that Reseal needs.
func (t *table) replace(_ context.Context, id string, older, newer []byte) (bool, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r, found := t.rows[id]
	if !found || string(r.value) != string(older) {
		return false, nil
	}
	t.rows[id] = row{newer, r.expiry}
	return true, nil
}

// withContext has the methods that take a context. The others must not be called then.
type withContext struct {
	*table
	seen map[string]any // the value of the key "request" in each context
}

type contextKey struct{}

func (w withContext) FindCtx(ctx context.Context, id string) ([]byte, bool, error) {
	w.seen["find"] = ctx.Value(contextKey{})
	return w.table.Find(id)
}

func (w withContext) CommitCtx(ctx context.Context, id string, value []byte, expiry time.Time) error {
	w.seen["commit"] = ctx.Value(contextKey{})
	return w.table.Commit(id, value, expiry)
}

func (w withContext) DeleteCtx(ctx context.Context, id string) error {
	w.seen["delete"] = ctx.Value(contextKey{})
	return w.table.Delete(id)
}

func (w withContext) AllCtx(ctx context.Context) (map[string][]byte, error) {
	w.seen["all"] = ctx.Value(contextKey{})
	return w.table.All()
}

func (withContext) Find(string) ([]byte, bool, error) {
	return nil, false, errors.New("called without a context")
}

func (withContext) Commit(string, []byte, time.Time) error {
	return errors.New("called without a context")
}
func (withContext) Delete(string) error { return errors.New("called without a context") }
func (withContext) All() (map[string][]byte, error) {
	return nil, errors.New("called without a context")
}

// onlyStore has none of the optional methods.
type onlyStore struct{ seal.SessionStore }

func newSessions(t testing.TB, cfg seal.SessionsConfig) *seal.Sessions {
	t.Helper()
	s, err := seal.NewSessions(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func hashed(id string) string {
	hash := sha256.Sum256([]byte(id))
	return base64.RawURLEncoding.EncodeToString(hash[:])
}

const (
	alice = "qU2xv0iWzZ9fD4cYb1nT7hLkRmPsEaJgXoVwB3CtK5M" // session ids
	bob   = "Zt6Wm1bQxY8eRf2cNvH4kLpJsAgUdO9iTzX3yB7CqE0"
	note  = "gone." + alice
)

var inAnHour = time.Now().Add(time.Hour)

func commit(t testing.TB, s *seal.Sessions, id, value string) {
	t.Helper()
	if err := s.Commit(id, []byte(value), inAnHour); err != nil {
		t.Fatal(err)
	}
}

// find returns the value of a session, or "absent", or "error".
func find(s *seal.Sessions, id string) string {
	switch value, found, err := s.Find(id); {
	case err != nil:
		return "error"
	case !found:
		return "absent"
	default:
		return string(value)
	}
}

func TestSessions_AreAStore(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "1"))
	for name, cfg := range map[string]seal.SessionsConfig{
		"hashed ids":            {},
		"plain ids":             {InsecurePlainIDs: true},
		"hashed ids, migrating": {InsecureAcceptPlaintext: true},
		"plain ids, migrating":  {InsecurePlainIDs: true, InsecureAcceptPlaintext: true},
	} {
		for _, ctxStore := range []bool{false, true} {
			inner := newTable()
			cfg.Sealer, cfg.Store = ring, inner
			if ctxStore {
				cfg.Store = withContext{inner, make(map[string]any)}
			}
			s := newSessions(t, cfg)
			commit(t, s, alice, "value of alice")
			commit(t, s, bob, "value of bob")
			commit(t, s, note, "")
			commit(t, s, bob, "new value of bob")
			want := map[string]string{alice: "value of alice", bob: "new value of bob", note: ""}
			for id, value := range want {
				if got := find(s, id); got != value {
					t.Errorf("%s: Find returns %q, want %q", name, got, value)
				}
			}
			all, err := s.All()
			got := make(map[string]string)
			for id, value := range all {
				got[id] = string(value)
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: All (-want +got): %s %v", name, diff, err)
			}
			for id, r := range inner.rows {
				if isHashed := len(id) == 43 && id != alice && id != bob; isHashed == cfg.InsecurePlainIDs {
					t.Errorf("%s: the name of a row is %s", name, id)
				}
				if !seal.IsSealed(r.value) || strings.Contains(string(r.value), "value") || !r.expiry.Equal(inAnHour) {
					t.Errorf("%s: a row has the value %q and the expiry %v", name, r.value, r.expiry)
				}
			}
			for id := range want {
				if err := s.Delete(id); err != nil {
					t.Error(err)
				}
			}
			if err := s.Delete("unknown"); err != nil || len(inner.rows) != 0 || find(s, alice) != "absent" || find(s, "") != "absent" {
				t.Errorf("%s: after Delete, %d rows are left: %v", name, len(inner.rows), err)
			}
		}
	}
}

func TestSessions_PassTheContextOn(t *testing.T) {
	t.Parallel()
	inner := withContext{newTable(), make(map[string]any)}
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newKey(t, "1"))})
	ctx := context.WithValue(t.Context(), contextKey{}, "request")
	_, _, err1 := s.FindCtx(ctx, alice)
	_, err2 := s.AllCtx(ctx)
	if err := errors.Join(err1, err2, s.CommitCtx(ctx, alice, nil, inAnHour), s.DeleteCtx(ctx, alice)); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"find": "request", "commit": "request", "delete": "request", "all": "request"}
	if diff := cmp.Diff(want, inner.seen); diff != "" {
		t.Error(diff)
	}
}

func TestNewSessions_Faults(t *testing.T) {
	t.Parallel()
	_, err := seal.NewSessions(seal.SessionsConfig{})
	if err == nil || !strings.Contains(err.Error(), "SessionsConfig.Store") || !strings.Contains(err.Error(), "SessionsConfig.Sealer") {
		t.Errorf("error %v, want both fields in it", err)
	}
	ring := newRing(t, newKey(t, "1"))
	s := newSessions(t, seal.SessionsConfig{Store: onlyStore{newTable()}, Sealer: ring})
	if _, err := seal.NewSessions(seal.SessionsConfig{Store: s, Sealer: ring}); err == nil {
		t.Error("Sessions can be sealed twice")
	}
	if _, err := s.All(); err == nil || !strings.Contains(err.Error(), "IterableStore") {
		t.Errorf("All of a store without it: %v", err)
	}
}

// TestSessions_ChangedStore changes rows as somebody does who can write to the store. Sessions with such rows do not exist.
// For other records, the result is an error.
func TestSessions_ChangedStore(t *testing.T) {
	t.Parallel()
	older := newRing(t, newKey(t, "0"))
	for _, plain := range []bool{false, true} {
		name := hashed
		if plain {
			name = func(id string) string { return id }
		}
		for _, test := range []struct {
			name       string
			change     func(rows map[string]row)
			id, want   string
			unreadable error
		}{
			{"nothing changed", func(map[string]row) {}, alice, "value of alice", nil},
			{"value of another session", func(rows map[string]row) { rows[name(alice)] = rows[name(bob)] }, alice, "absent", seal.ErrDamaged},
			{"value of a note", func(rows map[string]row) { rows[name(alice)] = rows[name(note)] }, alice, "absent", seal.ErrDamaged},
			{"truncated", func(rows map[string]row) { cut(rows, name(alice)) }, alice, "absent", seal.ErrDamaged},
			{"empty", func(rows map[string]row) { rows[name(alice)] = row{nil, inAnHour} }, alice, "absent", seal.ErrNotSealed},
			{"plaintext", func(rows map[string]row) { rows[name(alice)] = row{[]byte("forged"), inAnHour} }, alice, "absent", seal.ErrNotSealed},
			{"sealed for something else", func(rows map[string]row) {
				value, _ := older.Seal(context.Background(), []byte("x"), nil)
				rows[name(alice)] = row{value, inAnHour}
			}, alice, "absent", seal.ErrUnknownKey},
			{"note truncated", func(rows map[string]row) { cut(rows, name(note)) }, note, "error", seal.ErrDamaged},
			{"note of plaintext", func(rows map[string]row) { rows[name(note)] = row{[]byte("x"), inAnHour} }, note, "error", seal.ErrNotSealed},
			{"note replaced by a session", func(rows map[string]row) { rows[name(note)] = rows[name(bob)] }, note, "error", seal.ErrDamaged},
			{"deleted", func(rows map[string]row) { delete(rows, name(alice)) }, alice, "absent", nil},
		} {
			inner := newTable()
			var unreadable []seal.UnreadableSession
			s := newSessions(t, seal.SessionsConfig{
				Store: inner, Sealer: newRing(t, newKey(t, "1")), InsecurePlainIDs: plain,
				OnUnreadable: func(_ context.Context, u seal.UnreadableSession) { unreadable = append(unreadable, u) },
			})
			commit(t, s, alice, "value of alice")
			commit(t, s, bob, "value of bob")
			commit(t, s, note, "logout")
			test.change(inner.rows)
			if got := find(s, test.id); got != test.want {
				t.Errorf("%s: Find returns %q, want %q", test.name, got, test.want)
			}
			if got := find(s, bob); got != "value of bob" {
				t.Errorf("%s: Find of a row that was not changed: %q", test.name, got)
			}
			switch {
			case test.unreadable == nil && len(unreadable) != 0:
				t.Errorf("%s: %d rows were reported, want none", test.name, len(unreadable))
			case test.unreadable == nil:
			case len(unreadable) != 1 || !errors.Is(unreadable[0].Err, test.unreadable):
				t.Errorf("%s: reported %v, want %v", test.name, unreadable, test.unreadable)
			case plain && unreadable[0].Row != "" || !plain && unreadable[0].Row != hashed(test.id):
				t.Errorf("%s: the reported row is %q", test.name, unreadable[0].Row)
			}
			if all, err := s.All(); err != nil || len(all) != len(inner.rows)-min(1, len(unreadable)) {
				t.Errorf("%s: All returns %d of %d rows, %v", test.name, len(all), len(inner.rows), err)
			}
		}
	}
}

func cut(rows map[string]row, name string) {
	r := rows[name]
	rows[name] = row{r.value[:len(r.value)-1], r.expiry}
}

// TestSessions_OlderValue documents what sealing cannot detect.
func TestSessions_OlderValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := newTable()
		s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newKey(t, "1"))})
		const left = time.Hour + 345678*time.Microsecond
		soon := time.Now().Add(left)
		if err := s.Commit(alice, []byte("older"), soon); err != nil {
			t.Fatal(err)
		}
		older := inner.rows[hashed(alice)].value
		if err := s.Commit(alice, []byte("newer"), soon); err != nil {
			t.Fatal(err)
		}
		inner.rows[hashed(alice)] = row{older, soon.Add(1000 * time.Hour)} // with another expiry
		if got := find(s, alice); got != "older" {
			t.Errorf("Find returns %q, want the older value", got)
		}
		time.Sleep(left - time.Nanosecond)
		if got := find(s, alice); got == "absent" {
			t.Error("the session ends before it expires")
		}
		time.Sleep(time.Microsecond)
		if got := find(s, alice); got != "absent" {
			t.Errorf("Find after the expiry that was sealed: %q, want absent", got)
		}
		if all, err := s.All(); err != nil || len(all) != 0 {
			t.Errorf("All returns %d rows, %v, want none", len(all), err)
		}
	})
}

// TestSessions_NamesOfRowsAreNoSessionIDs uses what somebody finds in the store as a session id.
func TestSessions_NamesOfRowsAreNoSessionIDs(t *testing.T) {
	t.Parallel()
	for _, migrating := range []bool{false, true} {
		inner := newTable()
		s := newSessions(t, seal.SessionsConfig{
			Store: inner, Sealer: newRing(t, newKey(t, "1")), InsecureAcceptPlaintext: migrating,
		})
		commit(t, s, alice, "value of alice")
		for name := range maps.Clone(inner.rows) {
			if got := find(s, name); got != "absent" {
				t.Errorf("migrating %t: the name of a row is a session id: %q", migrating, got)
			}
		}
	}
}

// TestSessions_Migration starts with rows that are not sealed.
func TestSessions_Migration(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "1"))
	for _, test := range []struct {
		name   string
		plain  bool
		sealed bool // the old rows have plain ids, but are sealed
	}{
		{name: "to hashed ids"}, {name: "to plain ids", plain: true}, {name: "from plain to hashed ids", sealed: true},
	} {
		inner := newTable()
		var before seal.SessionStore = inner
		if test.sealed {
			before = newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring, InsecurePlainIDs: true})
		}
		for id, value := range map[string]string{alice: "old value", bob: "value of bob", note: "logout"} {
			if err := before.Commit(id, []byte(value), inAnHour); err != nil {
				t.Fatal(err)
			}
		}
		s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring, InsecurePlainIDs: test.plain, InsecureAcceptPlaintext: true})
		strict := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring, InsecurePlainIDs: test.plain})
		if find(s, alice) != "old value" || find(s, note) != "logout" {
			t.Errorf("%s: old rows are not found: %s, %s", test.name, find(s, alice), find(s, note))
		}
		if got := find(strict, alice); got != "absent" {
			t.Errorf("%s: without the setting, an old row is found: %q", test.name, got)
		}
		commit(t, s, alice, "new value")
		if len(inner.rows) != 3 || find(s, alice) != "new value" || find(strict, alice) != "new value" {
			t.Errorf("%s: after a write, %d rows, %q and %q", test.name, len(inner.rows), find(s, alice), find(strict, alice))
		}
		all, err := s.All()
		if err != nil || len(all) != 3 || string(all[alice]) != "new value" || string(all[bob]) != "value of bob" {
			t.Errorf("%s: All returns %q, %v", test.name, all, err)
		}
		// A process that does not hash yet has written the old row once more: the sealed row counts.
		if !test.plain {
			inner.rows[alice] = row{[]byte("old value"), inAnHour}
			if all, err := s.All(); err != nil || string(all[alice]) != "new value" || find(s, alice) != "new value" {
				t.Errorf("%s: All returns %q, %v", test.name, all[alice], err)
			}
		}
		if err := errors.Join(s.Delete(alice), s.Delete(bob), s.Delete(note)); err != nil || len(inner.rows) != 0 {
			t.Errorf("%s: after Delete, %d rows are left, %v", test.name, len(inner.rows), err)
		}
	}
}

// TestSessions_PlaintextUnderAHash writes plaintext into a row that only a hash can name.
func TestSessions_PlaintextUnderAHash(t *testing.T) {
	t.Parallel()
	inner := newTable()
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newKey(t, "1")), InsecureAcceptPlaintext: true})
	inner.rows[hashed(alice)] = row{[]byte("forged"), inAnHour}
	inner.rows[hashed(note)] = row{[]byte("forged"), inAnHour}
	if got := find(s, alice); got != "absent" {
		t.Errorf("session: %q, want absent", got)
	}
	if got := find(s, note); got != "error" {
		t.Errorf("note: %q, want an error", got)
	}
}

// TestSessions_Rotation changes the key while sessions exist.
func TestSessions_Rotation(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "1"), newKey(t, "2")
	inner := newTable()
	open := func(keys ...seal.Key) *seal.Sessions {
		return newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, keys...)})
	}
	before, during, after := open(older), open(newer, older), open(newer)
	commit(t, before, alice, "value of alice")
	commit(t, before, bob, "value of bob")
	commit(t, before, note, "logout")
	if find(during, alice) != "value of alice" || find(after, alice) != "absent" || find(after, note) != "error" {
		t.Error("during the rotation, or after a key was removed too early:", find(during, alice), find(after, alice), find(after, note))
	}
	commit(t, during, bob, "new value of bob")
	if find(after, bob) != "new value of bob" {
		t.Error("a write does not seal with the first key")
	}
	inner.rows["damaged"] = row{[]byte("?"), inAnHour}

	// A request writes and another one deletes, between the read of Reseal and its write.
	commit(t, before, hashed("written"), "x")
	commit(t, before, hashed("deleted"), "x")
	racing := func(ctx context.Context, name string, old, new []byte) (bool, error) {
		switch name {
		case hashed(hashed("written")):
			commit(t, before, hashed("written"), "y")
		case hashed(hashed("deleted")):
			if err := during.Delete(hashed("deleted")); err != nil {
				return false, err
			}
		}
		return inner.replace(ctx, name, old, new)
	}
	got, err := during.Reseal(t.Context(), racing)
	want := seal.ResealedSessions{Current: 1, Resealed: 2, Changed: 2, Unreadable: 1}
	if got != want || err != nil {
		t.Errorf("Reseal: %+v, %v, want %+v", got, err, want)
	}
	if got := find(during, hashed("written")) + " " + find(during, hashed("deleted")); got != "y absent" {
		t.Errorf("Reseal has undone a write or a deletion: %s", got)
	}
	got, err = during.Reseal(t.Context(), inner.replace)
	want = seal.ResealedSessions{Current: 3, Resealed: 1, Unreadable: 1}
	if got != want || err != nil {
		t.Errorf("second Reseal: %+v, %v, want %+v", got, err, want)
	}
	for id, value := range map[string]string{alice: "value of alice", bob: "new value of bob", note: "logout", hashed("written"): "y"} {
		if got := find(after, id); got != value {
			t.Errorf("without the old key, Find returns %q, want %q", got, value)
		}
	}
	for name, r := range inner.rows {
		if name != "damaged" && !r.expiry.Equal(inAnHour) {
			t.Error("Reseal has changed an expiry")
		}
	}
}

func TestSessions_ResealStops(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "1"), newKey(t, "2")
	inner := newTable()
	commit(t, newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, older)}), alice, "x")
	inner.rows[bob] = row{[]byte("plaintext"), inAnHour}
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newer, older), InsecureAcceptPlaintext: true})
	full := errors.New("disk full")
	if _, err := s.Reseal(t.Context(), func(context.Context, string, []byte, []byte) (bool, error) { return false, full }); !errors.Is(err, full) {
		t.Errorf("error of replace: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Reseal(ctx, inner.replace); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
	if got, err := s.Reseal(t.Context(), inner.replace); err != nil || got != (seal.ResealedSessions{Resealed: 1, Plaintext: 1}) {
		t.Errorf("Reseal: %+v, %v", got, err)
	}
	if string(inner.rows[bob].value) != "plaintext" {
		t.Error("Reseal has changed a row that is not sealed")
	}
	inner.fail = full
	if _, err := s.Reseal(t.Context(), inner.replace); !errors.Is(err, full) {
		t.Errorf("error of the store: %v", err)
	}
}

// unavailable is a Sealer whose service cannot be reached.
type unavailable struct{ seal.Sealer }

var errService = errors.New("the key service cannot be reached")

func (unavailable) Seal(context.Context, []byte, []byte) ([]byte, error) { return nil, errService }
func (unavailable) Open(context.Context, []byte, []byte) ([]byte, error) { return nil, errService }

// TestSessions_Unavailable ensures that an outage is an error, and does not look as if the sessions had ended.
func TestSessions_Unavailable(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "1"))
	inner := newTable()
	commit(t, newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring}), alice, "x")
	kept := slices.Clone(inner.rows[hashed(alice)].value)
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: unavailable{ring}, OnUnreadable: func(context.Context, seal.UnreadableSession) {
		t.Error("an outage is reported as an unreadable row")
	}})
	_, found, err := s.Find(alice)
	_, errAll := s.All()
	errCommit := s.Commit(alice, []byte("y"), inAnHour)
	for what, err := range map[string]error{"Find": err, "All": errAll, "Commit": errCommit} {
		if !errors.Is(err, errService) {
			t.Errorf("%s: %v, want the error of the service", what, err)
		}
	}
	if found || !slices.Equal(inner.rows[hashed(alice)].value, kept) {
		t.Error("a session was found, or its row was changed")
	}
	inner.fail = errService
	readable := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring})
	_, found, err = readable.Find(alice)
	if found || !errors.Is(err, errService) || !errors.Is(readable.Delete(alice), errService) || !errors.Is(readable.Commit(alice, nil, inAnHour), errService) {
		t.Errorf("an error of the store is not returned: found %t, %v", found, err)
	}
}
