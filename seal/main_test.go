package seal_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/fips"
)

func TestMain(m *testing.M) {
	fips.Prepare() // for testing/synctest
	os.Exit(m.Run())
}
