package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/guptarohit/asciigraph"
)

// Sizes of the plot, in characters.
const (
	plotHeight   = 8
	axisWidth    = 11 // of the numbers and the axis
	minSection   = 9  // of one kind, so that its name fits
	maxSection   = 24
	numberFormat = "%8.0f"
)

// plots returns a graph of the throughput over time, with the kinds beside each other. If they do not fit into width columns, there
// are several graphs.
func plots(all []*measurement, width int) string {
	fitting := max((width-axisWidth+1)/(minSection+1), 1)
	var graphs []string
	for some := range slices.Chunk(all, fitting) {
		section := min((width-axisWidth+1)/len(some)-1, maxSection)
		graphs = append(graphs, plot(some, section))
	}
	return strings.Join(graphs, "\n")
}

// plot returns one graph. section is the number of columns for each kind.
func plot(all []*measurement, section int) string {
	var values []float64
	var names strings.Builder
	for i, m := range all {
		if i > 0 {
			values = append(values, math.NaN()) // a gap
			names.WriteByte(' ')
		}
		values = append(values, m.overTime(section)...)
		fmt.Fprintf(&names, "%-*s", section, m.load.kind)
	}
	graph := asciigraph.Plot(values, asciigraph.Height(plotHeight), asciigraph.LowerBound(0), asciigraph.Precision(0),
		asciigraph.YAxisValueFormatter(func(v float64) string { return fmt.Sprintf(numberFormat, v) }))
	first, _, _ := strings.Cut(graph, "\n")
	axis := utf8.RuneCountInString(first[:strings.IndexAny(first, "┤┼")]) + 1
	return graph + "\n" + strings.Repeat(" ", axis) + strings.TrimRight(names.String(), " ") + "\n"
}

// overTime returns the responses per second in each of several parts of the time of a kind.
func (m *measurement) overTime(parts int) []float64 {
	values := make([]float64, parts)
	// A kind that ended within two slots has only one value.
	if m.elapsed < 2*slot {
		for i := range values {
			values[i] = m.perSecond()
		}
		return values
	}
	part := m.elapsed.Seconds() / float64(parts)
	for i := range values {
		values[i] = m.responsesBetween(float64(i)*part, float64(i+1)*part) / part
	}
	return values
}

// responsesBetween returns the number of responses between two times, in seconds since the start. It assumes that the responses of a
// slot are spread evenly over the slot.
func (m *measurement) responsesBetween(from, to float64) float64 {
	total := 0.0
	for i, count := range m.slots {
		begin := float64(i) * slot.Seconds()
		end := min(begin+slot.Seconds(), m.elapsed.Seconds()) // the last slot may be shorter
		if overlap := min(to, end) - max(from, begin); overlap > 0 && end > begin {
			total += float64(count) * overlap / (end - begin)
		}
	}
	return total
}
