package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	args := []string{
		"-phase", "100ms", "-warmup", "10ms", "-rounds", "1", "-tokens", "50", "-connections", "4", "-alg", "ES256",
	}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"bare handler", "Guard, one token", "Guard, 50 tokens", "p99", "█"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
}

// Nothing is measured of a server that refuses.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := connect(t, server)
	bad := newPhase("bad", "/guarded", server.address, []string{"x.y.z"})
	if err := c.measure(t.Context(), bad, time.Minute); err == nil || len(bad.rounds) != 0 {
		t.Errorf("measured %d rounds: %v", len(bad.rounds), err)
	}
}

// Warming goes through the whole rotation, even if there is no time for it.
func TestWarm(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := connect(t, server)
	rotation := server.phases()[2]
	if err := c.warm(t.Context(), rotation, 0); err != nil {
		t.Fatal(err)
	}
	var requests int64
	for _, one := range c.connections {
		requests += one.latency.TotalCount()
	}
	if requests < int64(len(rotation.requests)) {
		t.Errorf("%d requests for %d tokens", requests, len(rotation.requests))
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := connect(t, server)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.measure(ctx, server.phases()[0], time.Hour); err == nil {
		t.Error("went on")
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-connections", "0"}, {"-tokens", "0"}, {"-rounds", "0"}, {"-phase", "0s"}, {"-x"}} {
		if err := run(t.Context(), args, new(bytes.Buffer)); err == nil {
			t.Errorf("%v passes", args)
		}
	}
}

func TestRatio(t *testing.T) {
	t.Parallel()
	bare := &phase{rounds: []round{{throughput: 100}, {throughput: 10}, {throughput: 50}}}
	guarded := &phase{rounds: []round{{throughput: 90}, {throughput: 10}, {throughput: 40}}}
	if got := ratio(guarded, bare, round.perSecond); got != 0.9 {
		t.Errorf("ratio %v, want 0.9", got)
	}
	if got := guarded.median(round.perSecond); got != 40 {
		t.Errorf("median %v, want 40", got)
	}
}

func start(t *testing.T) *api {
	t.Helper()
	server, err := serve(t.Context(), options{tokens: 10, alg: "ES256"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.close)
	return server
}

func connect(t *testing.T, to *api) *client {
	t.Helper()
	c, err := dial(t.Context(), to.address, 3)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.close)
	return c
}
