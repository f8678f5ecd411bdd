package interop_test

import (
	"cmp"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/bearerkit/bearerkit/consumer"
)

// report collects the responses of the frameworks. It logs them as one table when its test ends.
type report struct {
	mu    sync.Mutex // guards lines
	lines []line
}

// line is one token that was sent to every framework, with the responses.
type line struct {
	server, flow, token string
	number              int      // the position among the lines of the server
	answers             []answer // in the order of the variable frameworks
}

func newReport(t *testing.T) *report {
	t.Helper()
	r := new(report)
	t.Cleanup(func() { t.Log(r.table()) })
	return r
}

func (r *report) add(l line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, l)
}

func (r *report) table() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.SortFunc(r.lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(a.server, b.server), cmp.Compare(a.number, b.number))
	})
	header := []string{"\nserver", "flow", "token"}
	for _, framework := range frameworks {
		header = append(header, framework.name)
	}
	rows := []string{strings.Join(header, "\t")}
	for _, l := range r.lines {
		row := []string{l.server, l.flow, l.token}
		for _, got := range l.answers {
			row = append(row, got.String())
		}
		rows = append(rows, strings.Join(row, "\t"))
	}
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	_, _ = io.WriteString(w, strings.Join(rows, "\n")) // a Builder never fails
	_ = w.Flush()
	return text.String()
}

// story is a sequence of tokens that are sent to the APIs of all frameworks, with their responses.
type story struct {
	server string
	report *report
	apis   []*api // in the order of the variable frameworks
	told   int
}

func newStory(t *testing.T, server string) *story {
	t.Helper()
	return &story{server: server, report: newReport(t)}
}

// guard starts an API for each framework with one verifier. They replace the previous APIs.
func (s *story) guard(t *testing.T, verifier consumer.Verifier) {
	t.Helper()
	s.apis = nil
	for _, framework := range frameworks {
		s.apis = append(s.apis, framework.serve(t, verifier))
	}
}

// tell sends the token to every framework.
func (s *story) tell(t *testing.T, what, token string, want answer) {
	t.Helper()
	s.told++
	l := line{server: s.server, flow: what, token: shapeOf(t, token), number: s.told}
	for i, framework := range frameworks {
		got := s.apis[i].get(t, "Bearer", token)
		l.answers = append(l.answers, got)
		if got != want {
			t.Errorf("%s, %s: %s, want %s", framework.name, what, got, want)
		}
	}
	s.report.add(l)
}
