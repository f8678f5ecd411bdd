package main

import (
	_ "embed" // the template of the chart
	"fmt"
	"math"
	"slices"
	"strings"
	"text/template"
)

// The dimensions of the chart in its own units.
const (
	chartWidth  = 800
	labelWidth  = 104
	valueWidth  = 250
	rowHeight   = 26
	titleHeight = 62
	gap         = 16 // between two panels
	footHeight  = 34
)

//go:embed chart.svg.tmpl
var chartText string

// drawing is the data of the template.
type drawing struct {
	Width, Height, Label int
	Panels               []panel
	Foot                 string
}

// panel contains the first column of a table as bars.
type panel struct {
	Title, Note string
	Top         int
	Bars        []bar
	Limit       float64 // the length of the bare check; zero: not shown
	Bottom      int
}

type bar struct {
	Lib, Value string
	Class      string // of the style sheet: kit, bare or peer
	Y          int
	Width      float64
}

// chart draws the two most common RS256 tables: a token that is not cached, and one that is.
func (r *results) chart() (string, error) {
	d := drawing{Width: chartWidth, Label: labelWidth}
	for _, p := range []panel{
		r.panel("Verify", "cold", "First sight of an RS256 token",
			"Time to verify it, as a multiple of the bare signature check, and allocations. Shorter is better."),
		r.panel("Handler", "hot", "The same RS256 token again, through HTTP middleware",
			"Time of the guarded handler, as a multiple of bearerkit's, and allocations. Shorter is better."),
	} {
		if len(p.Bars) == 0 {
			continue
		}
		if d.Height > 0 {
			d.Height += gap
		}
		p.Top = d.Height
		d.Panels = append(d.Panels, p)
		d.Height += p.Bottom
	}
	d.Height += footHeight
	d.Foot = strings.Join(r.circumstances(), " · ")
	chart, err := template.New("chart").Funcs(template.FuncMap{"text": template.HTMLEscapeString}).Parse(chartText)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := chart.Execute(&b, d); err != nil {
		return "", err
	}
	return b.String(), nil
}

// circumstances returns the version of Go, the processor and the number of passes.
func (r *results) circumstances() []string {
	var found []string
	for _, line := range r.config {
		if key, value, _ := strings.Cut(line, ": "); key == "go" || key == "cpu" {
			found = append(found, strings.TrimSpace(value))
		}
	}
	if passes := r.passes(); passes != "1" {
		found = append(found, "medians of "+passes+" passes")
	}
	return found
}

// panel returns the bars with the fastest library first. The longest bar fills the width.
func (r *results) panel(bench, path, title, note string) panel {
	p := panel{Title: title, Note: note}
	i := slices.IndexFunc(r.tables(), func(t *table) bool {
		return strings.HasPrefix(t.title, bench+", path="+path) && slices.Contains(t.columns, "RS256")
	})
	if i < 0 {
		return p
	}
	t := r.tables()[i]
	of := func(lib string) *series { return t.cells[[2]string{lib, "RS256"}] }
	longest := 0.0
	for _, lib := range t.libs {
		s := of(lib)
		if s == nil {
			continue
		}
		ns := s.median(nanoseconds)
		longest = math.Max(longest, ns)
		p.Bars = append(p.Bars, bar{
			Lib: lib, Value: r.label(s, of(kit)), Class: class(lib), Y: titleHeight + len(p.Bars)*rowHeight, Width: ns,
		})
	}
	for i := range p.Bars {
		p.Bars[i].Width = math.Max(1, p.Bars[i].Width/longest*(chartWidth-labelWidth-valueWidth))
		if bench == "Verify" && p.Bars[i].Lib == bare {
			p.Limit = p.Bars[i].Width
		}
	}
	p.Bottom = titleHeight + len(p.Bars)*rowHeight
	return p
}

// label compares a verification with the bare check. It compares a handler with that of the kit, because a bare handler does
// nothing.
func (r *results) label(s, ours *series) string {
	ratio := r.ratio(s)
	if s.bench == "Handler" {
		ratio = quotient(s, ours)
	}
	parts := []string{duration(s.median(nanoseconds))}
	if s.bench != "Handler" || s.params["lib"] != bare && !math.IsNaN(ratio) {
		parts = append(parts, times(ratio))
	}
	return strings.Join(append(parts, allocs(s.median(allocations))), " · ")
}

func allocs(n float64) string {
	if n == 1 {
		return "1 alloc"
	}
	return fmt.Sprintf("%.0f allocs", n)
}

func class(lib string) string {
	switch lib {
	case kit, bare:
		return lib
	default:
		return "peer"
	}
}
