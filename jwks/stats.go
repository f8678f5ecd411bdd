package jwks

import (
	"context"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
)

// Refresh reports one fetch of a key set.
type Refresh struct {
	// URL is that of the Config; empty where only the snapshot knew it, and could not be used.
	URL string

	// Cause is "expired" (a request found no fresh set), "ahead" (the set was about to expire), "forced" (an unknown
	// kid), "requested" (Remote.Refresh) or "restored" (the snapshot was loaded, nothing was fetched).
	Cause string

	// Keys is the number of usable keys in the set that was fetched; 0 with Err.
	Keys int

	// Unusable are the other keys of that set, also with Err.
	Unusable []UnusableKey

	// NotModified says that the issuer has confirmed the set held.
	NotModified bool

	// Duration of the fetch.
	Duration time.Duration

	// Err is nil if the set is in use now. It is for logs and not for clients.
	Err error

	// SnapshotErr says that the set is in use but could not be saved.
	SnapshotErr error
}

// onFetch saves a new set and tells the owner. Requests do not wait for it.
func (r *Remote) onFetch(ctx context.Context, a refresh.Attempt[*set]) {
	event := Refresh{URL: r.cfg.URL, Cause: string(a.Cause), Duration: a.Duration, Err: a.Err}
	if a.Value != nil {
		event.Unusable = slices.Clone(a.Value.unusable)
	}
	if a.Err == nil {
		event.Keys = len(a.Value.keys)
		event.NotModified = a.Value == a.Held
		if r.cfg.Snapshot != nil && a.Cause != refresh.CauseRestored {
			event.SnapshotErr = r.save(ctx, a.Value)
		}
	}
	if r.cfg.OnRefresh != nil {
		r.cfg.OnRefresh(ctx, event)
	}
}

// Stats is the state of a [Remote], for health checks and metrics.
type Stats struct {
	// Keys is the number of usable keys held. Zero: there is no usable set, and every token is answered by
	// [ErrUnavailable].
	Keys int

	// Unusable is the number of keys of the same set that were left out.
	Unusable int

	// LastSuccess is when the last set was fetched or confirmed, also if it is too old by now. Age is the time since
	// then. Both are zero before the first.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures counts the failed fetches since the last successful one. LastError is the last of them, for
	// logs and not for clients; nil after a success.
	ConsecutiveFailures int
	LastError           error

	// ForcedFetches counts the fetches that unknown kids have caused, SkippedForced the requests with an unknown kid that
	// the limiter let cause none.
	ForcedFetches, SkippedForced uint64
}

// Stats returns the state of now. It never waits for a fetch.
func (r *Remote) Stats() Stats {
	v := r.value.Stats()
	s := Stats{
		LastSuccess:         v.LastSuccess,
		Age:                 v.Age,
		ConsecutiveFailures: v.ConsecutiveFailures,
		LastError:           v.LastError,
		ForcedFetches:       v.Forced,
		SkippedForced:       v.Skipped,
	}
	if v.Held {
		s.Keys, s.Unusable = len(v.Value.keys), len(v.Value.unusable)
	}
	return s
}
