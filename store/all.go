package store

import (
	"context"
	"errors"
	"math"
	"time"
)

// Status reports whether a token is active. It has the same method as consumer.TokenStatus.
type Status interface {
	Active(ctx context.Context, token Token) (bool, error)
}

// All returns a Status that reports a token as active if all the given statuses report it as active. It calls them in
// order and stops at the first one that reports the token as not active. If a status returns an error, All still calls
// the others, because a negative result takes precedence over an error: for a revoked token, the API then responds with
// 401 and not with 503, which would make the client retry. Without a negative result, Active returns the first error. A
// nil Status is treated as one that returns an error. All without arguments reports every token as not active.
func All(statuses ...Status) Status { return all(append([]Status(nil), statuses...)) }

type all []Status

var errNilStatus = errors.New("store: a Status given to All is nil")

// CacheFor returns how long a cache may keep the result of Active for token: the shortest time that the CacheFor of a status
// returns. A status without this method does not limit the time.
func (statuses all) CacheFor(token Token) time.Duration {
	shortest := time.Duration(math.MaxInt64)
	for _, status := range statuses {
		if s, ok := status.(interface {
			CacheFor(token Token) time.Duration
		}); ok {
			shortest = min(shortest, s.CacheFor(token))
		}
	}
	return shortest
}

// Active implements Status.
func (statuses all) Active(ctx context.Context, token Token) (bool, error) {
	var fault error
	for _, status := range statuses {
		active, err := false, errNilStatus
		if status != nil {
			active, err = status.Active(ctx, token)
		}
		switch {
		case err == nil && !active:
			return false, nil
		case err != nil && fault == nil:
			fault = err
		}
	}
	return fault == nil && len(statuses) > 0, fault
}
