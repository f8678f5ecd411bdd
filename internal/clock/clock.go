// Package clock measures ages. Use it for everything that must not be used past an age: key sets, snapshots, tokens,
// cached results.
//
// Neither clock of a machine suffices for that. The monotonic clock stops while the machine sleeps, so that a key set
// that is days old looks new after a resume. The wall clock can be set back, which makes everything look younger. An
// [Instant] therefore has a reading of both clocks, and its age is the larger of the two ages. A jump of the wall clock
// in either direction, or a sleep, never makes an age smaller than the time that has passed while the machine ran.
//
// One case remains: if the wall clock is set back by as much as the machine slept, both clocks miss the sleep.
//
// Code that decides whether something may still be used must take the age from this package, and not from [time.Since],
// which reads the monotonic clock alone.
package clock

import (
	"sync/atomic"
	"time"
)

// Instant is a moment. The zero Instant means that there is none; use [Instant.IsZero] to detect it. An Instant is a
// small value that may be copied and used concurrently. Do not compare two Instants with ==.
type Instant struct {
	wall      int64 // nanoseconds since 1970, within farthest
	monotonic int64 // nanoseconds since start; 0 unless readings is 2
	readings  uint8 // 0: no moment; 1: the wall clock; 2: both clocks
}

// start is the origin of monotonic readings, which have no meaning of their own.
var start = time.Now() //nolint:gochecknoglobals // constant after the start of the process

// farthest limits the distance of a wall time from 1970, in nanoseconds. The difference of two such times fits an int64.
const farthest int64 = 1<<62 - 2*second

const second = int64(time.Second)

// Now returns the current moment, as both clocks show it.
func Now() Instant {
	now := time.Now()
	return Instant{now.UnixNano() + wallShift.Load(), int64(now.Sub(start)), 2}
}

// At returns the moment t of the wall clock, for a time that was stored in a file or received in a message. A monotonic
// reading in t is ignored. At(time.Time{}) is the zero Instant. Times before 1824 or after 2116 are moved to these years.
//
// The age of such a moment depends on the wall clock alone. To keep it from shrinking later, compute the age once, when
// the time is read, and keep Now().Add(-age).
func At(t time.Time) Instant {
	if t.IsZero() {
		return Instant{}
	}
	seconds := max(min(t.Unix(), farthest/second), -farthest/second)
	return Instant{wall: seconds*second + int64(t.Nanosecond()), readings: 1}
}

// IsZero reports whether i is the zero Instant.
func (i Instant) IsZero() bool { return i.readings == 0 }

// Time returns the wall time of i, without a monotonic reading. The zero Instant has the zero time.
func (i Instant) Time() time.Time {
	if i.IsZero() {
		return time.Time{}
	}
	return time.Unix(0, i.wall)
}

// Add returns the moment d after i on both clocks. If d is negative, it is the moment before i. The zero Instant remains
// the zero Instant.
func (i Instant) Add(d time.Duration) Instant {
	if i.IsZero() {
		return i
	}
	i.wall = moved(i.wall, d)
	if i.readings == 2 {
		i.monotonic = moved(i.monotonic, d)
	}
	return i
}

// moved returns reading + d, limited to farthest.
func moved(reading int64, d time.Duration) int64 {
	step := max(min(int64(d), farthest/2), -farthest/2) // so that the sum cannot overflow
	return max(min(reading+step, farthest), -farthest)
}

// Age returns the time since i: the larger of the ages on the two clocks, and never less than 0. The age of the zero
// Instant is the largest Duration, so that a value that was never set counts as too old.
func (i Instant) Age() time.Duration { return i.AgeAt(Now()) }

// AgeAt returns the age of i at the moment now. It is for callers that check several ages and read the clocks once. If
// one of the two Instants comes from [At], only the wall clock counts. If now is the zero Instant, the age is the
// largest Duration too.
func (i Instant) AgeAt(now Instant) time.Duration {
	if i.readings == 0 || now.readings == 0 {
		return 1<<63 - 1
	}
	age := max(now.wall-i.wall, 0)
	if i.readings == 2 && now.readings == 2 {
		age = max(age, now.monotonic-i.monotonic)
	}
	return time.Duration(age)
}

// WallBefore reports whether the wall clock showed an earlier time at i than at u, although i may be later: then the
// clock was set back in between.
func (i Instant) WallBefore(u Instant) bool { return i.wall < u.wall }

// wallShift is the number of nanoseconds that ShiftWall has added to the wall clock. It is 0 outside tests.
var wallShift atomic.Int64 //nolint:gochecknoglobals // the wall clock is one for the whole process

// ShiftWall moves the wall clock of this package by d until the test ends, and leaves the monotonic clock alone. A
// positive d is what a program sees after its machine has slept for d; a negative d is a wall clock that was set back.
// Several shifts add up. [time.Now] does not change.
//
// It is for tests only. t is a *testing.T. The test must not be parallel: ShiftWall panics in a parallel test, and a
// later call of t.Parallel panics. Sequential tests run while parallel ones are paused, so no other test sees the shift.
// It works inside a bubble of testing/synctest.
func ShiftWall(t TB, d time.Duration) {
	t.Helper()
	t.Setenv("BEARERKIT_CLOCK_SHIFTED", "1") // nobody reads it: Setenv panics in a parallel test
	wallShift.Add(int64(d))
	t.Cleanup(func() { wallShift.Add(-int64(d)) })
}

// TB is the part of testing.TB that [ShiftWall] uses. This package does not import package testing, because that would
// register its flags in every program.
type TB interface {
	Helper()
	Setenv(key, value string)
	Cleanup(f func())
}
