package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 401, Post: 401, Head: 401, Slashes: 401, Slash: 401, Options: 401})
}
