package main

import (
	_ "embed" // the template of the chart
	"math"
	"slices"
	"strings"
	"text/template"
)

// The chart's measures, in its own units.
const (
	chartWidth  = 760
	labelWidth  = 110
	valueWidth  = 190
	rowHeight   = 26
	titleHeight = 44
)

//go:embed chart.svg.tmpl
var chartText string

// panel is one table's first column, as bars.
type panel struct {
	Title string
	Top   int
	Bars  []bar
}

type bar struct {
	Lib, Value string
	Class      string // of the style sheet: kit, bare or peer
	Y          int
	Width      float64
}

// chart draws the two RS256 tables that most APIs are about: a token seen for the first time, and one seen before.
func (r *results) chart() (string, error) {
	drawing := struct {
		Width, Height, Label int
		Panels               []panel
	}{Width: chartWidth, Label: labelWidth}
	for _, wanted := range []struct{ bench, path, title string }{
		{"Verify", "cold", "First sight of a token, RS256: time and its ratio to the bare signature check"},
		{"Handler", "hot", "The same token again, through the HTTP middleware, RS256"},
	} {
		bars := r.bars(wanted.bench, wanted.path)
		if len(bars) == 0 {
			continue
		}
		drawing.Panels = append(drawing.Panels, panel{Title: wanted.title, Top: drawing.Height, Bars: bars})
		drawing.Height += titleHeight + len(bars)*rowHeight
	}
	chart, err := template.New("chart").Parse(chartText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := chart.Execute(&b, drawing); err != nil {
		return "", err
	}
	return b.String(), nil
}

// bars are sorted, the fastest first, and as long as their time, the longest filling the width.
func (r *results) bars(bench, path string) []bar {
	i := slices.IndexFunc(r.tables(), func(t *table) bool {
		return strings.HasPrefix(t.title, bench+", path="+path) && slices.Contains(t.columns, "RS256")
	})
	if i < 0 {
		return nil
	}
	var bars []bar
	longest := 0.0
	for _, lib := range r.tables()[i].libs {
		s := r.tables()[i].cells[[2]string{lib, "RS256"}]
		if s == nil {
			continue
		}
		ns := s.median(nanoseconds)
		longest = math.Max(longest, ns)
		bars = append(bars, bar{
			Lib: lib, Value: r.label(s, bench), Class: class(lib), Y: titleHeight + len(bars)*rowHeight, Width: ns,
		})
	}
	for i := range bars {
		bars[i].Width = math.Max(1, bars[i].Width/longest*(chartWidth-labelWidth-valueWidth))
	}
	return bars
}

func (r *results) label(s *series, bench string) string {
	if bench == "Verify" {
		return duration(s.median(nanoseconds)) + ", " + times(r.ratio(s))
	}
	return duration(s.median(nanoseconds))
}

func class(lib string) string {
	switch lib {
	case "bearerkit":
		return "kit"
	case "bare":
		return "bare"
	default:
		return "peer"
	}
}
