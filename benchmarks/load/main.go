// Command load measures the cost of a Guard in a real HTTP server. Server and client run in one process, use loopback, and
// share the processors. It measures a handler alone, and with a Guard for one token and for many tokens in rotation. The
// phases take many short turns in changing order, so that a slow period of the machine affects all of them.
//
//	go run ./load -connections 64 -phase 500ms -rounds 60 -out results/load.txt
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"time"
)

// options contains the flags.
type options struct {
	connections int
	tokens      int
	rounds      int
	phase       time.Duration
	warmUp      time.Duration
	alg         string
	cacheSize   int
	out         string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parseFlags(args)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "minting %d tokens with %s\n", o.tokens, o.alg)
	api, err := serve(ctx, o)
	if err != nil {
		return err
	}
	defer api.close()
	load, err := dial(ctx, api.address, o.connections)
	if err != nil {
		return err
	}
	defer load.close()
	phases := api.phases()
	for _, p := range phases {
		if err := load.warm(ctx, p, o.warmUp); err != nil {
			return err
		}
	}
	for round := range o.rounds {
		for _, p := range inTurn(phases, round) {
			runtime.GC() // collect the garbage of the phase before
			if err := load.measure(ctx, p, o.phase); err != nil {
				return err
			}
		}
	}
	return publish(out, o, phases)
}

// inTurn returns the phases in the order of a round. Each round begins with another phase, and every second cycle runs
// backward. Over all rounds, each phase has each position, and is equally often before and after each neighbor.
func inTurn(phases []*phase, round int) []*phase {
	first := round % len(phases)
	order := slices.Concat(phases[first:], phases[:first])
	if round/len(phases)%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// publish prints the report, and also writes it to a file if the flag is set.
func publish(out io.Writer, o options, phases []*phase) error {
	var text bytes.Buffer
	report(&text, o, phases)
	if o.out != "" {
		if err := os.WriteFile(o.out, text.Bytes(), 0o600); err != nil {
			return err
		}
	}
	_, err := out.Write(text.Bytes())
	return err
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.IntVar(&o.connections, "connections", 64, "keep-alive connections, each with one request under way; few leave the processors idle")
	flags.IntVar(&o.tokens, "tokens", 10_000, "distinct tokens in rotation")
	flags.IntVar(&o.rounds, "rounds", 60, "how often every phase has its turn")
	flags.DurationVar(&o.phase, "phase", 500*time.Millisecond, "time of each turn")
	flags.DurationVar(&o.warmUp, "warmup", time.Second, "time of each phase before anything is measured, at least once round")
	flags.StringVar(&o.alg, "alg", "RS256", "algorithm of the tokens: RS256, PS256, ES256 or EdDSA")
	flags.IntVar(&o.cacheSize, "cache", 0, "tokens that the kit remembers; 0 is its default")
	flags.StringVar(&o.out, "out", "", "file to write the report to, besides printing it")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.connections < 1 || o.tokens < 1 || o.rounds < 1 || o.phase <= 0 {
		return o, errors.New("-connections, -tokens, -rounds and -phase must be positive")
	}
	return o, nil
}
