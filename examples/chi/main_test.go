package main

import (
	"testing"

	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	demotest.CheckFramework(t, newAPI, demotest.Unrouted{Unknown: 404, Post: 401, Head: 401, Slashes: 404, Slash: 401, Options: 401})
}
