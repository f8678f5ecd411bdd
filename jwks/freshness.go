package jwks

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A set is fresh for what its answer says, within these bounds: a shorter time would let the issuer's configuration
// cause a flood of fetches, a longer one would keep a removed key in use.
const (
	minFreshness = time.Minute
	maxFreshness = time.Hour
)

// freshness returns how long an answer is fresh from now on (RFC 9111 §4.2), and 0 if it does not say.
func freshness(h http.Header, now time.Time) time.Duration {
	said, ok := maxAge(h)
	if !ok {
		said, ok = untilExpires(h, now)
	}
	if !ok {
		return 0
	}
	return min(max(said, minFreshness), maxFreshness)
}

// maxAge reads Cache-Control (RFC 9111 §5.2.2) and takes off what the answer has spent in caches (§5.1). What forbids
// to keep the answer, and what cannot be read, makes it no age at all.
func maxAge(h http.Header) (age time.Duration, ok bool) {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			if !ok {
				age, ok = seconds(strings.Trim(value, `"`)), true
			}
		}
	}
	return age - seconds(h.Get("Age")), ok
}

// untilExpires reads Expires (RFC 9111 §5.3) against the sender's own clock.
func untilExpires(h http.Header, now time.Time) (age time.Duration, ok bool) {
	if h.Get("Expires") == "" {
		return 0, false
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0, true // "0" for one: already expired
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return expires.Sub(now), true
}

// seconds reads a number of seconds. More than 32 bits of them are as good as the largest (RFC 9111 §1.2.2).
func seconds(text string) time.Duration {
	n, _ := strconv.ParseUint(text, 10, 32) // 0 for no number, the largest for one out of range
	return time.Duration(n) * time.Second
}
