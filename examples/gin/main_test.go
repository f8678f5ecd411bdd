package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 404, Post: 404, Head: 404, Slashes: 404, Slash: 301, Options: 404})
}
