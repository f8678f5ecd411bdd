package bearertest

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// Benchmark measures what the verification of tokens costs in a deployment: the HTTP handler that serves an API, including all
// of its middleware. It may use bearerkit or not. Each target is one route; without a target, it is GET /. See [Target] for the
// requests, and [Attacks] for what handler and issuer must be.
//
//	func BenchmarkAPI(b *testing.B) {
//		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
//		handler := newServer(issuer.URL(), issuer.Client())
//		bearertest.Benchmark(b, handler, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
//	}
//
// The sub-benchmarks are:
//
//	signature        the bare signature check of the standard library, without a handler
//	cold             each request has a new valid token
//	cached           all requests have the same valid token
//	parallel         as cached, on all processors at the same time
//	rejected/…       expired, signature (a wrong one), garbage, and no_token
//
// Besides the usual results, each reports x-signature: the time of a request divided by the time of a bare signature check with
// the algorithm of the valid token, measured right after the requests. The time of a request includes the router, the handler,
// and everything else that the handler runs. A 1.0 for cold means that all of it costs as much as one signature check.
//
// Benchmark signs tokens while the timer is stopped, in batches of at most 256, so that it needs little memory. Signing with RSA is
// slow: cold with RS256 takes several times as long as -benchtime says. A request with an unexpected status ends the benchmark.
// With -benchtime=1x, it shows whether the setup is right.
func Benchmark(b *testing.B, handler http.Handler, issuer *Issuer, targets ...Target) {
	b.Helper()
	if len(targets) == 0 {
		targets = []Target{{}}
	}
	for _, target := range targets {
		m, problem := newMeter(handler, issuer, target)
		if problem != "" {
			b.Fatal(problem)
		}
		if len(targets) == 1 {
			m.run(b)
			continue
		}
		b.Run(target.name(), m.run)
	}
}

// meter measures one target.
type meter struct {
	*assault
	signature func() error // a bare signature check
}

func newMeter(handler http.Handler, issuer *Issuer, target Target) (*meter, string) {
	a, problem := newAssault(handler, issuer, target)
	if problem != "" {
		return nil, problem
	}
	check, err := signatureCheck(a.token())
	if err != nil {
		return nil, err.Error()
	}
	return &meter{assault: a, signature: check}, ""
}

// run runs all sub-benchmarks.
func (m *meter) run(b *testing.B) {
	b.Helper()
	for _, row := range m.rows() {
		b.Run(row.name, row.run)
	}
}

// benchmarkRow is a sub-benchmark.
type benchmarkRow struct {
	name string
	run  func(b *testing.B)
}

func (m *meter) rows() []benchmarkRow {
	flip := func(signature []byte) []byte {
		flipped := bytes.Clone(signature)
		flipped[0] ^= 1
		return flipped
	}
	one := func(raw string, accepted bool) func(b *testing.B) {
		return func(b *testing.B) { m.measure(b, raw, accepted) }
	}
	valid := m.longLived().Sign()
	rows := []benchmarkRow{
		{"signature", m.measureSignature},
		{"cold", m.cold},
		{"cached", one(valid, true)},
		{"parallel", func(b *testing.B) { m.parallel(b, valid) }},
		{"rejected/expired", one(m.token().Set("exp", time.Now().Add(-time.Hour).Unix()).Sign(), false)},
		{"rejected/signature", one(m.longLived().EditSignature(flip).Sign(), false)},
		{"rejected/garbage", one(strings.Repeat("garbage", 50), false)},
	}
	if m.target.Optional {
		return rows
	}
	return append(rows, benchmarkRow{"rejected/no_token", one("", false)})
}

// longLived returns a valid token that does not expire during a benchmark.
func (m *meter) longLived() *Token { return m.token().Set("exp", time.Now().Add(24*time.Hour).Unix()) }

// measure measures requests with one token, or without a token if raw is empty.
func (m *meter) measure(b *testing.B, raw string, accepted bool) {
	c := m.caller()
	c.serve(raw) // as in an API that has been running: keys and caches are filled
	b.ReportAllocs()
	for b.Loop() {
		if c.serve(raw) != accepted {
			b.Fatal(c.problem(accepted))
		}
	}
	m.report(b)
}

