package main

import (
	"math"
	"slices"
)

// ratio is how many bare signature checks s costs, the median over the passes. Each pass is compared with itself, since
// a machine that is slow for a while is slow for both. It is NaN where no bare check was measured.
func (r *results) ratio(s *series) float64 {
	bare := r.bare(s)
	if bare == nil {
		return math.NaN()
	}
	if len(bare.samples) != len(s.samples) {
		return s.median(nanoseconds) / bare.median(nanoseconds)
	}
	ratios := make([]float64, len(s.samples))
	for pass := range ratios {
		ratios[pass] = s.samples[pass].ns / bare.samples[pass].ns
	}
	return median(ratios)
}

// bare finds the bare check with the same algorithm: on the same path, which was measured at about the same time, or
// else on path=cold.
func (r *results) bare(s *series) *series {
	for _, path := range []string{s.params["path"], "cold"} {
		name := "Verify/alg=" + s.params["alg"] + "/lib=bare/path=" + path
		if s.procs != "" {
			name += "-" + s.procs
		}
		if found, ok := r.byName[name]; ok {
			return found
		}
	}
	return nil
}

func nanoseconds(s sample) float64 { return s.ns }
func allocations(s sample) float64 { return s.allocs }

func (s *series) median(of func(sample) float64) float64 {
	values := make([]float64, len(s.samples))
	for i, one := range s.samples {
		values[i] = of(one)
	}
	return median(values)
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
