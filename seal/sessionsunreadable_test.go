package seal_test

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/seal"
)

// TestNewSessions_NilInInterfaces passes nil pointers, as a program does that ignores the error of seal.New.
func TestNewSessions_NilInInterfaces(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "1"))
	var (
		noRing  *seal.Keyring
		noTable *table
		none    *seal.Sessions
	)
	for want, cfg := range map[string]seal.SessionsConfig{
		"SessionsConfig.Sealer is required": {Store: newTable(), Sealer: noRing},
		"SessionsConfig.Store is required":  {Store: noTable, Sealer: ring},
		"Store is required":                 {Store: none, Sealer: ring},
	} {
		if _, err := seal.NewSessions(cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q in it", err, want)
		}
	}
}

// TestSessions_TooLarge lowers MaxBytes below the size of a stored session. That session does not exist any more, and all others
// can still be found, listed and sealed again.
func TestSessions_TooLarge(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "1"), newKey(t, "2")
	inner := newTable()
	before := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, older)})
	commit(t, before, alice, strings.Repeat("x", 2000))
	commit(t, before, note, strings.Repeat("x", 2000))
	commit(t, before, bob, "value of bob")
	small, err := seal.New(seal.Config{Keys: []seal.Key{newer, older}, MaxBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var reported []error
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: small, OnUnreadable: func(_ context.Context, u seal.UnreadableSession) {
		reported = append(reported, u.Err)
	}})
	if got := []string{find(s, alice), find(s, note), find(s, bob)}; got[0] != "absent" || got[1] != "error" || got[2] != "value of bob" {
		t.Errorf("Find returns %q, want absent, error, and the value of bob", got)
	}
	if all, err := s.All(); err != nil || len(all) != 1 || string(all[bob]) != "value of bob" {
		t.Errorf("All returns %d rows, %v, want that of bob", len(all), err)
	}
	if got, err := s.Reseal(t.Context(), inner.replace); err != nil || got != (seal.ResealedSessions{Resealed: 1, Unreadable: 2}) {
		t.Errorf("Reseal: %+v, %v", got, err)
	}
	for _, err := range reported {
		if !errors.Is(err, seal.ErrTooLarge) || !strings.Contains(err.Error(), "Config.MaxBytes") {
			t.Errorf("reported: %v, want ErrTooLarge with the field", err)
		}
	}
	if len(reported) != 6 {
		t.Errorf("%d rows were reported, want 6", len(reported))
	}
	if err := s.Commit(alice, make([]byte, 1001), inAnHour); !errors.Is(err, seal.ErrTooLarge) {
		t.Errorf("Commit: %v, want ErrTooLarge", err)
	}
}

// TestSessions_UnreadableShowsNoSessionID reads rows whose names are session ids. OnUnreadable is likely to log what it receives.
func TestSessions_UnreadableShowsNoSessionID(t *testing.T) {
	t.Parallel()
	ring, lost := newRing(t, newKey(t, "1")), newRing(t, newKey(t, "0"))
	for name, cfg := range map[string]seal.SessionsConfig{
		"plain ids":                {InsecurePlainIDs: true},
		"from plain ids to hashes": {InsecureAcceptPlaintext: true},
		"plain ids, migrating":     {InsecurePlainIDs: true, InsecureAcceptPlaintext: true},
	} {
		inner := newTable()
		commit(t, newSessions(t, seal.SessionsConfig{Store: inner, Sealer: lost, InsecurePlainIDs: true}), alice, "x")
		inner.rows[bob] = row{[]byte("bkseal\x00?"), inAnHour}
		reported := 0
		cfg.Store, cfg.Sealer = inner, ring
		cfg.OnUnreadable = func(_ context.Context, u seal.UnreadableSession) {
			if reported++; u.Row != "" || u.Err == nil {
				t.Errorf("%s: reported row %q, %v, want no row", name, u.Row, u.Err)
			}
		}
		s := newSessions(t, cfg)
		_, _, errFind := s.Find(alice)
		_, errAll := s.All()
		_, errReseal := s.Reseal(t.Context(), inner.replace)
		if err := errors.Join(errFind, errAll, errReseal); err != nil || reported != 5 {
			t.Errorf("%s: %d reports, %v, want 5", name, reported, err)
		}
	}
}

// TestSessions_OtherPlaintexts opens rows that have the right key and binding, and that do not contain a session.
func TestSessions_OtherPlaintexts(t *testing.T) {
	t.Parallel()
	ring, inner := newRing(t, newKey(t, "1")), newTable()
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring})
	commit(t, s, alice, "value")
	session, err := ring.Open(t.Context(), inner.rows[hashed(alice)].value, seal.Bind("bearerkit session", hashed(alice)))
	if err != nil {
		t.Fatal(err)
	}
	withLength := func(n uint64) []byte {
		return slices.Concat(session[:8], binary.BigEndian.AppendUint64(nil, n), session[16:])
	}
	rest := uint64(len(session) - 16)
	for name, plaintext := range map[string][]byte{
		"nothing": nil, "less than the expiry": session[:7], "only the expiry": session[:8], "less than the length": session[:15],
		"only the lengths": session[:16], "half an id": session[:30], "id with the value": withLength(rest),
		"long id": withLength(rest + 1), "longer id": withLength(rest + 16), "longest id": withLength(1<<64 - 1), "negative length": withLength(1 << 63),
	} {
		inner.rows[hashed(alice)] = row{sealed(t, ring, string(plaintext), string(seal.Bind("bearerkit session", hashed(alice)))), inAnHour}
		if got := find(s, alice); got != "absent" {
			t.Errorf("%s: %q, want absent", name, got)
		}
	}
	inner.rows[hashed(alice)] = row{sealed(t, ring, string(session), string(seal.Bind("bearerkit session", hashed(alice)))), inAnHour}
	if got := find(s, alice); got != "value" {
		t.Errorf("the session itself: %q", got)
	}
}

