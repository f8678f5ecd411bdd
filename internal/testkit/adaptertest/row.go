package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

// row is a request, the Guards and the handler that serve it, and the expected outcome.
type row struct {
	name string

	method string // empty: GET
	target string // empty: /orders/7
	body   string
	header func(*bearertest.Issuer) http.Header // nil: a good token
	gone   bool                                 // the request is canceled before it is served

	guards func(*world) (group, own []Guarded) // nil: one Guard without rules on the route
	serve  serveFunc                           // nil: showOrder

	// asUnguarded compares the response to that of the same framework without a Guard, instead of that of the Guard.
	asUnguarded bool

	want want
}

// want is the expected outcome of a row. It is checked in addition to the comparison with the Guard.
type want struct {
	status    int               // 0: any
	body      string            // empty: any
	header    map[string]string // other headers may have any value
	decisions []string
	decided   string // the subject of the token of each decision, "-" for no token; empty: any
	verified  int
	runs      int
}

// outcome is the response to a request, and the events while it was served.
type outcome struct {
	Answer answer
	Events events
}

// problems returns the differences between the adapter and the row.
func (row row) problems(build Build) []string {
	got, err := row.run(build)
	if err != nil {
		return []string{err.Error()}
	}
	found := row.want.problems(got)
	model := oracle
	if row.asUnguarded {
		model = unguarded(build)
	}
	expected, err := row.run(model)
	if err != nil {
		return append(found, err.Error())
	}
	if row.asUnguarded {
		expected.Events = got.Events // without Guards there are no decisions
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		found = append(found, "differs from the middleware of the Guard (-guard +adapter):\n"+diff)
	}
	return found
}

// run builds a server and sends the row's request to it.
func (row row) run(build Build) (outcome, error) {
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	r, err := row.request(w.issuer)
	if err != nil {
		return outcome{}, err
	}
	var group, own []Guarded
	if row.guards == nil {
		own = []Guarded{{Guard: w.guard(nil)}}
	} else {
		group, own = row.guards(w)
	}
	serve := row.serve
	if serve == nil {
		serve = showOrder
	}
	send := overSocket
	if row.gone {
		send = inMemory
	}
	got := outcome{Answer: send(build([]Route{w.route(r.Method, group, own, serve)}), r)}
	got.Events, err = w.events()
	return got, err
}

// request returns the request of the row.
func (row row) request(issuer *bearertest.Issuer) (*http.Request, error) {
	ctx := context.Background()
	if row.gone {
		canceled, cancel := context.WithCancel(ctx)
		cancel()
		ctx = canceled
	}
	target := "http://api.test" + row.target
	if row.target == "" {
		target += "/orders/7"
	}
	r, err := http.NewRequestWithContext(ctx, row.method, target, strings.NewReader(row.body))
	if err != nil {
		return nil, err
	}
	r.Header = good(issuer)
	if row.header != nil {
		r.Header = row.header(issuer)
	}
	return r, nil
}

// problems returns the differences between got and what is wanted.
func (want want) problems(got outcome) []string {
	var found []string
	expect := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			found = append(found, fmt.Sprintf("%s (-want +got):\n%s", what, diff))
		}
	}
	// A handler that panics may close the connection instead of responding with 500, as net/http does.
	if want.status != 0 && !got.Answer.Broken {
		expect("status", want.status, got.Answer.Status)
	}
	if got.Answer.Broken && want.status != http.StatusInternalServerError && want.status != 0 {
		found = append(found, "the connection was closed without a response")
	}
	if want.body != "" {
		expect("body", want.body, got.Answer.Body)
	}
	for name, value := range want.header {
		expect(name, value, strings.Join(got.Answer.Header.Values(name), "; "))
	}
	return append(found, want.eventProblems(got.Events)...)
}

// eventProblems returns the differences between the events and what is wanted.
func (want want) eventProblems(got events) (found []string) {
	expect := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			found = append(found, fmt.Sprintf("%s (-want +got):\n%s", what, diff))
		}
	}
	expect("decisions", want.decisions, got.Decisions)
	for _, subject := range got.Decided {
		if want.decided != "" {
			expect("token of a decision", want.decided, subject)
		}
	}
	expect("verifications", want.verified, got.Verifications)
	expect("runs of the handler", want.runs, got.Runs)
	expect("runs of the middleware behind the Guard", want.runs, got.Behind)
	return found
}
