package refresh

import (
	"context"
	"time"
)

// Config describes how a value is fetched and how long it lives. Only Fetch is required.
type Config[T any] struct {
	// Fetch fetches the value. held is the last value, however old it is, or the zero T before the first one.
	//
	// ctx has the values of the call that started the fetch, but not its cancellation. It ends after Timeout, and Fetch
	// must return soon after that. Calls never overlap. A panic becomes an error. A Value that is returned with an error
	// is not kept; it is only passed to OnFetch.
	Fetch func(ctx context.Context, held T) (Fetched[T], error)

	// Restore, if not nil, is called once, before the first Fetch. It returns a value that an earlier process has
	// fetched, and the time of that fetch. The value's age counts from that time. A time up to 5 minutes in the future
	// is treated as now. A later one is an error: the clock was set back, and the age is not known. The zero time means
	// that there is no value.
	//
	// A stale value is served while the first Fetch runs. A value that is too old is an error. Errors are passed to OnFetch
	// and do not count as failures. ctx is as for Fetch.
	Restore func(ctx context.Context) (Fetched[T], time.Time, error)

	// FreshFor is how long a value is fresh if Fetch does not set it. Zero: 10 minutes.
	FreshFor time.Duration

	// StaleFor is the age from which a value is never returned, even if it is still fresh. Zero: 24 hours. Negative: a
	// value is not returned once it is no longer fresh.
	StaleFor time.Duration

	// MinForce limits forced fetches. On average there is at most one per MinForce. If there were none for a while, up
	// to 3 are allowed in quick succession. After a failed one, the next is allowed MinForce after it began. More than
	// a year is treated as a year. Zero: [DefaultMinForce].
	MinForce time.Duration

	// Timeout limits a fetch. Zero: 3 seconds.
	Timeout time.Duration

	// MaxWait limits how long Get and Force wait for a fetch if there is no usable value. It counts from the start of the
	// request. Zero: 3 seconds.
	MaxWait time.Duration

	// StaleWait limits how long Get and Force wait for a fetch if the value held is usable. For Get it counts from the
	// start of the fetch or from the start of the request, whichever is earlier. Zero: MaxWait. Negative: they do not wait.
	StaleWait time.Duration

	// RetryAfter returns the pause that the server of a failed fetch requested. A longer pause than 5 minutes is
	// treated as 5 minutes. Nil: only the back-off applies.
	RetryAfter func(error) time.Duration

	// OnFetch, if not nil, is called after each fetch and each restoration, when the result is already in use. It is called
	// in the goroutine of the fetch. Calls overlap if one takes longer than the time to the next fetch. A panic ends the
	// call and nothing else. ctx has no time limit.
	OnFetch func(ctx context.Context, a Attempt[T])
}

// DefaultMinForce is the default of Config.MinForce.
const DefaultMinForce = 10 * time.Second

// Fetched is the result of a fetch.
type Fetched[T any] struct {
	Value T

	// FreshFor is how long the value is fresh. Zero or less: Config.FreshFor.
	FreshFor time.Duration

	// StaleFor is the age from which this value is never returned. Zero or less: Config.StaleFor.
	StaleFor time.Duration
}

// Attempt describes one fetch.
type Attempt[T any] struct {
	Cause    Cause
	Held     T         // the value that was held before
	Value    T         // the value that Fetch returned, also with an error
	At       time.Time // the wall time from which the age of Value counts
	Duration time.Duration
	Err      error
}

// Cause is the reason for a fetch.
type Cause string

// The causes of a fetch.
const (
	CauseExpired   Cause = "expired"   // a call found no fresh value
	CauseAhead     Cause = "ahead"     // the value was about to expire
	CauseForced    Cause = "forced"    // Force was called
	CauseRequested Cause = "requested" // Refresh was called
	CauseRestored  Cause = "restored"  // the value was restored, not fetched
)
