package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// MaxRetryAfter bounds what a Retry-After header can ask for: no server can put itself out of use for days.
const MaxRetryAfter = time.Hour

// retryAfter reads a Retry-After header (RFC 9110 §10.2.3), which is a number of seconds or a date. Anything else, and
// a date gone by, is zero.
func retryAfter(header string, now time.Time) time.Duration {
	if header == "" {
		return 0
	}
	if strings.Trim(header, "0123456789") == "" {
		seconds, err := strconv.ParseUint(header, 10, 32)
		if err != nil { // only digits, so there are too many of them
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

// RetryAfter is how long the server asked to stay away, as any *[StatusError] in err says; of several the longest.
func RetryAfter(err error) time.Duration {
	switch e := err.(type) { //nolint:errorlint // the whole tree is walked, where errors.As stops at the first
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

// ParseRetryAfter reads a Retry-After header (RFC 9110 §10.2.3). Zero: it does not say.
func ParseRetryAfter(header string, now time.Time) time.Duration { return retryAfter(header, now) }