// batch is the number of tokens that are signed at once.
const batch = 256

// cold measures requests with a new token each.
func (m *meter) cold(b *testing.B) {
	c := m.caller()
	var tokens []string
	signed := 0
	next := func() string {
		if len(tokens) == 0 {
			b.StopTimer()
			tokens = m.sign(min(batch, max(1, signed))) // few at first, because one request may be enough
			signed += len(tokens)
			b.StartTimer()
		}
		raw := tokens[len(tokens)-1]
		tokens = tokens[:len(tokens)-1]
		return raw
	}
	b.ReportAllocs()
	for b.Loop() {
		if !c.serve(next()) {
			b.Fatal(c.problem(true))
		}
	}
	m.report(b)
}

// sign returns n new valid tokens. No two are equal, also if Target.Token returns equal claims.
func (m *meter) sign(n int) []string {
	tokens := make([]string, n)
	for i := range tokens {
		tokens[i] = m.longLived().Set("bearertest", rand.Text()).Sign()
	}
	return tokens
}

// parallel measures requests with one token on all processors.
func (m *meter) parallel(b *testing.B, raw string) {
	m.caller().serve(raw)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		c := m.caller()
		for pb.Next() {
			if !c.serve(raw) {
				b.Error(c.problem(true)) // Fatal must not be called in this goroutine
				return
			}
		}
	})
	m.report(b)
}

func (m *meter) measureSignature(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := m.signature(); err != nil {
			b.Fatal(err)
		}
	}
	m.report(b)
}

// report adds the ratio to the bare signature check.
func (m *meter) report(b *testing.B) {
	b.StopTimer()
	perRequest := float64(b.Elapsed()) / float64(max(1, b.N))
	b.ReportMetric(perRequest/m.bareSignature(), "x-signature")
}

// bareSignature returns the nanoseconds of a signature check: the median of some rounds.
func (m *meter) bareSignature() float64 {
	const rounds, checks = 9, 10
	took := make([]time.Duration, rounds)
	for i := range took {
		begin := time.Now()
		for range checks {
			_ = m.signature() // newMeter has checked that it is right
		}
		took[i] = time.Since(begin)
	}
	slices.Sort(took)
	return max(1, float64(took[rounds/2])/checks)
}

// caller sends requests without allocating much itself: it uses one request and one response for all.
type caller struct {
	meter    *meter
	template *http.Request // without credentials
	writer   discardWriter
}

func (m *meter) caller() *caller {
	return &caller{meter: m, template: m.target.request(), writer: discardWriter{header: make(http.Header)}}
}

// serve sends one request, and reports whether it was accepted.
func (c *caller) serve(raw string) bool {
	r := c.template
	if c.meter.target.Credential != nil || c.meter.target.Body != "" {
		r = c.meter.target.request() // both may change everything
	} else {
		r = r.Clone(r.Context())
	}
	if raw != "" {
		c.meter.target.carry(r, raw)
	}
	clear(c.writer.header)
	c.writer.status = 0
	c.meter.handler.ServeHTTP(&c.writer, r)
	status := cmp.Or(c.writer.status, http.StatusOK)
	return status >= 200 && status < 300
}

// problem describes an unexpected response.
func (c *caller) problem(accepted bool) string {
	expected := "4xx"
	if accepted {
		expected = "2xx"
	}
	return fmt.Sprintf("bearertest: %s: the status is %d, expected %s", c.meter.line(), cmp.Or(c.writer.status, http.StatusOK), expected)
}

// discardWriter is a ResponseWriter that keeps only the status.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header { return w.header }

func (w *discardWriter) WriteHeader(status int) { w.status = cmp.Or(w.status, status) }

func (w *discardWriter) Write(data []byte) (int, error) {
	w.status = cmp.Or(w.status, http.StatusOK)
	return len(data), nil
}
