package sqlstore

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// A row is dead if it does not change for a lease while this process looks at it. A row that expired long ago is dead sooner, but
// not at the first look: after the suspension of a machine, all rows look like that, and their holders renew them.
func TestIsDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const renewed, old = time.Second, -2 * time.Minute // from now
		for name, tt := range map[string]struct {
			expires time.Duration
			second  func(*lockRow)
			after   time.Duration
			dead    bool
		}{
			"unchanged for less than a lease":   {renewed, func(*lockRow) {}, lease - 1, false},
			"unchanged for a lease":             {renewed, func(*lockRow) {}, lease, true},
			"renewed":                           {renewed, func(r *lockRow) { r.expires++ }, lease, false},
			"another holder":                    {renewed, func(r *lockRow) { r.holder = []byte("i") }, lease, false},
			"expired long ago, at once":         {old, func(*lockRow) {}, 0, false},
			"expired long ago, a quarter later": {old, func(*lockRow) {}, lease / 4, false},
			"expired long ago, a third later":   {old, func(*lockRow) {}, lease / 3, true},
			"expired long ago, and renewed":     {old, func(r *lockRow) { r.expires++ }, lease / 3, false},
		} {
			first := lockRow{[]byte("h"), micros(time.Now().Add(tt.expires))}
			second := first
			tt.second(&second)
			l := locks{seen: make(map[string]*sighting)}
			if l.isDead("k", first) {
				t.Errorf("%s: dead at the first look", name)
			}
			time.Sleep(tt.after)
			if got := l.isDead("k", second); got != tt.dead {
				t.Errorf("%s: dead = %v, want %v", name, got, tt.dead)
			}
			time.Sleep(lease)
			l.forget("k") // the database failed
			if l.isDead("k", second) {
				t.Errorf("%s: dead although the database failed in the meantime", name)
			}
		}
	})
}

// The number of sightings is limited.
func TestIsDead_Bounded(t *testing.T) {
	t.Parallel()
	l := locks{seen: make(map[string]*sighting)}
	for i := range 3 * maxSeen {
		l.isDead(strconv.Itoa(i), lockRow{})
	}
	if len(l.seen) != maxSeen {
		t.Errorf("%d sightings, want %d", len(l.seen), maxSeen)
	}
}

// A row that does not change looks dead, so each renewal changes it, also if the clock was set back.
func TestHolding_ClockSetBack(t *testing.T) {
	t.Parallel()
	h := &holding{t: new(Tokens), expires: micros(time.Now().Add(time.Hour))}
	for range 3 {
		next := h.next()
		if next <= h.expires {
			t.Errorf("the next expiry is %d, want more than %d", next, h.expires)
		}
		h.expires = next
	}
}
