package main

import (
	"fmt"
	"html"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/interop/observability"
)

// The measures of the page in pixels. A dashboard has 24 columns.
const (
	columnWidth = 60
	rowHeight   = 31
	margin      = 16
	headHeight  = 66
	gap         = 8 // between panels
)

// page is the whole picture.
type page struct {
	dashboard observability.Dashboard
	lines     [][]line // of each panel
	span      observability.Span
	length    time.Duration
}

const style = `
text { font: 11px "DejaVu Sans", Verdana, sans-serif; fill: #3b4252; }
.head { font-size: 19px; font-weight: bold; fill: #1f2430; }
.note { fill: #5a6374; }
.row { font-size: 14px; font-weight: bold; fill: #1f2430; }
.title { font-size: 12px; font-weight: bold; fill: #1f2430; }
.panel { fill: #ffffff; stroke: #d5d9e0; }
.grid { stroke: #e6e9ee; }
.axis { stroke: #b4bac6; }
.event { fill: #8893a7; fill-opacity: 0.13; }
.rotation { stroke: #8893a7; stroke-dasharray: 3 3; }
.big { font-size: 22px; font-weight: bold; fill: #ffffff; }
.small { fill: #ffffff; }
.line { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
`

func (p page) svg() string {
	bottom := 0
	for _, panel := range p.dashboard.Panels {
		bottom = max(bottom, panel.GridPos.Y+panel.GridPos.H)
	}
	width, height := 24*columnWidth+2*margin, bottom*rowHeight+headHeight+margin
	var b strings.Builder
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%[1]d\" height=\"%[2]d\" viewBox=\"0 0 %[1]d %[2]d\">\n", width, height)
	b.WriteString("<!-- Drawn from dashboard.json by `make dashboard`. Do not edit. -->\n")
	fmt.Fprintf(&b, "<title>%s</title>\n<style>%s</style>\n", html.EscapeString(p.dashboard.Title), style)
	fmt.Fprintf(&b, "<rect width=\"%d\" height=\"%d\" fill=\"#f3f4f7\"/>\n", width, height)
	text(&b, margin, 30, "head", p.dashboard.Title)
	text(&b, margin, 50, "note", p.note())
	for i, panel := range p.dashboard.Panels {
		box := frame{
			x: float64(margin + panel.GridPos.X*columnWidth), y: float64(headHeight + panel.GridPos.Y*rowHeight),
			w: float64(panel.GridPos.W*columnWidth - gap), h: float64(panel.GridPos.H*rowHeight - gap),
		}
		switch panel.Type {
		case "row":
			text(&b, box.x, box.y+17, "row", panel.Title)
		case "stat":
			box.open(&b, panel)
			stat(&b, box, panel, p.lines[i])
		default:
			box.open(&b, panel)
			newChart(box, panel, p).draw(&b, p.lines[i])
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// note returns the line of text below the title.
func (p page) note() string {
	var events []string
	for _, e := range p.events() {
		if e.from == e.to {
			events = append(events, fmt.Sprintf("%s at %.0f s", e.name, e.from))
			continue
		}
		events = append(events, fmt.Sprintf("%s %.0f–%.0f s", e.name, e.from, e.to))
	}
	return fmt.Sprintf("A run of %.0f s with shortened times and limits. Gray areas show the events: %s. Drawn from dashboard.json by make dashboard.",
		p.length.Seconds(), strings.Join(events, ", "))
}

// event is an event of the run. Its times are in seconds.
type event struct {
	name     string
	from, to float64
}

func (p page) events() []event {
	var events []event
	for _, e := range observability.Events() {
		events = append(events, event{e.Name, e.From * p.length.Seconds(), e.To * p.length.Seconds()})
	}
	return events
}

// frame is the position and size of a panel.
type frame struct{ x, y, w, h float64 }

func (f frame) open(b *strings.Builder, panel observability.Panel) {
	fmt.Fprintf(b, "<rect class=\"panel\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\"/>\n", f.x, f.y, f.w, f.h)
	text(b, f.x+10, f.y+19, "title", panel.Title)
}

// stat draws the last value of each series.
func stat(b *strings.Builder, box frame, panel observability.Panel, lines []line) {
	h := (box.h - 38) / float64(max(len(lines), 1))
	for i, l := range lines {
		last := l.points[len(l.points)-1].F
		y := box.y + 30 + float64(i)*h
		fmt.Fprintf(b, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"3\" fill=\"%s\"/>\n",
			box.x+8, y, box.w-16, h-2, thresholdColor(panel, last))
		text(b, box.x+22, y+h/2-6, "small", l.name)
		text(b, box.x+22, y+h/2+20, "big", mapped(panel, last))
	}
}

func mapped(panel observability.Panel, value float64) string {
	plain := fmt.Sprintf("%g", value)
	for _, mapping := range panel.FieldConfig.Defaults.Mappings {
		if option, ok := mapping.Options[plain]; ok {
			return option.Text
		}
	}
	return format(value, panel.FieldConfig.Defaults.Unit)
}

func text(b *strings.Builder, x, y float64, class, content string) {
	fmt.Fprintf(b, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, x, y, html.EscapeString(content))
}
