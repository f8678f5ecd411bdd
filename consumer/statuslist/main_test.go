package statuslist_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// TestMain also fails if a test has made the package log a part of a token.
func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }
