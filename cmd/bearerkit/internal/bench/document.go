package bench

import (
	"strconv"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// document is the report as JSON. docs/cli.md describes its members.
type document struct {
	URL         string         `json:"url"`
	Address     string         `json:"address"`
	Method      string         `json:"method"`
	Concurrency int            `json:"concurrency"`
	Rate        int            `json:"rate,omitzero"`
	OK          bool           `json:"ok"`
	Interrupted bool           `json:"interrupted"`
	Kinds       []kindDocument `json:"kinds"`
	Skipped     []Kind         `json:"skipped"`
	Problems    []string       `json:"problems"`
}

// kindDocument is the result of one kind.
type kindDocument struct {
	Kind       Kind           `json:"kind"`
	Sent       int            `json:"sent"`
	Responses  int64          `json:"responses"`
	Failures   int            `json:"failures"`
	Unexpected int            `json:"unexpected"`
	Statuses   map[string]int `json:"statuses"`
	Seconds    float64        `json:"seconds"`
	PerSecond  float64        `json:"per_second"`
	Latency    *latency       `json:"latency_ms,omitzero"`
	Stopped    bool           `json:"stopped_early"`
}

// latency has percentiles of the latency in milliseconds.
type latency struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// document returns the report as JSON.
func (r *report) document() document {
	d := document{
		URL: cli.URL(r.target.url.String()), Address: r.target.address.String(), Method: r.opts.Method, Concurrency: r.opts.Concurrency,
		Rate: r.opts.Rate, OK: r.ok(), Interrupted: r.interrupted,
		Kinds: []kindDocument{}, Skipped: append([]Kind{}, r.skipped...), Problems: append([]string{}, r.problems()...),
	}
	for _, m := range r.results {
		d.Kinds = append(d.Kinds, m.document())
	}
	return d
}

// document returns the result of one kind as JSON.
func (m *measurement) document() kindDocument {
	d := kindDocument{
		Kind: m.load.kind, Sent: m.sent, Responses: m.latency.TotalCount(), Failures: m.failures, Unexpected: m.unexpected,
		Statuses: make(map[string]int), Seconds: m.elapsed.Seconds(), PerSecond: m.perSecond(), Stopped: m.stopped,
	}
	for status, count := range m.statuses {
		d.Statuses[strconv.Itoa(status)] = count
	}
	if d.Responses > 0 {
		ms := func(percent float64) float64 { return float64(m.quantile(percent)) / float64(time.Millisecond) }
		d.Latency = &latency{P50: ms(50), P90: ms(90), P99: ms(99), Max: ms(100)}
	}
	return d
}
