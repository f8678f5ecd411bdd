package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// compare prints the results of both runs for lib, each from the best pass. With a tolerance, it returns an error if an
// allocation was added, or if a ratio to the bare check has increased by a larger share than the tolerance.
func compare(w io.Writer, before, after *results, lib string, tolerance float64) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "allocs\t→\t\tratio\t→\t\t\tbenchmark")
	same, worse := 0, 0
	for _, now := range after.series {
		then, ok := before.byName[now.name]
		if !ok || lib != "" && now.params["lib"] != lib {
			continue
		}
		same++
		allocs, ratio := now.least(allocations)-then.least(allocations), after.bestRatio(now)/before.bestRatio(then)
		mark := ""
		if tolerance > 0 && (allocs > 0 || ratio > 1+tolerance) {
			worse++
			mark = "  worse"
		}
		fmt.Fprintf(t, "%.0f\t%.0f\t%s\t%s\t%s\t%s\t\t%s%s\n",
			then.least(allocations), now.least(allocations), change(allocs),
			times(before.bestRatio(then)), times(after.bestRatio(now)), percent(ratio), now.name, mark)
	}
	if same == 0 {
		return fmt.Errorf("the two runs have no benchmark of %q in common", lib)
	}
	if err := t.Flush(); err != nil || worse == 0 {
		return err
	}
	return fmt.Errorf("%d of %d benchmarks are worse: more allocations, or a ratio that grew by more than %.0f%%",
		worse, same, tolerance*100)
}

// bestRatio returns the ratio of the fastest pass to the fastest pass of the bare check. Other work on the machine only adds
// time, so the fastest passes of two runs are easier to compare than medians.
func (r *results) bestRatio(s *series) float64 {
	bare := r.bare(s)
	if bare == nil {
		return math.NaN()
	}
	return s.least(nanoseconds) / bare.least(nanoseconds)
}

func change(by float64) string {
	if by == 0 {
		return "="
	}
	return fmt.Sprintf("%+.0f", by)
}

func percent(growth float64) string {
	if math.IsNaN(growth) {
		return "–"
	}
	return fmt.Sprintf("%+.1f%%", (growth-1)*100)
}
