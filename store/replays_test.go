package store_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

func TestCaseG7_Replays(t *testing.T) {
	t.Parallel()
	r, now := store.NewReplays(2), time.Now()
	mark := func(id string) (bool, error) {
		return r.Mark(t.Context(), "key", id, now.Add(-time.Minute), now.Add(time.Minute))
	}
	for _, id := range []string{"a", "b"} {
		if first, err := mark(id); !first || err != nil {
			t.Errorf("new proof %s: %v, %v, want true", id, first, err)
		}
		if first, err := mark(id); first || err != nil {
			t.Errorf("replay of %s: %v, %v, want false", id, first, err)
		}
	}
	if first, err := mark("c"); first || !errors.Is(err, store.ErrFull) {
		t.Errorf("a proof without room: %v, %v, want ErrFull", first, err)
	}
}

func TestCaseG7_ReplaysOfOneKey(t *testing.T) {
	t.Parallel()
	r, now := store.NewReplays(0), time.Now()
	for i := range 10_000 {
		if first, err := r.Mark(t.Context(), "key", fmt.Sprint(i), now, now.Add(time.Minute)); !first || err != nil {
			t.Fatalf("proof %d: %v, %v", i, first, err)
		}
	}
	if first, err := r.Mark(t.Context(), "key", "more", now, now.Add(time.Minute)); first || !errors.Is(err, store.ErrFull) {
		t.Errorf("proof 10 001 of one key: %v, %v, want ErrFull", first, err)
	}
}

func TestCaseG7_ReplaysAfterARestart(t *testing.T) {
	t.Parallel()
	r, now := store.NewReplays(0), time.Now()
	r.StartAt(now)
	var forgotten interface{ Forgotten() bool }
	first, err := r.Mark(t.Context(), "key", "a", now.Add(-time.Second), now.Add(time.Minute))
	if first || !errors.As(err, &forgotten) || !forgotten.Forgotten() {
		t.Errorf("a proof that may have been used before the start: %v, %v, want a Forgotten error", first, err)
	}
	if first, err := r.Mark(t.Context(), "key", "b", now, now.Add(time.Minute)); !first || err != nil {
		t.Errorf("a proof made after the start: %v, %v, want true", first, err)
	}
}

func TestCaseX20_ZeroReplays(t *testing.T) {
	t.Parallel()
	var r store.Replays
	r.StartAt(time.Now())
	if first, err := r.Mark(t.Context(), "key", "a", time.Now(), time.Now()); first || !errors.Is(err, store.ErrFull) {
		t.Errorf("Mark = %v, %v, want ErrFull", first, err)
	}
}
