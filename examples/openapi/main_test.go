package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.Check(t, newAPI)
}
