package main

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/interop/observability"
)

// chart draws a panel of time series. top and least are the values at the upper and lower edge of the plot.
type chart struct {
	panel      observability.Panel
	page       page
	box        frame // of the panel
	plot       frame
	top, least float64
}

func newChart(box frame, panel observability.Panel, p page) *chart {
	return &chart{panel: panel, page: p, box: box}
}

func (c *chart) stacked() bool { return c.panel.FieldConfig.Defaults.Custom.Stacking.Mode == "normal" }

func (c *chart) log() bool {
	return c.panel.FieldConfig.Defaults.Custom.ScaleDistribution.Type == "log"
}

func (c *chart) draw(b *strings.Builder, lines []line) {
	legend := newLegend(lines, c.box.w-20)
	c.plot = frame{x: c.box.x + 62, y: c.box.y + 32, w: c.box.w - 76, h: c.box.h - 32 - 22 - legend.height()}
	rows := c.rows(lines)
	c.measure(rows)
	c.drawEvents(b)
	c.drawAxes(b)
	if c.stacked() {
		c.drawAreas(b, lines, rows)
	} else {
		c.drawLines(b, lines, rows)
	}
	legend.draw(b, c.box.x+10, c.box.y+c.box.h-legend.height()-2)
}

// rows returns one value or NaN per step for each line. In stacked charts it adds up the lines.
func (c *chart) rows(lines []line) [][]float64 {
	steps := int(c.page.span.To.Sub(c.page.span.From)/c.page.span.Step) + 1
	rows := make([][]float64, 0, len(lines))
	for _, l := range lines {
		row := slices.Repeat([]float64{math.NaN()}, steps)
		for _, point := range l.points {
			at := time.UnixMilli(point.T).Sub(c.page.span.From.Truncate(time.Millisecond))
			row[min(int(at/c.page.span.Step), steps-1)] = point.F
		}
		rows = append(rows, row)
	}
	for i := range rows {
		for j := range rows[i] {
			if c.stacked() {
				if math.IsNaN(rows[i][j]) {
					rows[i][j] = 0
				}
				if i > 0 {
					rows[i][j] += rows[i-1][j]
				}
			}
		}
	}
	return rows
}

// measure sets the range of values of the plot.
func (c *chart) measure(rows [][]float64) {
	c.top, c.least = 0, math.Inf(1)
	for _, row := range rows {
		for _, value := range row {
			if value > 0 && !math.IsInf(value, 0) {
				c.top, c.least = max(c.top, value), min(c.least, value)
			}
		}
	}
	switch {
	case c.top == 0:
		c.top, c.least = 1, 0
	case c.log():
		c.top, c.least = math.Pow(10, math.Ceil(math.Log10(c.top))), math.Pow(10, math.Floor(math.Log10(c.least)))
	default:
		c.top, c.least = c.top*1.08, 0
	}
	if c.panel.FieldConfig.Defaults.Unit == "percentunit" {
		c.top = 1
	}
}

func (c *chart) y(value float64) float64 {
	part := (value - c.least) / (c.top - c.least)
	if c.log() && c.least > 0 {
		part = math.Log(max(value, c.least)/c.least) / math.Log(c.top/c.least)
	}
	return c.plot.y + c.plot.h*(1-part)
}

// x returns the horizontal position of a time in seconds.
func (c *chart) x(seconds float64) float64 {
	return c.plot.x + c.plot.w*seconds/c.page.span.To.Sub(c.page.span.From).Seconds()
}

func (c *chart) drawEvents(b *strings.Builder) {
	for _, e := range c.page.events() {
		if e.from == e.to {
			fmt.Fprintf(b, "<path class=\"rotation\" d=\"M%.1f %.1fv%.1f\"/>\n", c.x(e.from), c.plot.y, c.plot.h)
			continue
		}
		fmt.Fprintf(b, "<rect class=\"event\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n",
			c.x(e.from), c.plot.y, c.x(e.to)-c.x(e.from), c.plot.h)
	}
}

func (c *chart) drawAxes(b *strings.Builder) {
	for _, value := range c.ticks() {
		fmt.Fprintf(b, "<path class=\"grid\" d=\"M%.1f %.1fh%.1f\"/>\n", c.plot.x, c.y(value), c.plot.w)
		fmt.Fprintf(b, "<text class=\"note\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%s</text>\n",
			c.plot.x-6, c.y(value)+4, html.EscapeString(format(value, c.panel.FieldConfig.Defaults.Unit)))
	}
	seconds := c.page.span.To.Sub(c.page.span.From).Seconds()
	step := nice(seconds / 6)
	for at := 0.0; at <= seconds*1.001; at += step {
		fmt.Fprintf(b, "<text class=\"note\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%g s</text>\n",
			c.x(at), c.plot.y+c.plot.h+15, at)
	}
	fmt.Fprintf(b, "<path class=\"axis\" d=\"M%.1f %.1fh%.1f\"/>\n", c.plot.x, c.plot.y+c.plot.h, c.plot.w)
}

// ticks returns the values of the grid lines: round numbers, or powers of ten on a logarithmic scale.
func (c *chart) ticks() []float64 {
	var ticks []float64
	if c.log() && c.least > 0 {
		for value := c.least; value <= c.top*1.001; value *= 10 {
			ticks = append(ticks, value)
		}
		return ticks
	}
	step := nice(c.top / 4)
	if unit := c.panel.FieldConfig.Defaults.Unit; unit == "short" {
		step = max(step, 1)
	}
	for value := 0.0; value <= c.top*1.001; value += step {
		ticks = append(ticks, value)
	}
	return ticks
}

// nice returns the smallest round number that is at least value.
func nice(value float64) float64 {
	decade := math.Pow(10, math.Floor(math.Log10(value)))
	for _, factor := range []float64{1, 2, 2.5, 5} {
		if factor*decade >= value*0.999 {
			return factor * decade
		}
	}
	return 10 * decade
}

func (c *chart) drawLines(b *strings.Builder, lines []line, rows [][]float64) {
	for i, row := range rows {
		var path strings.Builder
		pen := "M"
		for j, value := range row {
			if math.IsNaN(value) {
				pen = "M"
				continue
			}
			fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x(float64(j)*c.page.span.Step.Seconds()), c.y(min(value, c.top)))
			pen = "L"
		}
		fmt.Fprintf(b, "<path class=\"line\" stroke=\"%s\" d=\"%s\"/>\n", lines[i].color, &path)
	}
}

// drawAreas fills the area between each row and the row below it.
func (c *chart) drawAreas(b *strings.Builder, lines []line, rows [][]float64) {
	for i, row := range rows {
		var path strings.Builder
		pen := "M"
		for j, value := range row {
			fmt.Fprintf(&path, "%s%.1f %.1f", pen, c.x(float64(j)*c.page.span.Step.Seconds()), c.y(value))
			pen = "L"
		}
		for j := len(row) - 1; j >= 0; j-- {
			below := 0.0
			if i > 0 {
				below = rows[i-1][j]
			}
			fmt.Fprintf(&path, "L%.1f %.1f", c.x(float64(j)*c.page.span.Step.Seconds()), c.y(below))
		}
		fmt.Fprintf(b, "<path fill=\"%s\" fill-opacity=\"0.85\" d=\"%sZ\"/>\n", lines[i].color, &path)
	}
}
