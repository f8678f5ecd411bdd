package chaos_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/chaos"
	"github.com/bearerkit/bearerkit/jwks"
)

var (
	soakHours = flag.Int("soak.hours", 24, "how long TestChaosSoak goes on, in virtual time")
	soakSeed  = flag.Uint64("soak.seed", 0, "the schedule of TestChaosSoak; 0: a new one")
)

// TestChaosSoak mixes rotations, outages and floods at random. The expected responses are derived without the kit: from what the
// issuer has published, and when the API last said that it had fetched it.
func TestChaosSoak(t *testing.T) { //nolint:paralleltest // goroutines and the heap are those of the process
	hours, seed := *soakHours, *soakSeed
	if testing.Short() {
		hours = min(hours, 1)
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("again: go test ./internal/testkit/chaos -run Soak -soak.seed=%d -soak.hours=%d", seed, hours)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newSoak(t, seed)
		var heap, goroutines int64
		for minute := range hours * 60 {
			time.Sleep(time.Minute)
			s.act(t)
			s.traffic(t)
			switch minute {
			case max(hours*15, 30): // what is bounded has been filled
				heap, goroutines = use()
			case hours*60 - 1:
				s.issuer.Heal()
				lastHeap, lastGoroutines := use()
				if lastHeap > heap+4<<20 || lastGoroutines > goroutines+20 { // connections come and go
					t.Errorf("%d bytes and %d goroutines, after a quarter it were %d and %d", lastHeap, lastGoroutines, heap, goroutines)
				}
			}
		}
		s.judge(t, hours)
	})
}

func use() (heap, goroutines int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc), int64(runtime.NumGoroutine())
}

// soak is a schedule, and the record that responses are compared with.
type soak struct {
	*world
	issuer  *chaos.Issuer
	chance  *rand.Rand
	fetched atomic.Int64 // when keys were fetched or confirmed last, in nanoseconds

	healAt, rotateAt, retireAt time.Time
	down, announced            bool
	published, announcedAt     time.Time // of the key that signs, and of the next
	withdrawn                  []dead

	strict, tolerated, refusedWell atomic.Int64
}

// dead is a token of a key that was withdrawn.
type dead struct {
	raw string
	at  time.Time
}

func newSoak(t *testing.T, seed uint64) *soak {
	t.Helper()
	s := &soak{chance: rand.New(rand.NewPCG(seed, 0)), published: time.Now()}
	s.world = newVirtual(t, func(cfg *consumer.Config) {
		cfg.CacheSize = 500 // so that it is full soon
		cfg.KeyCache.OnRefresh = func(_ context.Context, r jwks.Refresh) {
			if r.Err == nil {
				s.fetched.Store(time.Now().UnixNano())
			}
		}
	})
	s.issuer = s.Issuer
	return s
}

// act does one thing, or none.
func (s *soak) act(t *testing.T) {
	t.Helper()
	now := time.Now()
	if !s.healAt.IsZero() && now.After(s.healAt) {
		s.heal(t)
	}
	switch {
	case s.announced && now.After(s.rotateAt):
		s.issuer.Rotate()
		s.announced, s.published, s.retireAt = false, s.announcedAt, now.Add(s.minutes(5, 90))
	case !s.retireAt.IsZero() && now.After(s.retireAt):
		s.retire(nil)
	}
	switch s.chance.IntN(50) {
	case 0:
		s.breakSomething()
	case 1:
		if !s.announced {
			s.issuer.Announce()
			s.announced, s.announcedAt, s.rotateAt = true, now, now.Add(s.minutes(20, 60))
		}
	case 2:
		if !s.announced && s.healAt.IsZero() { // during an outage the new key cannot be fetched
			s.rotateAtOnce()
		}
	case 3:
		if s.chance.IntN(4) == 0 {
			s.issuer.MoveKeys()
		}
	case 4, 5:
		s.flood(t)
	case 6:
		if !s.announced && s.chance.IntN(6) == 0 { // somebody has stolen the key
			old := s.issuer.Good().Set("exp", now.Add(1000*time.Hour).Unix()).Sign()
			s.rotateAtOnce()
			s.retire([]dead{{old, now}})
		}
	}
}

func (s *soak) minutes(least, most int) time.Duration {
	return time.Duration(least+s.chance.IntN(most-least)) * time.Minute
}

func (s *soak) rotateAtOnce() {
	s.issuer.Rotate()
	s.published, s.retireAt = time.Now(), time.Now().Add(s.minutes(5, 90))
}

func (s *soak) retire(tokens []dead) {
	s.issuer.Retire()
	s.retireAt = time.Time{}
	s.withdrawn = append(s.withdrawn, tokens...)
	s.withdrawn = s.withdrawn[max(0, len(s.withdrawn)-20):]
}

func (s *soak) breakSomething() {
	faults := []chaos.Fault{
		chaos.Slow(time.Second), chaos.Hang, chaos.HangInBody, chaos.CutOff, chaos.Status(500, ""), chaos.Status(429, "30"),
		chaos.HTML, chaos.Empty, chaos.Garbage, chaos.Huge, chaos.Redirect, chaos.Flap(3, chaos.Status(503, "")),
	}
	s.healAt = time.Now().Add(s.minutes(1, 20))
	if s.chance.IntN(20) == 0 {
		s.healAt = s.healAt.Add(25 * time.Hour) // longer than keys can be used
	}
	which := s.chance.IntN(len(faults) + 2)
	if which >= len(faults) {
		s.issuer.Stop()
		s.down = true
		return
	}
	documents := [][]chaos.Document{nil, {chaos.Keys}, {chaos.Metadata}}[s.chance.IntN(3)]
	s.issuer.Fail(faults[which], documents...)
}