// TestSessions_ErrorsShowNoSessionID checks the errors that an application logs.
func TestSessions_ErrorsShowNoSessionID(t *testing.T) {
	t.Parallel()
	ring := newRing(t, newKey(t, "1"))
	for _, plain := range []bool{false, true} {
		inner := newTable()
		s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring, InsecurePlainIDs: plain})
		commit(t, s, note, "logout")
		for name := range inner.rows {
			inner.rows[name] = row{[]byte("?"), inAnHour}
		}
		_, _, errFind := s.Find(note)
		outage := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: unavailable{ring}, InsecurePlainIDs: plain})
		_, _, errOutage := outage.Find(note)
		_, errAll := outage.All()
		_, errReseal := outage.Reseal(t.Context(), inner.replace)
		for what, err := range map[string]error{
			"Find": errFind, "Find during an outage": errOutage, "All": errAll, "Reseal": errReseal,
			"Commit": outage.Commit(alice, nil, inAnHour), "large": s.Commit(alice, make([]byte, 2<<20), inAnHour),
		} {
			if err == nil || strings.Contains(err.Error(), alice) || strings.Contains(err.Error(), hashed(alice)) || strings.Contains(err.Error(), hashed(note)) {
				t.Errorf("%s: %v, want an error without an id or the name of a row", what, err)
			}
		}
	}
}

// waits is a Sealer whose service does not respond until the context ends.
type waits struct{ seal.Sealer }

func (waits) Seal(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (waits) Open(ctx context.Context, _, _ []byte) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestSessions_SlowSealer ends the context of calls that wait for a service.
func TestSessions_SlowSealer(t *testing.T) {
	t.Parallel()
	ring, inner := newRing(t, newKey(t, "1")), newTable()
	commit(t, newSessions(t, seal.SessionsConfig{Store: inner, Sealer: ring}), alice, "x")
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: waits{newRing(t, newKey(t, "2"))}})
	for what, call := range map[string]func(ctx context.Context) error{
		"Find":   func(ctx context.Context) error { _, _, err := s.FindCtx(ctx, alice); return err },
		"All":    func(ctx context.Context) error { _, err := s.AllCtx(ctx); return err },
		"Commit": func(ctx context.Context) error { return s.CommitCtx(ctx, alice, nil, inAnHour) },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		if err := call(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want context.Canceled", what, err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := s.Reseal(ctx, inner.replace); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Reseal: %v, want context.DeadlineExceeded", err)
	}
}

// sealsNothing is a Sealer that can open values, but whose service rejects each value that it should seal.
type sealsNothing struct{ seal.Sealer }

func (sealsNothing) Seal(context.Context, []byte, []byte) ([]byte, error) {
	return nil, seal.ErrTooLarge
}

// TestSessions_ResealReportsErrorsOfSeal ensures that a row which can be opened does not count as unreadable.
func TestSessions_ResealReportsErrorsOfSeal(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "1"), newKey(t, "2")
	inner := newTable()
	commit(t, newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, older)}), alice, "x")
	s := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: sealsNothing{newRing(t, newer, older)}})
	if got, err := s.Reseal(t.Context(), inner.replace); !errors.Is(err, seal.ErrTooLarge) || got != (seal.ResealedSessions{}) {
		t.Errorf("Reseal: %+v, %v, want the error of Seal", got, err)
	}
}

// TestSessions_ResealInTwoProcesses runs Reseal twice at the same time, while a request writes sessions.
func TestSessions_ResealInTwoProcesses(t *testing.T) {
	t.Parallel()
	older, newer := newKey(t, "1"), newKey(t, "2")
	inner := newTable()
	before := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, older)})
	ids := make([]string, 50)
	for i := range ids {
		ids[i] = hashed(string(rune('a' + i)))
		commit(t, before, ids[i], "old")
	}
	during := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newer, older)})
	var (
		wait   sync.WaitGroup
		counts [2]seal.ResealedSessions
		errs   [2]error
	)
	for i := range counts {
		wait.Go(func() { counts[i], errs[i] = during.Reseal(context.WithoutCancel(t.Context()), inner.replace) })
	}
	wait.Go(func() {
		for _, id := range ids[:25] {
			if err := during.Commit(id, []byte("new"), inAnHour); err != nil {
				t.Error(err)
			}
		}
	})
	wait.Wait()
	for i, count := range counts {
		if errs[i] != nil || count.Unreadable+count.Plaintext != 0 || count.Current+count.Resealed+count.Changed != len(ids) {
			t.Errorf("Reseal: %+v, %v", count, errs[i])
		}
	}
	after := newSessions(t, seal.SessionsConfig{Store: inner, Sealer: newRing(t, newer)})
	for i, id := range ids {
		want := "old"
		if i < 25 {
			want = "new"
		}
		if got := find(after, id); got != want {
			t.Errorf("session %d: %q, want %q", i, got, want)
		}
	}
}
