package jwks

import (
	"strconv"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
)

// An internal test, because the size of the memory cannot be seen from outside.
func TestK6_Attack28_MemoryOfUnknownKidsIsBounded(t *testing.T) {
	t.Parallel()
	u := newUnknownIDs(time.Minute)
	for n := range 10 * maxUnknown {
		kid := strconv.Itoa(n)
		u.add(kid)
		if !u.has(clock.Now(), kid) {
			t.Fatalf("kid %s is not in the cache of unknown kids", kid)
		}
		if u.ids.Len() > maxUnknown {
			t.Fatalf("%d kids in the cache of unknown kids, want at most %d", u.ids.Len(), maxUnknown)
		}
	}
}
