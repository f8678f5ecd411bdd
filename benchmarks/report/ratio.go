package main

import (
	"math"
	"slices"
	"strconv"
)

// The libraries that the report is about: the kit, and the limit of what is possible.
const (
	kit  = "bearerkit"
	bare = "bare"
)

// ratio is how many bare signature checks s costs. It is NaN where no bare check was measured.
func (r *results) ratio(s *series) float64 { return quotient(s, r.bare(s)) }

// quotient is how many times as long a takes as b, the median over the passes. Each pass is compared with itself, since a
// machine that is slow for a while is slow for both. It is NaN if one of the two was not measured.
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

// bare finds the bare check with the same algorithm: on the same path, which was measured at about the same time, or
// else on path=cold.
func (r *results) bare(s *series) *series {
	for _, path := range []string{s.params["path"], "cold"} {
		if found := r.find("Verify", s.params["alg"], bare, path, s.procs); found != nil {
			return found
		}
	}
	return nil
}

// find returns nil if there is no such series.
func (r *results) find(bench, alg, lib, path, procs string) *series {
	name := bench + "/alg=" + alg + "/lib=" + lib + "/path=" + path
	if procs != "" {
		name += "-" + procs
	}
	return r.byName[name]
}

// mostProcessors is the largest GOMAXPROCS of the run, as it stands in the names.
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

// least is what no pass went below.
func (s *series) least(unit string) float64 { return slices.Min(s.values(unit)) }

func (s *series) values(unit string) []float64 {
	values := make([]float64, len(s.samples))
	for i, one := range s.samples {
		values[i] = one[unit]
	}
	return values
}

// median sorts values.
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
