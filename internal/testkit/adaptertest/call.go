package adaptertest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
)

// CallPath is the path of every [Call]. Proofs of clients name the host api.test with this path and the method POST.
const CallPath = "/orders/7"

// Call is one row of the table for a protocol with remote procedure calls. Such a protocol chooses the method, the body and
// the form of the response itself.
type Call struct {
	Header http.Header // of the request
	Guards []Guarded   // outermost first

	// Behind must be called between the Guards and the handler.
	Behind func()

	// Handle must be called by the handler with the context of the call. seen.ID is not used. It returns the text of the
	// response.
	Handle func(ctx context.Context, seen Seen) string
}

// Reply is the response to a [Call], as the client receives it.
type Reply struct {
	Status int         // of the protocol; see Protocol
	Text   string      // of the handler, or of the error with all of its details
	Header http.Header // in canonical form: only Www-Authenticate and Dpop-Nonce are compared
}

// Protocol describes how the adapter of a protocol other than plain HTTP is tested.
type Protocol struct {
	// Status returns the status of the protocol for a status of HTTP.
	Status func(status int) int

	// Send serves the call with the adapter under test, sends a request to that server, and returns the response.
	Send func(t *testing.T, call Call) Reply

	// Cannot contains the names of the rows that the protocol cannot express, with the reasons.
	Cannot map[string]string
}

// RunCalls tests the adapter of a protocol with each row that consists of header fields only. Rows about the query, the body,
// other methods, or a response that the handler writes as HTTP are left out.
func RunCalls(t *testing.T, protocol Protocol) {
	t.Helper()
	t.Cleanup(func() { logscan.Report(t) })
	cannot := maps.Clone(protocol.Cannot)
	for _, row := range table() {
		if _, left := cannot[row.name]; left || !row.isCall() {
			delete(cannot, row.name)
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range row.callProblems(t, protocol) {
				t.Error(problem)
			}
		})
	}
	for _, name := range slices.Sorted(maps.Keys(cannot)) {
		t.Errorf("Cannot names the row %q, which does not exist", name)
	}
}

// isCall reports whether a call can express the row.
func (row row) isCall() bool {
	return (row.method == "" || row.method == http.MethodPost) && row.target == "" && row.body == "" &&
		row.serve == nil && !row.asUnguarded && !row.gone
}

// callProblems sends the row as a call and returns the differences from what is wanted.
func (row row) callProblems(t *testing.T, protocol Protocol) (found []string) {
	t.Helper()
	w := &world{issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})}
	r, err := row.request(w.issuer)
	if err != nil {
		return []string{err.Error()}
	}
	reply := protocol.Send(t, w.call(row, r.Header))
	events, err := w.events()
	if err != nil {
		return []string{err.Error()}
	}
	if reply.Status != protocol.Status(http.StatusOK) {
		logscan.Text(fmt.Sprint(reply.Status, reply.Header, reply.Text))
	}
	return row.want.callProblems(protocol, reply, events)
}

// call returns the call of a row.
func (w *world) call(row row, header http.Header) Call {
	own := []Guarded{{Guard: w.guard(nil)}}
	if row.guards != nil {
		var group []Guarded
		group, own = row.guards(w)
		own = slices.Concat(group, own)
	}
	return Call{
		Header: header, Guards: own, Behind: func() { w.note(func(e *events) { e.Behind++ }) },
		Handle: func(ctx context.Context, seen Seen) string {
			w.note(func(e *events) { e.Runs++ })
			recorder := httptest.NewRecorder()
			seen.ID = "7"
			w.fault(showOrder(recorder, httptest.NewRequestWithContext(ctx, http.MethodPost, CallPath, nil), seen))
			return recorder.Body.String()
		},
	}
}

// callProblems returns the differences between a reply and what is wanted.
func (want want) callProblems(protocol Protocol, reply Reply, events events) (found []string) {
	expect := func(what string, want, got any) {
		if diff := cmp.Diff(want, got); diff != "" {
			found = append(found, fmt.Sprintf("%s (-want +got):\n%s", what, diff))
		}
	}
	expect("status", protocol.Status(want.status), reply.Status)
	if want.status == http.StatusOK {
		expect("text", want.body, reply.Text)
	}
	if challenges, listed := want.header["WWW-Authenticate"]; listed || want.status == http.StatusOK {
		expect("challenges", challenges, strings.Join(reply.Header["Www-Authenticate"], "; "))
	}
	expect("has a nonce", want.header["Dpop-Nonce"] != "", len(reply.Header.Get("Dpop-Nonce")) >= 16)
	return append(found, want.eventProblems(events)...)
}