func (s *soak) heal(t *testing.T) {
	t.Helper()
	s.healAt = time.Time{}
	s.issuer.Heal()
	if !s.down {
		return
	}
	s.down = false
	if err := s.issuer.Start(); err != nil {
		t.Error(err)
	}
}

func (s *soak) flood(t *testing.T) {
	t.Helper()
	good, draft := s.issuer.Good().Sign(), s.issuer.Good()
	kinds := []func(n int) string{
		func(n int) string { return draft.SetHeader("kid", fmt.Sprint("kid-", n, s.chance.Uint32())).Sign() },
		func(n int) string { return forgedAt(good, n) },
		func(n int) string { return draft.Set("iss", fmt.Sprint("https://", n, ".test")).Sign() },
		func(n int) string { return fmt.Sprint("a.b.", n) },
	}
	kind := kinds[s.chance.IntN(len(kinds))]
	for n := range 200 {
		s.wantBad(t, "a flood's", kind(n))
	}
}

// traffic sends good tokens from several clients at once, and one of every kind of bad ones.
func (s *soak) traffic(t *testing.T) {
	t.Helper()
	var clients sync.WaitGroup
	for client := range 4 {
		raw := []string{s.issuer.Good().Sign(), s.issuer.Good().Set("jti", fmt.Sprint(client)).Sign()}
		clients.Go(func() {
			for range 2 { // the second time they are cached
				for _, token := range raw {
					s.wantGood(t, token)
				}
			}
		})
	}
	clients.Wait()
	for what, draft := range map[string]*bearertest.Token{
		"expired":        s.issuer.LastingFor(-11 * time.Second),
		"wrong audience": s.issuer.Good().Set("aud", "https://other.test"),
		"another issuer": s.issuer.Good().Set("iss", "https://other.test"),
		"a secret":       s.issuer.Good().Algorithm("HS256"),
	} {
		s.wantBad(t, what, draft.Sign())
	}
	s.wantBad(t, "forged", forged(s.issuer.Good().Sign()))
	for _, token := range s.withdrawn {
		fetched := time.Unix(0, s.fetched.Load())
		status := s.ask(t, token.raw)
		if fetched.Sub(token.at) > 10*time.Second && status == http.StatusOK { // the fetch began after the key had gone
			t.Errorf("at %v a token was accepted whose key was withdrawn at %v, after a fetch at %v", time.Now(), token.at, fetched)
		}
	}
}

// known returns when keys were fetched last, and whether they can still be used.
func (s *soak) known() (at time.Time, usable bool) {
	at = time.Unix(0, s.fetched.Load())
	return at, s.fetched.Load() != 0 && time.Since(at) < s.stale
}

// wantGood is strict where the signing key was published when keys were fetched last.
func (s *soak) wantGood(t *testing.T, raw string) {
	fetched, usable := s.known()
	strict := usable && fetched.After(s.published)
	status := s.ask(t, raw)
	switch {
	case status == http.StatusOK:
	case strict:
		t.Errorf("at %v a good token got status %d; keys were fetched at %v, and its key was published at %v",
			time.Now(), status, fetched, s.published)
	case status != http.StatusUnauthorized && status != http.StatusServiceUnavailable:
		t.Errorf("a good token got status %d", status)
	}
	switch {
	case strict:
		s.strict.Add(1)
	case usable: // otherwise there are no keys, and the response to a good token may be either
		s.tolerated.Add(1)
	}
}

// wantBad wants 401, or 503 where nothing is known.
func (s *soak) wantBad(t *testing.T, what, raw string) {
	t.Helper()
	_, usable := s.known()
	status := s.ask(t, raw)
	if status != http.StatusUnauthorized && (usable || status != http.StatusServiceUnavailable) {
		t.Errorf("at %v %s token got %d, with keys: %v", time.Now(), what, status, usable)
	}
	s.refusedWell.Add(1)
}

// judge checks the whole run: most expectations were strict, and the issuer did not receive too many requests.
func (s *soak) judge(t *testing.T, hours int) {
	t.Helper()
	strict, tolerated := s.strict.Load(), s.tolerated.Load()
	keys, metadata := s.issuer.Asked(chaos.Keys), s.issuer.Asked(chaos.Metadata)
	t.Logf("%d good tokens of which %d had to pass, %d bad ones; %d requests for keys and %d for metadata in %d h",
		strict+tolerated, strict, s.refusedWell.Load(), keys, metadata, hours)
	if strict < 2*tolerated { // most often it is more than ten times as many
		t.Errorf("%d of %d good tokens could be judged", strict, strict+tolerated)
	}
	if most := 200 * (hours + 1); keys > most || metadata > most {
		t.Errorf("%d requests for keys and %d for metadata, want at most %d", keys, metadata, most)
	}
}

// TestChaosSoakIsReproducible: the same seed is the same schedule.
func TestChaosSoakIsReproducible(t *testing.T) {
	t.Parallel()
	run := func() (asked [2]int) {
		synctest.Test(t, func(t *testing.T) {
			s := newSoak(t, 7)
			for range 120 {
				time.Sleep(time.Minute)
				s.act(t)
			}
			asked = [2]int{int(s.refusedWell.Load()), int(s.published.Unix())}
		})
		return asked
	}
	if first, second := run(), run(); first != second {
		t.Errorf("%v, and then %v", first, second)
	}
}
