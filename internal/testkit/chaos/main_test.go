package chaos_test

import (
	"flag"
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// TestMain lets many stories run at once: most of their time over sockets is waiting.
func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "32")
	os.Exit(finish(logscan.Main(m)))
}
