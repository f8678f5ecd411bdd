package consumer_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// TestMain also fails if any test has made the package log or say a piece of a token.
func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }
