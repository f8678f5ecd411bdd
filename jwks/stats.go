package jwks

import (
	"context"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/refresh"
	"github.com/bearerkit/bearerkit/quirk"
)

// Refresh describes one fetch for [Config].OnRefresh or [PEMEndpointConfig].OnRefresh. For a [PEMEndpoint], the set contains
// the keys that it keeps.
type Refresh struct {
	// URL is the URL of the key set. It is empty if the URL was to be read from a snapshot that could not be used.
	URL string

	// Cause is the reason for the fetch: "expired" (a lookup found no fresh set), "ahead" (the set was about to expire),
	// "forced" (no key fitted a token, or none verified its signature), "requested" (Remote.Refresh was called) or
	// "restored" (the snapshot was loaded and nothing was fetched).
	Cause string

	// Keys is the number of usable keys in the fetched set. It is 0 if Err is set.
	Keys int

	// Unusable describes the unusable keys of the fetched set. It may be set together with Err.
	Unusable []UnusableKey

	// Quirks contains the deviations from the specifications that were accepted in the fetched set, sorted and
	// without duplicates. It is empty if they are the same as in the previous set, so each of them is reported once.
	Quirks []quirk.Quirk

	// NotModified is true if the issuer confirmed that the set has not changed.
	NotModified bool

	// Duration is the duration of the fetch.
	Duration time.Duration

	// Err is nil if the set is in use now. It is for logs, not for responses to clients.
	Err error

	// SnapshotErr is the error of Snapshot.Save, or nil. The fetched set is in use even if it could not be saved.
	SnapshotErr error
}

// onFetch saves a new set and calls OnRefresh. Requests do not wait for it.
func (r *Remote) onFetch(ctx context.Context, a refresh.Attempt[*set]) {
	event := Refresh{URL: r.cfg.URL, Cause: string(a.Cause), Duration: a.Duration, Err: a.Err}
	if a.Value != nil {
		event.Unusable = slices.Clone(a.Value.unusable)
	}
	if a.Err == nil {
		event.Keys = len(a.Value.keys)
		event.NotModified = a.Value == a.Held
		if a.Held == nil || !slices.Equal(a.Held.quirks, a.Value.quirks) {
			event.Quirks = slices.Clone(a.Value.quirks)
		}
		if r.cfg.Snapshot != nil && a.Cause != refresh.CauseRestored {
			event.SnapshotErr = r.save(ctx, a.Value, a.At)
		}
	}
	if r.cfg.OnRefresh != nil {
		r.cfg.OnRefresh(ctx, event)
	}
}

// Stats is the state of a [Remote], for health checks and metrics.
type Stats struct {
	// Keys is the number of usable keys. If it is 0, there is no usable set, and lookups return [ErrUnavailable].
	Keys int

	// Unusable is the number of unusable keys in the same set.
	Unusable int

	// LastSuccess is the time at which the last set was fetched or confirmed, even if it is too old now. Age is the time
	// since then, including the time that the machine slept. Both are zero before the first set.
	LastSuccess time.Time
	Age         time.Duration

	// ConsecutiveFailures is the number of failed fetches since the last successful one. LastError is the error of the last
	// failed one, or nil after a success. It is for logs, not for responses to clients.
	ConsecutiveFailures int
	LastError           error

	// ForcedFetches is the number of fetches for tokens that no key fitted, or whose signature no key verified.
	// SkippedForced is the number of such tokens for which the limit or a back-off allowed no fetch.
	ForcedFetches, SkippedForced uint64
}

// Stats returns the current state. It never waits for a fetch.
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
