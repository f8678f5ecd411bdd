package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Freshness returns how long caches may use a response from now on (RFC 9111 §4.2). It may be negative. ok is false if the header
// does not say.
func Freshness(h http.Header, now time.Time) (lifetime time.Duration, ok bool) {
	if lifetime, ok = maxAge(h); ok {
		return lifetime, true
	}
	return untilExpires(h, now)
}

// maxAge reads the max-age of Cache-Control (RFC 9111 §5.2.2) and subtracts the time that the response has spent in caches
// (§5.1). A response that must not be stored, and a value that is not a number, have the lifetime 0. ok is false if there
// is no such directive.
func maxAge(h http.Header) (lifetime time.Duration, ok bool) {
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch strings.ToLower(name) {
		case "no-store", "no-cache":
			return 0, true
		case "max-age":
			if !ok { // the first one counts
				lifetime, ok = seconds(strings.Trim(value, `"`)), true
			}
		}
	}
	return lifetime - seconds(h.Get("Age")), ok
}

// untilExpires reads Expires (RFC 9111 §5.3) relative to the Date header, so that a wrong clock of the issuer has no
// effect. ok is false if there is no Expires header.
func untilExpires(h http.Header, now time.Time) (lifetime time.Duration, ok bool) {
	if h.Get("Expires") == "" {
		return 0, false
	}
	expires, err := http.ParseTime(h.Get("Expires"))
	if err != nil {
		return 0, true // for example "0", which means that it has expired
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return expires.Sub(now), true
}

// seconds reads a number of seconds, and returns 0 for text that is not a number. A number of more than 32 bits becomes the
// largest one (RFC 9111 §1.2.2).
func seconds(text string) time.Duration {
	n, _ := strconv.ParseUint(text, 10, 32) // with an error, n is 0 or the largest number
	return time.Duration(n) * time.Second
}
