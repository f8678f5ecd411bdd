package interop_test

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestMain keeps gin from printing its routes, and removes the programs that the tests have built.
func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	defer func() { _ = os.RemoveAll(built) }() // RemoveAll does nothing for an empty path
	m.Run()
}
