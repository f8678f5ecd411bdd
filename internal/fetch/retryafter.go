package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter is the longest pause that a Retry-After header can cause. Longer values are treated as this one, so that a
// server cannot stop its clients for hours.
const MaxRetryAfter = 5 * time.Minute

// ParseRetryAfter returns the pause that a Retry-After header requests: a number of seconds or a date (RFC 9110 §10.2.3).
// The result is at most [MaxRetryAfter]. It is zero for every other value and for a date in the past.
func ParseRetryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseUint(header, 10, 32)
		if err != nil { // the value has only digits, so it is too large
			return MaxRetryAfter
		}
		return min(time.Duration(seconds)*time.Second, MaxRetryAfter)
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), MaxRetryAfter)
}

// RetryAfter returns the longest pause of all *[StatusError] values in the tree of err. It is zero if there is none.
func RetryAfter(err error) time.Duration {
	switch e := err.(type) { //nolint:errorlint // errors.As would stop at the first one
	case *StatusError:
		return e.RetryAfter
	case interface{ Unwrap() error }:
		return RetryAfter(e.Unwrap())
	case interface{ Unwrap() []error }:
		var longest time.Duration
		for _, inner := range e.Unwrap() {
			longest = max(longest, RetryAfter(inner))
		}
		return longest
	}
	return 0
}
