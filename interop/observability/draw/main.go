// Command draw draws a Grafana dashboard as SVG. It runs an API for a while, evaluates the queries of the dashboard on the
// scraped metrics, and draws the results at the positions that the dashboard defines. It supports only the kinds of panels
// that docs/observability uses: rows, time series and stats.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/prometheus/prometheus/promql"

	"github.com/bearerkit/bearerkit/interop/observability"
)

func main() {
	in := flag.String("in", "../docs/observability/dashboard.json", "the dashboard to draw")
	out := flag.String("out", "../docs/observability/dashboard.svg", "the SVG file to write")
	length := flag.Duration("run", 90*time.Second, "how long the API runs")
	flag.Parse()
	if err := draw(context.Background(), *in, *out, *length); err != nil {
		log.Fatal(err)
	}
}

func draw(ctx context.Context, in, out string, length time.Duration) error {
	dashboard, err := observability.ReadDashboard(in)
	if err != nil {
		return err
	}
	store, span, err := observability.Run(ctx, length, 180)
	if err != nil {
		return err
	}
	p := page{dashboard: dashboard, span: span, length: length}
	for _, panel := range dashboard.Panels {
		lines, err := query(ctx, store, span, panel)
		if err != nil {
			return fmt.Errorf("%s: %w", panel.Title, err)
		}
		p.lines = append(p.lines, lines)
	}
	return os.WriteFile(out, []byte(p.svg()), 0o600)
}

// line is one series of a panel.
type line struct {
	name   string
	color  string
	points []promql.FPoint
}

// query returns the series of a panel.
func query(ctx context.Context, store *observability.Store, span observability.Span, panel observability.Panel) ([]line, error) {
	var lines []line
	for _, target := range panel.Targets {
		matrix, err := store.Query(ctx, target.Expr, span)
		if err != nil {
			return nil, err
		}
		for _, series := range matrix {
			name := legend(target.LegendFormat, series.Metric)
			lines = append(lines, line{name: name, color: colorOf(panel, name, len(lines)), points: series.Floats})
		}
	}
	return lines, nil
}
