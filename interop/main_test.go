package interop_test

import (
	"testing"

	"github.com/gin-gonic/gin"
)

// TestMain keeps gin from printing its routes.
func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode)
	m.Run()
}
