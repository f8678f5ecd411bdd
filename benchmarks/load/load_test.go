package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	file := filepath.Join(t.TempDir(), "load.txt")
	args := []string{
		"-phase", "50ms", "-warmup", "10ms", "-rounds", "2", "-tokens", "50", "-connections", "4", "-alg", "ES256", "-out", file,
	}
	if err := run(t.Context(), args, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"bare, one token", "Guard, one token", "bare, 50 tokens", "Guard, 50 tokens", "≥ 0.95", "≥ 0.90", "≤ 1.15", "p99", "█",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, &out)
		}
	}
	if written, err := os.ReadFile(file); err != nil || !strings.HasSuffix(out.String(), string(written)) || len(written) == 0 {
		t.Errorf("%v; the file has\n%s", err, written)
	}
}

// A server that rejects requests is not measured.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := connect(t, server)
	bad := newPhase("bad", "/guarded", server.address, []string{"x.y.z"})
	if err := c.measure(t.Context(), bad, time.Minute); err == nil || len(bad.rounds) != 0 {
		t.Errorf("measured %d rounds: %v", len(bad.rounds), err)
	}
}

// Warming up sends the whole rotation, even if its time is over.
func TestWarm(t *testing.T) {
	t.Parallel()
	server := start(t)
	c := connect(t, server)
	rotation := server.phases()[3]
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
	guarded := &phase{
		rounds: []round{{throughput: 90}, {throughput: 10}, {throughput: 40}},
		bare:   bare, target: target{throughput: 0.95},
	}
	for _, test := range []struct {
		relation string
		target   float64
		want     string
	}{
		{"≥", 0.95, "0.900\t0.850 to 0.950\t≥ 0.95\tmissed\t"},
		{"≥", 0.90, "0.900\t0.850 to 0.950\t≥ 0.90\tmet\t"},
		{"≥", 0.85, "0.900\t0.850 to 0.950\t≥ 0.85\tmet\t"},
		{"≤", 0.85, "0.900\t0.850 to 0.950\t≤ 0.85\tmissed\t"},
		{"≤", 1.15, "0.900\t0.850 to 0.950\t≤ 1.15\tmet\t"},
	} {
		if got := guarded.verdict(round.perSecond, test.relation, test.target); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
	if got := guarded.median(round.perSecond); got != 40 {
		t.Errorf("median %v, want 40", got)
	}
}

// Over all rounds, each phase has each position, and is equally often before and after each neighbor.
func TestTurns(t *testing.T) {
	t.Parallel()
	phases := []*phase{{name: "a"}, {name: "b"}, {name: "c"}}
	var got []string
	for round := range 7 {
		order := ""
		for _, p := range inTurn(phases, round) {
			order += p.name
		}
		got = append(got, order)
	}
	want := []string{"abc", "bca", "cab", "cba", "acb", "bac", "abc"}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
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
