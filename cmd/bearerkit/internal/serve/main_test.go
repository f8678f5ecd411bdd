package serve_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// TestMain fails if a log or a response contains a part of a token.
func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }
