package bench

import (
	"math"
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

// TestPlot checks that the names of the kinds are below their sections, and that the plot fits into the width.
func TestPlot(t *testing.T) {
	t.Parallel()
	var all []*measurement
	for i, kind := range Kinds() {
		all = append(all, measured(kind, 300*time.Millisecond, 10*i, 20*i, 30*i))
	}
	for _, width := range []int{100, 120} {
		text := plot(all, width)
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		for _, line := range lines {
			if length := len([]rune(line)); length > width {
				t.Errorf("width %d: a line has %d characters:\n%s", width, length, text)
			}
		}
		names := strings.Fields(lines[len(lines)-1])
		if len(names) != len(all) || names[0] != "cold" || names[6] != "expired" {
			t.Errorf("the last line is %q", lines[len(lines)-1])
		}
	}
	if text := plot(all[:1], 40); !strings.Contains(text, "cold") { // no response at all
		t.Errorf("the plot of one kind is\n%s", text)
	}
}
