package adaptertest

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

// row is a request, what stands between it and the handler, and what must come of it.
type row struct {
	name string

	method string // empty: GET
	target string // empty: /orders/7
	body   string
	header func(*bearertest.Issuer) http.Header // nil: a good token
	gone   bool                                 // the caller is, before the request is looked at

	guards func(*world) (group, own []Guarded) // nil: one Guard without rules on the route
	serve  serveFunc                           // nil: showOrder

	// asUnguarded holds the answer against that of the same framework without a Guard, not against the Guard's own.
	asUnguarded bool

	want want
}

// want is what a row expects by itself, so that it says something even if all answers are equal.
type want struct {
	status    int               // 0: whatever the framework makes of it
	body      string            // empty: any
	header    map[string]string // those that are not named may be anything
	decisions []string
	verified  int
	runs      int
}

// outcome is the answer to a request and what happened on the way.
type outcome struct {
	Answer answer
	Events events
}

// problems says what is wrong with an adapter.
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
		expected.Events = got.Events // there were no decisions
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		found = append(found, "not what the Guard alone makes of it (-own +adapter):\n"+diff)
	}
	return found
}

// run serves the row's request by a server of its own.
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

func (want want) problems(got outcome) []string {
	var found []string
	expect := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			found = append(found, fmt.Sprintf("%s (-want +got):\n%s", what, diff))
		}
	}
	if want.status != 0 && !got.Answer.Broken {
		expect("status", want.status, got.Answer.Status)
	}
	if got.Answer.Broken && want.status != http.StatusInternalServerError && want.status != 0 {
		found = append(found, "the connection was closed without an answer")
	}
	if want.body != "" {
		expect("body", want.body, got.Answer.Body)
	}
	for name, value := range want.header {
		expect(name, value, strings.Join(got.Answer.Header.Values(name), "; "))
	}
	expect("decisions", want.decisions, got.Events.Decisions)
	expect("verifications", want.verified, got.Events.Verifications)
	expect("runs of the handler", want.runs, got.Events.Runs)
	expect("runs of the middleware behind the Guard", want.runs, got.Events.Behind)
	return found
}
