package main

import (
	"math"
	"slices"
	"strconv"
)

// The libraries that the report compares: the kit and the baseline.
const (
	kit  = "bearerkit"
	bare = "bare"
)

// ratio returns the time of s relative to the bare signature check. It is NaN if no bare check was measured.
func (r *results) ratio(s *series) float64 { return quotient(s, r.bare(s)) }

// quotient returns the time of a relative to b, as the median over the passes. It compares values of the same pass, because a
// slow period of the machine affects both. It is NaN if one of the two was not measured.
func quotient(a, b *series) float64 {
	if a == nil || b == nil {
		return math.NaN()
	}
	if len(a.samples) != len(b.samples) {
		return a.median(nanoseconds) / b.median(nanoseconds)
	}
	quotients := make([]float64, len(a.samples))
	for pass := range quotients {
		quotients[pass] = a.samples[pass][nanoseconds] / b.samples[pass][nanoseconds]
	}
	return median(quotients)
}

// bare returns the bare check with the same algorithm and the same path, which ran at about the same time, or else the one
// with path=cold.
func (r *results) bare(s *series) *series {
	for _, path := range []string{s.params["path"], "cold"} {
		if found := r.find("Verify", s.params["alg"], bare, path, s.procs); found != nil {
			return found
		}
	}
	return nil
}

// find returns a series, or nil if there is none.
func (r *results) find(bench, alg, lib, path, procs string) *series {
	name := bench + "/alg=" + alg + "/lib=" + lib + "/path=" + path
	if procs != "" {
		name += "-" + procs
	}
	return r.byName[name]
}

// mostProcessors returns the largest GOMAXPROCS in the names of the run.
func (r *results) mostProcessors() string {
	most, name := 0, ""
	for _, s := range r.series {
		if n, _ := strconv.Atoi(s.procs); n > most {
			most, name = n, s.procs
		}
	}
	return name
}

func (s *series) median(unit string) float64 { return median(s.values(unit)) }

// least returns the smallest value of all passes.
func (s *series) least(unit string) float64 { return slices.Min(s.values(unit)) }

func (s *series) values(unit string) []float64 {
	values := make([]float64, len(s.samples))
	for i, one := range s.samples {
		values[i] = one[unit]
	}
	return values
}

// median returns the median. It sorts values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}
