package interop_test

import (
	"os"
	"testing"

	"github.com/gin-gonic/gin"
)

// TestMain keeps gin from printing its routes, and removes the programs that the tests have built.
func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	folder, err := os.MkdirTemp("", "interop-")
	if err != nil {
		panic(err)
	}
	built = folder
	defer func() { _ = os.RemoveAll(folder) }()
	m.Run()
}
