// Picture draws what commands print as SVG files for the README: `make pictures`. It runs the tour of the quickstart, and doctor
// against an issuer and an API of its own. Ports and times differ in each run, so it replaces them with fixed ones. Apart from that,
// the pictures show what the commands print, so a repeated run writes the same files.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

func main() {
	top := flag.String("top", "..", "the root folder of the repository")
	flag.Parse()
	if err := draw(context.Background(), *top); err != nil {
		log.Fatal(err)
	}
}

// draw writes docs/tour.svg and docs/doctor.svg.
func draw(ctx context.Context, top string) error {
	tour, err := run(ctx, filepath.Join(top, "examples"), "", "./quickstart", "-tour")
	if err != nil {
		return err
	}
	doctor, err := runDoctor(ctx, top)
	if err != nil {
		return err
	}
	return errors.Join(
		write(filepath.Join(top, "docs", "tour.svg"), "$ go run ./examples/quickstart -tour\n"+table(tour)),
		write(filepath.Join(top, "docs", "doctor.svg"), doctor),
	)
}

// run runs a program of a module with an input and returns what it prints.
func run(ctx context.Context, module, input, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", append([]string{"run", program}, args...)...) //nolint:gosec // programs of this repository
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOWORK=off", "NO_COLOR=1")
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), os.Stderr
	text, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && len(text) > 0 { // doctor has found problems
		return string(text), nil
	}
	if err != nil {
		return "", fmt.Errorf("%s %v: %w", program, args, err)
	}
	return string(text), nil
}

// table returns the first paragraph of a text and its last line.
func table(text string) string {
	first, _, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return first + "\n\n[…]\n\n" + lines[len(lines)-1] + "\n"
}

func write(file, text string) error {
	return os.WriteFile(file, []byte(svg(mask(text))), 0o644) //nolint:gosec // documents are public
}

// mask replaces what differs between runs: ports, times, durations, and identifiers of keys.
func mask(text string) string {
	for _, changing := range changes {
		text = changing.pattern.ReplaceAllString(text, changing.fixed)
	}
	return text
}

var changes = []struct { //nolint:gochecknoglobals // a constant table
	pattern *regexp.Regexp
	fixed   string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:8081"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`), "2026-11-30T12:00:00Z"},
	{regexp.MustCompile(`\b\d+(\.\d+)?(ms|µs)\b`), "1ms"},
}
