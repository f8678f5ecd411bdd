package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// A fetch that is running during a rotation may bring the old set. That set must not mark the new key's ID as unknown, and
// must not prevent the fetch that brings the new key.
func TestK5_K6_KidMissingInAnOldSetIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("old", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "old", "RS256", rsaKey())

		i.slow(400 * time.Millisecond)
		go func() { _ = r.Refresh(t.Context()) }()
		synctest.Wait()
		i.slow(0)
		i.serves(public("new", otherRSA()))
		wantKey(t, r, "new", "RS256", otherRSA())
		wantFetches(t, &i, 3)
	})
}
