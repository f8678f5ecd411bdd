package main

import (
	"fmt"
	"io"
	"math"
	"math/bits"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// report prints medians over the rounds. A ratio is the median of the ratios to the bare handler in the same round. Half of
// the rounds are between the quartiles.
func report(out io.Writer, o options, phases []*phase) {
	fmt.Fprintf(out, "%s, GOMAXPROCS %d shared by client and server, %s, %d connections, %d rounds of %v\n\n",
		runtime.Version(), runtime.GOMAXPROCS(0), o.alg, o.connections, o.rounds, o.phase)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "throughput\treq/s\tto bare\tquartiles\ttarget\t\t")
	for _, p := range phases {
		fmt.Fprintf(t, "%s\t%.0f\t%s\n", p.name, p.median(round.perSecond),
			p.verdict(round.perSecond, "≥", p.target.throughput))
	}
	fmt.Fprintln(t, "\t\t\t\t\t\t\nlatency\tp99\tto bare\tquartiles\ttarget\t\tp50\tp99.9\t")
	for _, p := range phases {
		fmt.Fprintf(t, "%s\t%v\t%s%v\t%v\t\n", p.name, p.quantile(99),
			p.verdict(round.p99, "≤", p.target.p99), p.quantile(50), p.quantile(99.9))
	}
	_ = t.Flush()
	for _, p := range phases {
		fmt.Fprintf(out, "\n%s\n", p.name)
		plot(out, p.together())
	}
}

// verdict compares the ratio to the bare phase with the target. It is empty for a bare phase.
func (p *phase) verdict(of func(round) float64, relation string, target float64) string {
	if p.bare == nil {
		return "\t\t\t\t"
	}
	all := ratios(p, of)
	ratio, answer := quantile(all, 0.5), "missed"
	if ratio == target || (ratio > target) == (relation == "≥") {
		answer = "met"
	}
	return fmt.Sprintf("%.3f\t%.3f to %.3f\t%s %.2f\t%s\t", ratio, quantile(all, 0.25), quantile(all, 0.75), relation, target, answer)
}

func (r round) perSecond() float64 { return r.throughput }
func (r round) p99() float64       { return float64(r.latency.ValueAtPercentile(99)) }

func (p *phase) median(of func(round) float64) float64 {
	values := make([]float64, len(p.rounds))
	for i, r := range p.rounds {
		values[i] = of(r)
	}
	return quantile(values, 0.5)
}

// ratios returns the ratio of each round.
func ratios(p *phase, of func(round) float64) []float64 {
	values := make([]float64, len(p.rounds))
	for i := range values {
		values[i] = of(p.rounds[i]) / of(p.bare.rounds[i])
	}
	return values
}

// quantile sorts values and interpolates linearly between two of them.
func quantile(values []float64, share float64) float64 {
	slices.Sort(values)
	below, between := math.Modf(share * float64(len(values)-1))
	i := int(below)
	return values[i] + between*(values[min(i+1, len(values)-1)]-values[i])
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

// plot draws the share of requests by latency. The range of each line is twice that of the line before. Lines with less than
// one in ten thousand requests are left out.
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
