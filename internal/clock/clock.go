// Package clock measures the age of things that must not be trusted for too long: key sets, snapshots, tokens, cached
// results.
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

// Instant is a moment. The zero value is no moment; use [Instant.IsZero] to detect it. An Instant is a small value that
// may be copied and used concurrently. Do not compare two Instants with ==.
type Instant struct {
	reading time.Time     // with a monotonic reading, if it comes from Now
	shift   time.Duration // what ShiftWall had added to the wall clock at that moment
}

// Now returns the current moment, as both clocks show it.
func Now() Instant {
	return Instant{time.Now(), time.Duration(wallShift.Load())}
}

// At returns the moment t of the wall clock, for a time that was stored in a file or received in a message. A monotonic
// reading in t is ignored. At(time.Time{}) is the zero Instant.
//
// The age of such a moment depends on the wall clock alone. To keep it from shrinking later, compute the age once, when
// the time is read, and keep Now().Add(-age).
func At(t time.Time) Instant { return Instant{reading: t.Round(0)} }

// IsZero reports whether i is no moment.
func (i Instant) IsZero() bool { return i.reading.IsZero() }

// Time returns the wall time of i, without a monotonic reading. The zero Instant has the zero time.
func (i Instant) Time() time.Time { return i.reading.Round(0).Add(i.shift) }

// Add returns the moment d after i on both clocks. If d is negative, it is the moment before i. The zero Instant remains
// the zero Instant.
func (i Instant) Add(d time.Duration) Instant {
	if i.IsZero() {
		return i
	}
	return Instant{i.reading.Add(d), i.shift}
}

// Age returns the time since i: the larger of the ages on the two clocks, and never less than 0. The age of the zero
// Instant is the largest Duration, so that nothing that was never set looks new.
func (i Instant) Age() time.Duration { return i.AgeAt(Now()) }

// AgeAt returns the age of i at the moment now. It is for callers that check several ages and read the clocks once. If
// one of the two Instants comes from [At], only the wall clock counts.
func (i Instant) AgeAt(now Instant) time.Duration {
	if i.IsZero() {
		return 1<<63 - 1
	}
	elapsed := now.reading.Sub(i.reading) // monotonic, if both have a monotonic reading
	wall := now.reading.Round(0).Sub(i.reading.Round(0)) + (now.shift - i.shift)
	return max(elapsed, wall, 0)
}

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
