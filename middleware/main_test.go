package middleware_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// TestMain also fails if any test made the package log or send a part of a token.
func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }
