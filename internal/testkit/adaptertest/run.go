// Package adaptertest is the one table that every adapter runs. It holds an adapter against the Guard's own net/http
// handler: the same routes and requests, and the answers must be equal in status, headers and body.
package adaptertest

import (
	"net/http"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// Build makes a server of the routes, with the adapter under test. What the framework has against panics it puts
// outermost, as its users do.
type Build func(routes []Route) http.Handler

// Route is a route of the server to be built.
type Route struct {
	Method string
	Path   string    // in the spelling of net/http; {id} is its only parameter, if it has one
	Group  []Guarded // what guards the group that the route is in, outermost first
	Guards []Guarded // what guards the route itself, outermost first

	// Behind is called by a middleware of the framework between the Guards and the handler.
	Behind func()

	// Serve is called by the handler. Its error goes to the framework in the framework's own way.
	Serve func(w http.ResponseWriter, r *http.Request, seen Seen) error
}

// Guarded is what an adapter's Middleware is called with.
type Guarded struct {
	Guard *middleware.Guard
	Rules []middleware.Rule
}

// Seen is what the framework lets its handler see of the request.
type Seen struct {
	Token    *consumer.Token // what the adapter's Token returns
	HasToken bool
	ID       string // the parameter {id}
}

// Run runs the table against an adapter.
func Run(t *testing.T, build Build) {
	t.Helper()
	t.Cleanup(func() { logscan.Report(t) })
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for _, problem := range row.problems(build) {
				t.Error(problem)
			}
		})
	}
	t.Run("requests at the same time", func(t *testing.T) {
		t.Parallel()
		for _, problem := range mixed(build) {
			t.Error(problem)
		}
	})
}
