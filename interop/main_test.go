package interop_test

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestMain keeps gin from printing its routes, and removes the programs that the tests have built.
func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	defer func() { // RemoveAll does nothing for an empty path
		_ = os.RemoveAll(built)
		_ = os.RemoveAll(builtBearerkit)
	}()
	m.Run()
}
