package chaos_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/testkit/chaos"
)

// scenarios are the faults of an issuer. Cold is what a good token gets while nothing is known yet.
var scenarios = map[string]struct {
	fault chaos.Fault
	of    []chaos.Document // none: all
	down  bool
	cold  int
}{
	"down":              {down: true, cold: 503},
	"slow":              {fault: chaos.Slow(50 * time.Millisecond), cold: 200},
	"hangs":             {fault: chaos.Hang, cold: 503},
	"hangs, keys":       {fault: chaos.Hang, of: []chaos.Document{chaos.Keys}, cold: 503},
	"hangs in the body": {fault: chaos.HangInBody, cold: 503},
	"hangs in the body, of the keys": {
		fault: chaos.HangInBody, of: []chaos.Document{chaos.Keys}, cold: 503,
	},
	"cuts the connection":       {fault: chaos.CutOff, cold: 503},
	"cuts the connection, keys": {fault: chaos.CutOff, of: []chaos.Document{chaos.Keys}, cold: 503},
	"500":                       {fault: chaos.Status(500, ""), cold: 503},
	"500 for keys":              {fault: chaos.Status(500, ""), of: []chaos.Document{chaos.Keys}, cold: 503},
	"503 with Retry-After":      {fault: chaos.Status(503, "2"), cold: 503},
	"429":                       {fault: chaos.Status(429, ""), cold: 503},
	"429 with Retry-After":      {fault: chaos.Status(429, "2"), of: []chaos.Document{chaos.Keys}, cold: 503},
	"429 with a date":           {fault: untilLater, cold: 503},
	"404":                       {fault: chaos.Status(404, ""), cold: 503},
	"a page":                    {fault: chaos.HTML, cold: 503},
	"a page for keys":           {fault: chaos.HTML, of: []chaos.Document{chaos.Keys}, cold: 503},
	"no keys":                   {fault: chaos.Empty, of: []chaos.Document{chaos.Keys}, cold: 503},
	"empty documents":           {fault: chaos.Empty, cold: 503},
	"5 MiB":                     {fault: chaos.Huge, cold: 503},
	"5 MiB of keys":             {fault: chaos.Huge, of: []chaos.Document{chaos.Keys}, cold: 503},
	"garbage":                   {fault: chaos.Garbage, cold: 503},
	"garbage for keys":          {fault: chaos.Garbage, of: []chaos.Document{chaos.Keys}, cold: 503},
	"a redirect":                {fault: chaos.Redirect, cold: 503},
	"a redirect of the keys":    {fault: chaos.Redirect, of: []chaos.Document{chaos.Keys}, cold: 503},
}

func untilLater(w http.ResponseWriter, r *http.Request, answer func(http.ResponseWriter)) {
	later := time.Now().Add(2 * time.Second).UTC().Format(http.TimeFormat)
	chaos.Status(http.StatusTooManyRequests, later)(w, r, answer)
}

func (w *world) breakDown(name string) {
	s := scenarios[name]
	if s.down {
		w.Stop()
		return
	}
	w.Fail(s.fault, s.of...)
}

func (w *world) recover(t *testing.T) {
	t.Helper()
	w.Heal()
	w.Stop()
	if err := w.Start(); err != nil { // at another address
		t.Error(err)
	}
}

// TestChaosWithKeys: no fault of an issuer has an effect while usable keys are held.
func TestChaosWithKeys(t *testing.T) {
	t.Parallel()
	for name := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, w *world) {
				// Over sockets, a busy machine can take longer for the first fetch than the timeout of the client.
				w.eventually(t, "before", func() string { return w.Good().Sign() })
				w.breakDown(name)
				for round := range 4 { // fresh, and past it: three times an attempt to fetch
					w.want(t, http.StatusOK, "a good token", w.Good().Set("jti", fmt.Sprint(round)).Sign())
					w.wantRefused(t, true)
					time.Sleep(w.fresh + w.fresh/2)
				}
				began, asked := time.Now(), w.Asked(chaos.Keys)+w.Asked(chaos.Metadata)
				for range 50 {
					w.want(t, http.StatusOK, "one of many", w.Good().Sign())
				}
				again, took := w.Asked(chaos.Keys)+w.Asked(chaos.Metadata)-asked, time.Since(began)
				if most := 4 + 4*int(took/w.fresh); again > most { // on a slow machine keys grow old meanwhile
					t.Errorf("50 requests caused %d requests to the issuer in %v, want at most %d", again, took, most)
				}

				w.recover(t)
				w.Rotate()
				w.eventually(t, "a token of the next key", func() string { return w.Good().Sign() })
				w.wantRefused(t, true)
			})
		})
	}
}

