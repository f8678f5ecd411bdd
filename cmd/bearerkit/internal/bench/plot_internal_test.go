package bench

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// measured returns a measurement with the numbers of responses in each slot.
func measured(kind Kind, elapsed time.Duration, slots ...int) *measurement {
	m := newMeasurement(&load{kind: kind})
	for i, count := range slots {
		for range count {
			m.response(200, time.Millisecond, time.Duration(i)*slot)
		}
	}
	m.elapsed = elapsed
	return m
}

// TestOverTime checks the values of the plot. Their mean is the throughput.
func TestOverTime(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		m     *measurement
		parts int
		want  []float64
	}{
		{"steady", measured(KindNone, 400*time.Millisecond, 10, 10, 10, 10), 4, []float64{100, 100, 100, 100}},
		{"a stall", measured(KindNone, 400*time.Millisecond, 10, 0, 0, 30), 4, []float64{100, 0, 0, 300}},
		{"several slots for each part", measured(KindNone, 400*time.Millisecond, 10, 20, 30, 40), 2, []float64{150, 350}},
		{"several parts for each slot", measured(KindNone, 200*time.Millisecond, 10, 20), 4, []float64{100, 100, 200, 200}},
		{"a short last slot", measured(KindNone, 250*time.Millisecond, 10, 10, 5), 5, []float64{100, 100, 100, 100, 100}},
		{"a short run", measured(KindNone, 50*time.Millisecond, 10), 3, []float64{200, 200, 200}},
	} {
		got := test.m.overTime(test.parts)
		if len(got) != len(test.want) {
			t.Fatalf("%s: %d values, want %d", test.name, len(got), len(test.want))
		}
		for i := range got {
			if math.Abs(got[i]-test.want[i]) > 1e-6 {
				t.Errorf("%s: %v, want %v", test.name, got, test.want)
				break
			}
		}
	}
}

// TestPlots checks that the names of the kinds are below their sections, and that no line is longer than the terminal.
func TestPlots(t *testing.T) {
	t.Parallel()
	var all []*measurement
	for i, kind := range Kinds() {
		all = append(all, measured(kind, 300*time.Millisecond, 10*i, 20*i, 30*i))
	}
	for _, test := range []struct{ width, graphs int }{{120, 1}, {80, 1}, {79, 2}, {40, 3}} {
		text := plots(all, test.width)
		for line := range strings.SplitSeq(text, "\n") {
			if length := len([]rune(line)); length > test.width {
				t.Errorf("width %d: a line has %d characters:\n%s", test.width, length, text)
			}
		}
		if graphs := strings.Count(text, " 0 "); graphs != test.graphs {
			t.Errorf("width %d: %d graphs, want %d:\n%s", test.width, graphs, test.graphs, text)
		}
		var names []string
		for _, word := range strings.Fields(text) {
			if slices.Contains(Kinds(), Kind(word)) {
				names = append(names, word)
			}
		}
		if got, want := strings.Join(names, " "), strings.Join(kindNames(), " "); got != want {
			t.Errorf("width %d: the names are %q, want %q:\n%s", test.width, got, want, text)
		}
	}
	// The name is below the axis of its section.
	lines := strings.Split(plot(all[1:3], 20), "\n")
	names := lines[len(lines)-2]
	if first, second := strings.Index(names, "cached"), strings.Index(names, "distinct"); first != axisWidth || second != axisWidth+21 {
		t.Errorf("the names are at %d and %d, want %d and %d: %q", first, second, axisWidth, axisWidth+21, names)
	}
}
