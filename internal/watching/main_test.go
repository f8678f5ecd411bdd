package watching_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
)

// TestMain makes random numbers available in the bubbles of testing/synctest, also in FIPS mode.
func TestMain(m *testing.M) {
	fips.Prepare()
	os.Exit(m.Run())
}
