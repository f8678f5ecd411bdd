package jwks

import (
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// These limit how long a set is fresh, whatever the response says. With a shorter time, the issuer's configuration could
// cause a flood of fetches. With a longer time, a removed key would stay in use.
const (
	minFreshness = time.Minute
	maxFreshness = time.Hour
)

// freshness returns how long a response is fresh from now on (RFC 9111 §4.2), or 0 if it does not say.
func freshness(h http.Header, now time.Time) time.Duration {
	lifetime, ok := fetch.Freshness(h, now)
	if !ok {
		return 0
	}
	return min(max(lifetime, minFreshness), maxFreshness)
}
