// Package adaptertest is a conformance test for adapters. It sends the same requests to a server with the adapter and to
// one with the Guard's own net/http middleware. Status, headers and body of the responses must be equal.
package adaptertest

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// Build returns a server with the given routes that uses the adapter under test. It must put the recovery middleware of the
// framework, if any, in front of everything else, as users do.
type Build func(routes []Route) http.Handler

// Route is a route of a server.
type Route struct {
	Method string
	Path   string    // in the syntax of net/http; {id} is the only parameter, if any
	Group  []Guarded // of the group that contains the route, outermost first
	Guards []Guarded // of the route itself, outermost first

	// Behind must be called by a middleware of the framework between the Guards and the handler.
	Behind func()

	// Serve must be called by the handler, which reports its error in the way of the framework.
	Serve func(w http.ResponseWriter, r *http.Request, seen Seen) error
}

// Guarded contains the arguments of an adapter's Middleware.
type Guarded struct {
	Guard *middleware.Guard
	Rules []middleware.Rule
}

// Seen is what the handler reads from the request by means of the framework.
type Seen struct {
	Token    *consumer.Token // the result of the adapter's Token
	HasToken bool
	ID       string // the parameter {id}
}

// Run tests an adapter with all rows, and with the attack table of package bearertest.
func Run(t *testing.T, build Build) {
	t.Helper()
	RunIf(t, build, func(string) bool { return true })
	t.Run("attacks", func(t *testing.T) {
		t.Parallel()
		attacks(t, build)
	})
}

// RunIf tests an adapter with the rows for whose names runs returns true. It is for adapters of protocols that cannot express
// all rows. The Build of such an adapter returns a handler that makes the call of each request with the protocol, and that
// writes the result as the Guard would write it over HTTP.
func RunIf(t *testing.T, build Build, runs func(row string) bool) {
	t.Helper()
	t.Cleanup(func() { logscan.Report(t) })
	for _, row := range table() {
		if !runs(row.name) {
			continue
		}
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range row.problems(build) {
				t.Error(problem)
			}
		})
	}
	t.Run("metadata document", func(t *testing.T) {
		t.Parallel()
		for _, problem := range metadata(build) {
			t.Error(problem)
		}
	})
	t.Run("requests at the same time", func(t *testing.T) {
		t.Parallel()
		for _, problem := range mixed(build) {
			t.Error(problem)
		}
	})
}
