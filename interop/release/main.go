// Release makes a release of all modules of the repository: `make release VERSION=v0.1.0`. It works in a scratch clone, verifies
// there that a program can use each module at the new version, and then adds the commits and tags to the repository. It never
// pushes. docs/releases.md describes the steps.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// options are the arguments of the program.
type options struct {
	dir     string   // the repository
	version string   // vX.Y.Z
	checks  string   // a shell command that must succeed in a clone of the repository; empty: no checks
	dryRun  bool     // leave the repository unchanged
	modules []string // the folders of the released modules, relative to dir; "." is the root module
}

func run(ctx context.Context, args []string, out io.Writer) error {
	var o options
	flags := flag.NewFlagSet("release", flag.ContinueOnError)
	flags.StringVar(&o.dir, "dir", ".", "the repository")
	flags.StringVar(&o.version, "version", "", "the version, such as v0.1.0")
	flags.StringVar(&o.checks, "checks", "", "a command that must succeed in a clone before anything is tagged")
	flags.BoolVar(&o.dryRun, "dry-run", false, "do everything in a scratch clone only")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.modules = flags.Args()
	if len(o.modules) == 0 {
		return errors.New("release: the arguments name no module folders")
	}
	return release(ctx, o, out)
}

// release makes all commits and tags in a scratch clone, verifies them, and transfers them to the repository.
func release(ctx context.Context, o options, out io.Writer) error {
	source := repository{dir: o.dir}
	head, err := preconditions(ctx, source, o)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "release")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	clone, err := source.clone(ctx, scratch)
	if err != nil {
		return err
	}
	modules, err := readModules(ctx, clone.dir, o.modules)
	if err != nil {
		return err
	}
	steps, err := levels(modules)
	if err != nil {
		return err
	}
	if o.checks != "" {
		fmt.Fprintln(out, "-- checks:", o.checks)
		if err := check(ctx, clone.dir, o.checks, out); err != nil {
			return err
		}
	}

	r := &releaser{options: o, out: out, clone: clone, modules: modules, registry: newRegistry(ctx, scratch, clone.dir, modules[0].path)}
	tags, err := r.tagAll(ctx, steps)
	if err != nil {
		return err
	}
	if err := r.verify(ctx); err != nil {
		return err
	}
	if o.dryRun {
		fmt.Fprintln(out, "-- dry run: the repository is unchanged")
		return nil
	}
	if err := source.adopt(ctx, clone, head, tags); err != nil {
		return err
	}
	fmt.Fprintf(out, "-- released %s with %d tags. Look at the result, and then publish it:\n\n", o.version, len(tags))
	fmt.Fprint(out, instructions(tags))
	return nil
}

// instructions returns the commands that publish a release. The tags of commands come last, in a push of their own: GitHub starts
// no workflow for a push with more than three tags.
func instructions(tags []string) string {
	command := func(tag string) bool { return strings.HasPrefix(tag, "cmd/") }
	libraries := slices.DeleteFunc(slices.Clone(tags), command)
	lines := []string{"    git push --atomic origin HEAD " + strings.Join(libraries, " ")}
	for _, tag := range tags {
		if command(tag) {
			lines = append(lines, "    git push origin "+tag)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
