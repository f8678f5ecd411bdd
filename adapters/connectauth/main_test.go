package connectauth_test

import (
	"os"
	"testing"

	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }
