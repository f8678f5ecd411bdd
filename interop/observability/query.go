package observability

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Span is the time range of a query: its start, its end, and the time between two points.
type Span struct {
	From, To time.Time
	Step     time.Duration
}

// Query evaluates a query of the dashboard at every point of the span.
func (s *Store) Query(ctx context.Context, query string, span Span) (promql.Matrix, error) {
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: 10_000_000, Timeout: time.Minute, LookbackDelta: 5 * span.Step, Parser: parser.NewParser(parser.Options{}),
	})
	q, err := engine.NewRangeQuery(ctx, s, nil, fill(query, span.Step), span.From, span.To, span.Step)
	if err != nil {
		return nil, err
	}
	defer q.Close()
	result := q.Exec(ctx)
	if result.Err != nil {
		return nil, result.Err
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, err
	}
	matrix = slices.Clone(matrix)
	for i := range matrix { // Close reuses the memory of the points
		matrix[i].Floats = slices.Clone(matrix[i].Floats)
	}
	return matrix, nil
}

// fill replaces variables as Grafana does: by all jobs and instances, and by four times the step for the rate interval.
func fill(query string, step time.Duration) string {
	interval := strconv.FormatInt((4*step).Milliseconds(), 10) + "ms"
	return strings.NewReplacer("$job", ".+", "$instance", ".+", "$__rate_interval", interval).Replace(query)
}
