package main

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"
)

const (
	legendLine = 16
	charWidth  = 6.6 // of the widest font that is likely
)

// entry is a name in the legend and its position.
type entry struct {
	name  string
	color string
	x, y  float64
}

// key is the legend of a chart: lines of names, each with a colored mark.
type key struct{ entries []entry }

func newLegend(lines []line, width float64) key {
	var k key
	x, y := 0.0, 0.0
	for _, l := range lines {
		w := 18 + charWidth*float64(len([]rune(l.name))) + 12
		if x > 0 && x+w > width {
			x, y = 0, y+legendLine
		}
		k.entries = append(k.entries, entry{name: l.name, color: l.color, x: x, y: y})
		x += w
	}
	return k
}

func (k key) height() float64 {
	if len(k.entries) == 0 {
		return 0
	}
	return k.entries[len(k.entries)-1].y + legendLine + 6
}

func (k key) draw(b *strings.Builder, x, y float64) {
	for _, e := range k.entries {
		fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"12\" height=\"4\" rx=\"1\" fill=\"%s\"/>\n", x+e.x, y+e.y+9, e.color)
		text(b, x+e.x+17, y+e.y+15, "note", e.name)
	}
}

var placeholder = regexp.MustCompile(`\{\{\s*(\w+)\s*\}\}`)

// legend replaces the labels in a legend format by their values.
func legend(format string, metric labels.Labels) string {
	return placeholder.ReplaceAllStringFunc(format, func(match string) string {
		return metric.Get(placeholder.FindStringSubmatch(match)[1])
	})
}

// format returns a value with its unit for an axis.
func format(value float64, unit string) string {
	number := func(v float64) string { return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) }
	switch unit {
	case "s":
		switch {
		case value == 0:
			return "0 s"
		case value < 0.999e-3:
			return number(value*1e6) + " µs"
		case value < 0.999:
			return number(value*1e3) + " ms"
		}
		return number(value) + " s"
	case "percentunit":
		return number(value*100) + " %"
	case "reqps":
		return number(value) + " req/s"
	case "ops":
		return number(value) + " /s"
	}
	return number(value)
}
