package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// results contains the output of one run with one or more passes.
type results struct {
	config []string // lines such as "cpu: …", each once
	lines  []string // of benchmarks, in their order
	series []*series
	byName map[string]*series
}

// series contains the samples of one benchmark, one for each pass.
type series struct {
	name    string            // without "Benchmark", with the number of processors
	bench   string            // Verify
	params  map[string]string // alg: RS256, lib: bearerkit, path: cold
	procs   string            // GOMAXPROCS, or empty for 1
	samples []sample
}

// sample contains the values of one pass by unit.
type sample map[string]float64

// The units in the report.
const (
	nanoseconds   = "ns/op"
	allocations   = "allocs/op"
	bytesPerToken = "B/token"
)

var errNoBenchmarks = errors.New("the input contains no benchmark")

// parse parses the output of go test -bench (https://go.dev/design/14313-benchmark-format). It returns an error if a test
// failed.
func parse(r io.Reader) (*results, error) {
	found := &results{byName: make(map[string]*series)}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if err := found.add(strings.TrimSpace(lines.Text())); err != nil {
			return nil, err
		}
	}
	if len(found.series) == 0 && lines.Err() == nil {
		return nil, errNoBenchmarks
	}
	return found, lines.Err()
}

var configuration = regexp.MustCompile(`^[a-z][^\sA-Z]*: `)

func (r *results) add(line string) error {
	switch {
	case strings.HasPrefix(line, "FAIL"), strings.HasPrefix(line, "--- FAIL"):
		return errors.New("the benchmarks failed")
	case configuration.MatchString(line) && !slices.Contains(r.config, line):
		r.config = append(r.config, line)
	case strings.HasPrefix(line, "Benchmark"):
		return r.addBenchmark(line)
	}
	return nil
}

// addBenchmark parses a name, a number of iterations, and pairs of value and unit.
func (r *results) addBenchmark(line string) error {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 {
		return nil // the name alone, as go test -v prints it first
	}
	s := make(sample)
	for pair := range slices.Chunk(fields[2:], 2) {
		value, err := strconv.ParseFloat(pair[0], 64)
		if err != nil {
			return fmt.Errorf("no number in %q", line)
		}
		s[pair[1]] = value
	}
	of := r.named(strings.TrimPrefix(fields[0], "Benchmark"))
	of.samples = append(of.samples, s)
	r.lines = append(r.lines, line)
	return nil
}

func (r *results) named(name string) *series {
	if s, ok := r.byName[name]; ok {
		return s
	}
	s := newSeries(name)
	r.byName[name] = s
	r.series = append(r.series, s)
	return s
}

func newSeries(name string) *series {
	s := &series{name: name, params: make(map[string]string)}
	if dash := strings.LastIndexByte(name, '-'); dash > 0 {
		if _, err := strconv.Atoi(name[dash+1:]); err == nil {
			name, s.procs = name[:dash], name[dash+1:]
		}
	}
	parts := strings.Split(name, "/")
	s.bench = parts[0]
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		s.params[key] = value
	}
	return s
}

// raw returns the results in benchmark format, without other output of go test.
func (r *results) raw() string {
	return strings.Join(slices.Concat(r.config, r.lines), "\n") + "\n"
}
