package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// compare prints what both runs measured of lib, the old figure beside the new one.
func compare(w io.Writer, before, after *results, lib string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "allocs\t→\t\tratio\t→\t\t\tbenchmark")
	same := 0
	for _, now := range after.series {
		then, ok := before.byName[now.name]
		if !ok || lib != "" && now.params["lib"] != lib {
			continue
		}
		same++
		fmt.Fprintf(t, "%.0f\t%.0f\t%s\t%s\t%s\t%s\t\t%s\n",
			then.median(allocations), now.median(allocations), change(then.median(allocations), now.median(allocations)),
			times(before.ratio(then)), times(after.ratio(now)), percent(before.ratio(then), after.ratio(now)), now.name)
	}
	if same == 0 {
		return fmt.Errorf("the two runs have no benchmark of %q in common", lib)
	}
	return t.Flush()
}

func change(then, now float64) string {
	if then == now {
		return "="
	}
	return fmt.Sprintf("%+.0f", now-then)
}

func percent(then, now float64) string {
	if math.IsNaN(then) || math.IsNaN(now) {
		return "–"
	}
	return fmt.Sprintf("%+.1f%%", (now/then-1)*100)
}
