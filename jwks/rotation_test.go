package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/jwks"
)

// A fetch that is running when the keys are rotated may bring the set from before. It must neither count as an answer
// about the new key nor keep anybody from asking for it.
func TestK5_K6_SetReadBeforeTheRotationSaysNothingAboutTheNewKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var i issuer
		i.serves(public("old", rsaKey()))
		r := i.remote(t, jwks.Config{})
		wantKey(t, r, "old", "RS256", rsaKey())

		i.slow(time.Second)
		go func() { _ = r.Refresh(t.Context()) }()
		synctest.Wait()
		i.slow(0)
		i.serves(public("new", otherRSA()))
		wantKey(t, r, "new", "RS256", otherRSA())
		wantFetches(t, &i, 3)
	})
}
