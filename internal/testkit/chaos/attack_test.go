package chaos_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/testkit/chaos"
)

// attack sends tokens with a different unknown kid each, with a pause in between, until the test ends.
func (w *world) attack(t *testing.T, pause time.Duration) {
	t.Helper()
	draft, stop, stopped := w.Good(), make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(stop); <-stopped })
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(pause):
			}
			w.want(t, http.StatusUnauthorized, "random kid", draft.SetHeader("kid", fmt.Sprint("random-", n)).Sign())
		}
	}()
}

// TestChaosLevelRotationUnderAttack measures how long an attacker can keep the tokens of a new key out. The moments of the
// rotations are spread over the interval between two fetches.
func TestChaosLevelRotationUnderAttack(t *testing.T) {
	if testing.Short() {
		t.Skip("sends thousands of requests")
	}
	t.Parallel()
	virtually1(t, func(t *testing.T, w *world) {
		w.want(t, http.StatusOK, "before", w.Good().Sign())
		w.attack(t, time.Second)
		time.Sleep(time.Minute) // the burst is used up
		var longest time.Duration
		for range 40 {
			time.Sleep(3*w.minRefetch + w.minRefetch/40)
			w.Rotate()
			began := time.Now()
			for w.ask(t, w.Good().Sign()) != http.StatusOK && time.Since(began) < time.Hour {
				time.Sleep(50 * time.Millisecond)
			}
			longest = max(longest, time.Since(began))
		}
		seconds := (longest + time.Second - 1) / time.Second
		promise(t, w, "rotation under attack", longest <= w.minRefetch, fmt.Sprintf("at most %d s, in 40 rotations", seconds))
	})
}

func TestChaosLevelOutageUnderAttack(t *testing.T) {
	if testing.Short() {
		t.Skip("sends thousands of requests")
	}
	t.Parallel()
	virtually1(t, func(t *testing.T, w *world) {
		good := w.Good().Sign()
		w.want(t, http.StatusOK, "before", good)
		w.Fail(chaos.Status(http.StatusInternalServerError, ""))
		before := w.Asked(chaos.Keys) + w.Asked(chaos.Metadata)
		w.attack(t, 100*time.Millisecond)
		time.Sleep(w.fresh / 2) // the keys are fresh, so nothing else causes a fetch
		requests := w.Asked(chaos.Keys) + w.Asked(chaos.Metadata) - before
		w.want(t, http.StatusOK, "during the outage", good)
		most := int(w.fresh / 2 / w.minRefetch)
		promise(t, w, "outage under attack", requests > 0 && requests <= most, fmt.Sprintf("at most %d in 5 min", most))
	})
}

// TestChaosLevelSleep is not parallel, because it shifts the wall clock. It checks cached tokens and new ones.
func TestChaosLevelSleep(t *testing.T) { //nolint:paralleltest // ShiftWall
	synctest.Test(t, func(t *testing.T) {
		w := newVirtual(t, nil)
		cached, uncached := w.LastingFor(1000*time.Hour).Sign(), w.LastingFor(1000*time.Hour).Set("jti", "2").Sign()
		w.want(t, http.StatusOK, "before", cached)
		w.Stop()
		clock.ShiftWall(t, 72*time.Hour)
		first, second := w.ask(t, cached), w.ask(t, uncached)
		promise(t, w, "sleep", first == http.StatusServiceUnavailable && second == first, fmt.Sprint(first))
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		w.eventually(t, "afterwards", func() string { return cached })
	})
}