// TestChaosCold checks that a token gets 503 while no keys are held, because the kit cannot tell whether it is valid.
func TestChaosCold(t *testing.T) {
	t.Parallel()
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			everywhere(t, func(t *testing.T, w *world) {
				w.breakDown(name)
				w.want(t, s.cold, "the first request", w.Good().Sign())
				w.want(t, s.cold, "the second request", w.Good().Sign())
				w.wantRefused(t, s.cold == http.StatusOK)
				if ready := w.verifier.Health().Ready; ready != (s.cold == http.StatusOK) {
					t.Errorf("ready: %v", ready)
				}
				w.recover(t)
				w.eventually(t, "the first request after", func() string { return w.Good().Sign() })
				w.wantRefused(t, true)
			})
		})
	}
}

// TestChaosFlapping: an issuer that sends one good response in three is sufficient.
func TestChaosFlapping(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		w.eventually(t, "before", func() string { return w.Good().Sign() })
		w.Fail(chaos.Flap(3, chaos.Status(500, "")))
		for range 10 {
			time.Sleep(w.fresh / 2)
			w.want(t, http.StatusOK, "a good token", w.Good().Sign())
			w.wantRefused(t, true)
		}
	})
}

// TestChaosMovedKeys: a changed jwks_uri is noticed when the metadata has aged, or at once when the operator says so.
func TestChaosMovedKeys(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		old := w.Good().Sign()
		w.eventually(t, "before", func() string { return old })
		w.MoveKeys()
		w.Rotate()
		w.Retire()
		if w.virtual {
			time.Sleep(w.fresh)
			_ = w.ask(t, w.Good().Sign()) // the request that finds the metadata aged is not held
			time.Sleep(time.Second)
		} else if err := w.verifier.Refresh(t.Context()); err != nil { // ten minutes are too long to wait
			t.Error(err)
		}
		w.want(t, http.StatusOK, "a token of the new place", w.Good().Sign())
		w.want(t, http.StatusUnauthorized, "a token of the old place", old)
	})
}

// TestChaosReplacedKeys: a rotation without overlap costs the tokens of the withdrawn key, as it should, and no others.
func TestChaosReplacedKeys(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		old := w.Good().Sign()
		w.eventually(t, "before", func() string { return old })
		time.Sleep(w.minRefetch)
		w.Rotate()
		w.Retire()
		if status := w.askPatiently(t, w.Good().Sign()); status != http.StatusOK {
			t.Errorf("a token of the new key: %d, want 200", status)
		}
		w.want(t, http.StatusUnauthorized, "the old key's, remembered", old)
	})
}

// TestChaosClock: the issuer's clock jumps. Tokens are judged by the API's own; within the skew nothing happens.
func TestChaosClock(t *testing.T) {
	t.Parallel()
	everywhere(t, func(t *testing.T, w *world) {
		w.SetHeader("Cache-Control", "max-age=60")
		for _, jump := range []struct {
			by   time.Duration
			want int
		}{{9 * time.Second, 200}, {-9 * time.Second, 200}, {time.Minute, 401}, {-30 * time.Minute, 200}, {-2 * time.Hour, 401}} {
			w.JumpClock(jump.by)
			w.want(t, jump.want, "a token of a clock that is "+jump.by.String()+" off", w.Good().Sign())
			time.Sleep(2 * w.fresh) // the issuer's Date does not count for how long keys are fresh
			w.JumpClock(-jump.by)
		}
		w.want(t, http.StatusOK, "in the end", w.Good().Sign())
	})
}
