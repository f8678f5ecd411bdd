// Command report converts the output of the benchmarks to tables and a chart, and compares two results.
//
//	go test -run '^$' -bench . . | go run ./report -out results
//	go run ./report -diff [-tolerance 0.1] old.txt new.txt
//	go test -run '^$' -bench path=parallel -cpu 1,2,4,8 . | go run ./report -scaling
//
// The first form writes results/bench.txt (the benchmark format, for benchstat), results/table.md and results/chart.svg.
// With the output of several passes, it computes medians. It can also read results/bench.txt.
//
// The second form compares two such files by allocations and by the ratio to the bare signature check of the same run, which
// depends less on the machine than times. The third form prints how the throughput grows with the number of processors.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout io.Writer) error {
	flags := flag.NewFlagSet("report", flag.ContinueOnError)
	out := flags.String("out", "results", "folder to write bench.txt, table.md and chart.svg to")
	diff := flags.Bool("diff", false, "compare the two files named by the arguments instead")
	lib := flags.String("lib", kit, "the library that -diff is about; empty: all")
	tolerance := flags.Float64("tolerance", 0,
		"let -diff fail if allocations grew, or a ratio to the bare check by more than this share; 0: it only reports")
	scaling := flags.Bool("scaling", false, "print how throughput grows with the processors instead")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *scaling:
		return printScaling(stdout, stdin)
	case !*diff:
		return write(*out, stdin)
	}
	if flags.NArg() != 2 {
		return errors.New("-diff wants two files, the old one first")
	}
	before, err := parseFile(flags.Arg(0))
	if err != nil {
		return err
	}
	after, err := parseFile(flags.Arg(1))
	if err != nil {
		return err
	}
	return compare(stdout, before, after, *lib, *tolerance)
}

func printScaling(w io.Writer, output io.Reader) error {
	results, err := parse(output)
	if err != nil {
		return err
	}
	table := results.scaling()
	if table == "" {
		return errOneNumber
	}
	_, err = io.WriteString(w, table)
	return err
}

// write reads all input before it writes a file, so that a failed run does not change the old results.
func write(folder string, output io.Reader) error {
	results, err := parse(output)
	if err != nil {
		return err
	}
	chart, err := results.chart()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"bench.txt": results.raw(), "table.md": results.markdown(), "chart.svg": chart,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func parseFile(name string) (*results, error) {
	file, err := os.Open(name) //nolint:gosec // the caller names the file
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return parse(file)
}
