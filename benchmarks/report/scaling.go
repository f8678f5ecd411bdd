package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// scaling returns a table for benchmarks with several numbers of processors: the time of one operation, and the throughput
// relative to the smallest number, as medians. It is empty if there is only one number.
func (r *results) scaling() string {
	var names []string
	var counts []int
	found := make(map[string]map[int]*series)
	for _, s := range r.series {
		name, count := strings.TrimSuffix(s.name, "-"+s.procs), s.processors()
		if found[name] == nil {
			found[name] = make(map[int]*series)
			names = append(names, name)
		}
		if !slices.Contains(counts, count) {
			counts = append(counts, count)
		}
		found[name][count] = s
	}
	if len(counts) < 2 {
		return ""
	}
	slices.SortFunc(counts, cmp.Compare)
	var b strings.Builder
	b.WriteString("| GOMAXPROCS |")
	for _, count := range counts {
		fmt.Fprintf(&b, " %d |", count)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(counts)) + "\n")
	for _, name := range names {
		if len(found[name]) > 1 {
			fmt.Fprintf(&b, "| %s |%s\n", name, scalingRow(counts, found[name]))
		}
	}
	return b.String()
}

func scalingRow(counts []int, of map[int]*series) string {
	var b strings.Builder
	var first *series
	for _, count := range counts {
		s := of[count]
		switch {
		case s == nil:
			b.WriteString(" – |")
		case first == nil:
			first = s
			fmt.Fprintf(&b, " %s |", duration(s.median(nanoseconds)))
		default:
			fmt.Fprintf(&b, " %s, %s |", duration(s.median(nanoseconds)), times(quotient(first, s)))
		}
	}
	return b.String()
}

// processors returns GOMAXPROCS. A name without it means 1.
func (s *series) processors() int {
	if n, err := strconv.Atoi(s.procs); err == nil {
		return n
	}
	return 1
}

var errOneNumber = errors.New("-scaling wants a run on several numbers of processors: go test -cpu 1,2")
