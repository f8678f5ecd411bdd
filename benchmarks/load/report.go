package main

import (
	"fmt"
	"io"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// report prints medians over the rounds; a ratio is the median of the rounds' ratios to the bare handler's turn in the
// same round.
func report(out io.Writer, o options, phases []*phase) {
	fmt.Fprintf(out, "%s, GOMAXPROCS %d shared by client and server, %d connections, %d rounds of %v\n\n",
		runtime.Version(), runtime.GOMAXPROCS(0), o.connections, o.rounds, o.phase)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\treq/s\tratio\tp50\tp99\tratio\tp99.9\t")
	for _, p := range phases {
		fmt.Fprintf(t, "%s\t%.0f\t%.3f\t%v\t%v\t%.3f\t%v\t\n", p.name,
			p.median(round.perSecond), ratio(p, phases[0], round.perSecond),
			p.quantile(50), p.quantile(99), ratio(p, phases[0], round.p99), p.quantile(99.9))
	}
	_ = t.Flush()
	for _, p := range phases {
		fmt.Fprintf(out, "\n%s\n", p.name)
		plot(out, p.together())
	}
}

func (r round) perSecond() float64 { return r.throughput }
func (r round) p99() float64       { return float64(r.latency.ValueAtPercentile(99)) }

func (p *phase) median(of func(round) float64) float64 {
	values := make([]float64, len(p.rounds))
	for i, r := range p.rounds {
		values[i] = of(r)
	}
	return median(values)
}

func ratio(p, bare *phase, of func(round) float64) float64 {
	values := make([]float64, len(p.rounds))
	for i := range values {
		values[i] = of(p.rounds[i]) / of(bare.rounds[i])
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	middle := len(values) / 2
	if len(values)%2 == 1 {
		return values[middle]
	}
	return (values[middle-1] + values[middle]) / 2
}

func (p *phase) quantile(percent float64) time.Duration {
	nanoseconds := p.median(func(r round) float64 { return float64(r.latency.ValueAtPercentile(percent)) })
	return time.Duration(nanoseconds).Round(time.Microsecond)
}

func (p *phase) together() *hdrhistogram.Histogram {
	all := newHistogram()
	for _, r := range p.rounds {
		all.Merge(r.latency)
	}
	return all
}

// plot draws the share of requests by latency, each line twice as long as the one before; lines of less than a
// ten-thousandth are left out.
func plot(out io.Writer, latency *hdrhistogram.Histogram) {
	counts := make(map[int]int64)
	for _, b := range latency.Distribution() {
		counts[bits.Len64(uint64(max(0, b.From)/int64(time.Microsecond)))] += b.Count
	}
	for power := range 64 {
		share := float64(counts[power]) / float64(latency.TotalCount())
		if share < 0.0001 {
			continue
		}
		below := time.Microsecond << power
		fmt.Fprintf(out, "%10s %6.2f%% %s\n", "< "+below.String(), share*100, strings.Repeat("█", int(share*50+0.5)))
	}
}
