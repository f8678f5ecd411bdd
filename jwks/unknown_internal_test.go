package jwks

import (
	"strconv"
	"testing"
)

// An internal test, because nothing outside can see how much is remembered.
func TestK6_Attack28_MemoryOfUnknownKidsIsBounded(t *testing.T) {
	t.Parallel()
	var u unknownIDs
	for n := range 10 * maxUnknown {
		kid := strconv.Itoa(n)
		u.add(kid)
		if !u.has(kid) {
			t.Fatalf("kid %s was not remembered", kid)
		}
		if len(u.until) > maxUnknown {
			t.Fatalf("%d kids are remembered", len(u.until))
		}
	}
}
