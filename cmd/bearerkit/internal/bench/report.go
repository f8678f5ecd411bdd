package bench

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// report is the result of a run.
type report struct {
	target      *target
	opts        Options
	results     []*measurement
	skipped     []Kind // because the API was unavailable
	interrupted bool   // by the user
}

// ok reports whether all requests were sent and got the expected responses.
func (r *report) ok() bool {
	for _, m := range r.results {
		if !m.ok() {
			return false
		}
	}
	return len(r.results) > 0 && len(r.skipped) == 0 && !r.interrupted
}

// write writes the report as text, in lines of width columns.
func (r *report) write(out io.Writer, width int) {
	fmt.Fprintf(out, "%s %s at %v, %d connections\n\n", r.opts.Method, cli.URL(r.target.url.String()), r.target.address, r.opts.Concurrency)
	r.table(out)
	if measured := r.withResponses(); len(measured) > 0 {
		fmt.Fprintf(out, "\nResponses per second\n\n%s", plots(measured, width))
	}
	if problems := r.problems(); len(problems) > 0 {
		fmt.Fprint(out, "\nProblems\n\n")
		for _, problem := range problems {
			fmt.Fprintln(out, "  "+cli.Wrap(problem, width-len("  "), "    "))
		}
	}
}

// withResponses returns the measurements that have at least one response.
func (r *report) withResponses() []*measurement {
	return slices.DeleteFunc(slices.Clone(r.results), func(m *measurement) bool { return m.latency.TotalCount() == 0 })
}

// table writes one line for each kind.
func (r *report) table(out io.Writer) {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, kindColumn("kind")+"\tresponses\tper second\tp50\tp90\tp99\tmax\t  statuses")
	for _, m := range r.results {
		fmt.Fprintf(t, "%s\t%d\t%.0f\t", kindColumn(m.load.kind), m.latency.TotalCount(), m.perSecond())
		for _, percent := range []float64{50, 90, 99, 100} {
			fmt.Fprintf(t, "%v\t", rounded(m.quantile(percent)))
		}
		fmt.Fprintf(t, "  %s\n", m.statusCounts())
	}
	_ = t.Flush()
}

// kindColumn returns the first cell of a line. It is aligned to the left, unlike the numbers.
func kindColumn(kind Kind) string { return fmt.Sprintf("%-9s", kind) }

// rounded returns d with about three significant digits.
func rounded(d time.Duration) time.Duration {
	unit := time.Microsecond
	for d >= 1000*unit {
		unit *= 10
	}
	return d.Round(unit)
}

// statusCounts returns text such as "200: 10, 503: 2".
func (m *measurement) statusCounts() string {
	var counts []string
	for _, status := range slices.Sorted(maps.Keys(m.statuses)) {
		counts = append(counts, fmt.Sprintf("%d: %d", status, m.statuses[status]))
	}
	if m.failures > 0 {
		counts = append(counts, fmt.Sprintf("no response: %d", m.failures))
	}
	return strings.Join(counts, ", ")
}

// problems returns one line for each problem.
func (r *report) problems() []string {
	var all []string
	for _, m := range r.results {
		for _, status := range slices.Sorted(maps.Keys(m.statuses)) {
			if !m.load.expects(status) {
				all = append(all, fmt.Sprintf("%s: %d of %d responses have status %d, expected %s. %s",
					m.load.kind, m.statuses[status], m.latency.TotalCount(), status, m.load.expectation(), advice(m.load.kind, status)))
			}
		}
		if m.failures > 0 {
			all = append(all, fmt.Sprintf("%s: %d requests got no response. The first error: %v", m.load.kind, m.failures, m.failure))
		}
		if m.stopped {
			all = append(all, fmt.Sprintf("%s: stopped early, after %d failures in a row", m.load.kind, maxFailuresInARow))
		}
	}
	for _, kind := range r.skipped {
		all = append(all, fmt.Sprintf("%s: skipped, because the API is unavailable or overloaded", kind))
	}
	if r.interrupted {
		all = append(all, "interrupted; the figures are those of the completed requests")
	}
	return all
}

// advice returns what to do about an unexpected status.
func advice(kind Kind, status int) string {
	valid := kind.valid()
	switch {
	case status >= http.StatusOK && status < http.StatusMultipleChoices && !valid:
		return "The API accepts what it must reject. Check that a Guard protects this route."
	case status >= http.StatusMultipleChoices && status < http.StatusBadRequest:
		return "Redirects are not followed, so that the token goes to no other host. Use the final URL."
	case status == http.StatusUnauthorized && valid:
		return "The API rejects the token. 'bearerkit doctor' says why. It may also have expired during the run."
	case status == http.StatusForbidden && valid:
		return "The token lacks something that the route requires, such as a scope."
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		return "Check the path, and --method."
	case status == tooManyRequests:
		return "The API limits the rate of requests. Set --rate."
	case status >= serverError:
		return "The API, or a server that it needs, is unavailable or overloaded."
	case valid:
		return "If this status is correct, set --expect."
	}
	return "If this status is correct, set --expect-rejected."
}
