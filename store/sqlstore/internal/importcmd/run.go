// Package importcmd is the program bearerkit-import, without its drivers for PostgreSQL and MariaDB.
package importcmd

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/bearerkit/bearerkit/store/sqlstore"
	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// The exit codes.
const (
	exitDone       = 0
	exitFailed     = 1 // the import failed; it can be repeated
	exitUsage      = 2 // a flag or a variable is wrong
	exitIncomplete = 3 // the import is done, but a row was rejected or is different
)

// timeout limits each operation in the target. The import is not part of a request, so it can wait longer than an API.
const timeout = 10 * time.Second

// Run runs the program with its arguments and returns its exit code. getenv reads variables of the environment. The report goes
// to stdout, and errors go to stderr. Neither contains passwords, hashes or tokens.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	o, err := parse(args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitDone
	case err != nil:
		printFaults(stderr, err)
		return exitUsage
	}
	report, err := o.run(ctx)
	if err != nil {
		printFaults(stderr, err)
		return exitFailed
	}
	if err := o.print(stdout, report); err != nil {
		printFaults(stderr, err)
		return exitFailed
	}
	if report.Incomplete() {
		return exitIncomplete
	}
	return exitDone
}

// run opens both databases and imports.
func (o *options) run(ctx context.Context) (*crossauth.Report, error) {
	source, err := o.from.open(true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = source.Close() }() // it was only read
	db, err := o.to.open(o.cfg.DryRun)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // every transaction was committed
	target, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: o.to.dialect, Timeout: timeout})
	if err != nil {
		return nil, err
	}
	o.cfg.Source, o.cfg.Dialect, o.cfg.Target = source, o.from.dialect, target
	if !o.cfg.DryRun {
		if err := target.Migrate(ctx); err != nil {
			return nil, fmt.Errorf("the target (-to): %w", err)
		}
	}
	report, err := crossauth.Import(ctx, o.cfg)
	if fault, ok := errors.AsType[*crossauth.SourceError](err); ok && fault.IsMissing() {
		return nil, fmt.Errorf("%w\nDescribe the tables with the flags -layout, -table-…, -column-… and -no-client-owner", err)
	}
	return report, err
}

// print writes the report.
func (o *options) print(w io.Writer, report *crossauth.Report) error {
	if o.json {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(report)
	}
	return writeText(w, report, o.cfg.RevokeMissing)
}

// printFaults writes an error, which may consist of several lines.
func printFaults(w io.Writer, err error) {
	_, _ = fmt.Fprintf(w, "bearerkit-import: %v\n", err) // there is nowhere to report that stderr is closed
}
