package store_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/store"
)

// A time with a monotonic reading would be compared by the monotonic clock, which stops while the machine sleeps: an entry
// saved for an hour would then still be valid days later.
func TestCaseX11_MemoryUsesTheWallClock(t *testing.T) {
	t.Parallel()
	m := store.NewMemory(10)
	now := time.Now()
	if !strings.Contains(now.String(), " m=") {
		t.Fatal("time.Now has no monotonic reading: this test cannot fail")
	}
	entry := store.Entry{Expires: now.Add(time.Hour), Before: now.Add(time.Minute)}
	for range 2 { // a new entry, and one that is merged
		save(t, m, "a", entry)
		got, err := m.Lookup(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]store.Entry{"a": entry}, got); diff != "" {
			t.Error(diff)
		}
		for _, stored := range []time.Time{got["a"].Expires, got["a"].Before} {
			if strings.Contains(stored.String(), " m=") {
				t.Errorf("the stored time %v has a monotonic reading", stored)
			}
		}
	}
}

// A zero time is not a time before which tokens were issued: it would deny every token of the subject.
func TestCaseX4_DenySubjectNeedsATime(t *testing.T) {
	t.Parallel()
	list := store.DenyList{Storage: store.NewMemory(10)}
	issuer := newIssuer()
	token := verified(t, issuer, nil)
	later := time.Now().Add(time.Hour)
	for _, err := range []error{
		list.DenySubject(t.Context(), issuer.URL(), token.Subject(), time.Time{}, later),
		list.DenyClient(t.Context(), issuer.URL(), token.ClientID(), time.Time{}, later),
	} {
		if !errors.Is(err, store.ErrNoTime) {
			t.Errorf("error %v, want ErrNoTime", err)
		}
	}
	wantActive(t, "after the error", list, token, true)
}

// A Storage may keep seconds only, and `iat` has seconds. Tokens of the second in which the subject is denied are denied.
func TestDenySubject_FullSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		memory, issuer := store.NewMemory(10), newIssuer()
		list := store.DenyList{Storage: memory}
		at := func(offset time.Duration) store.Token {
			return verified(t, issuer, func(d *bearertest.Token) { d.Set("iat", time.Now().Add(offset).Unix()) })
		}
		sameSecond, nextSecond := at(0), at(time.Second)
		before := time.Now().Add(300 * time.Millisecond)
		if err := list.DenySubject(t.Context(), issuer.URL(), "alice", before, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		wantActive(t, "issued in the same second", list, sameSecond, false)
		wantActive(t, "issued in the next second", list, nextSecond, true)
	})
}

// What is not configured never reports a token as active, and does not panic.
func TestCaseX20_ZeroValues(t *testing.T) {
	t.Parallel()
	token := verified(t, newIssuer(), nil)
	for name, status := range map[string]store.Status{
		"DenyList":            store.DenyList{},
		"PersistedTokens":     store.PersistedTokens{},
		"All with nil":        store.All(nil),
		"All with nil second": store.All(answer{active: true}, nil),
	} {
		if active, err := status.Active(t.Context(), token); active || err == nil {
			t.Errorf("%s: Active = %v, %v, want an error", name, active, err)
		}
	}
	if active, err := store.All(nil, answer{}).Active(t.Context(), token); active || err != nil {
		t.Errorf("All with nil and a negative result: Active = %v, %v, want false and no error", active, err)
	}
	if err := (store.DenyList{}).DenyToken(t.Context(), "https://issuer.test", "J1", time.Time{}); err == nil {
		t.Error("a DenyList without Storage denied a token")
	}
	if err := new(store.Memory).Save(t.Context(), "a", store.Entry{}); !errors.Is(err, store.ErrFull) {
		t.Errorf("zero Memory: Save returned %v, want ErrFull", err)
	}
}
