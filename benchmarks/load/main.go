// Command load measures what a Guard costs a real HTTP server. It serves on loopback and loads it from the same process,
// so client and server share the processors: a handler alone, the same behind a Guard with one token, and with many
// tokens in rotation. The phases take turns, so that a machine that is slow for a while is slow for all of them.
//
//	go run ./load -connections 16 -phase 3s -rounds 5
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"
)

// options are the flags.
type options struct {
	connections int
	tokens      int
	rounds      int
	phase       time.Duration
	warmUp      time.Duration
	alg         string
	cacheSize   int
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
		for turn := range phases { // each round begins with another phase
			if err := load.measure(ctx, phases[(round+turn)%len(phases)], o.phase); err != nil {
				return err
			}
		}
	}
	report(out, o, phases)
	return nil
}

func parseFlags(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("load", flag.ContinueOnError)
	flags.IntVar(&o.connections, "connections", 16, "keep-alive connections, each with one request under way")
	flags.IntVar(&o.tokens, "tokens", 10_000, "distinct tokens in rotation")
	flags.IntVar(&o.rounds, "rounds", 5, "how often every phase has its turn")
	flags.DurationVar(&o.phase, "phase", 2*time.Second, "time of each turn")
	flags.DurationVar(&o.warmUp, "warmup", time.Second, "time of each phase before anything is measured, at least once round")
	flags.StringVar(&o.alg, "alg", "RS256", "algorithm of the tokens: RS256, PS256, ES256 or EdDSA")
	flags.IntVar(&o.cacheSize, "cache", 0, "tokens that the kit remembers; 0 is its default")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.connections < 1 || o.tokens < 1 || o.rounds < 1 || o.phase <= 0 {
		return o, errors.New("-connections, -tokens, -rounds and -phase must be positive")
	}
	return o, nil
}
