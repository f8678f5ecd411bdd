// Package report contains middleware for a migration: both libraries decide about each request, and only one decision counts.
package report

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/middleware"
)

// Difference is a request about which the two libraries decided differently.
type Difference struct {
	Request *http.Request
	Before  bool  // whether the old middleware called its handler
	After   error // why the Guard rejects the request; nil if it accepts it
}

// Middleware returns middleware that lets old decide about each request. It calls report for each request about which guard
// decides differently. If both accept a request, its context contains the results of both, so handlers can be changed one by
// one.
func Middleware(
	old func(http.Handler) http.Handler, guard *middleware.Guard, report func(Difference), rules ...middleware.Rule,
) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		decided := old(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if seen, ok := r.Context().Value(seenKey{}).(*seen); ok {
				seen.accepted = true
				if seen.rejected != nil {
					report(Difference{Request: r, Before: true, After: seen.rejected})
				}
			}
			next.ServeHTTP(w, r)
		}))
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen := new(seen)
			admitted, err := guard.Authenticate(r, rules...)
			if seen.rejected = err; err != nil {
				admitted = r
			}
			decided.ServeHTTP(w, admitted.WithContext(context.WithValue(admitted.Context(), seenKey{}, seen)))
			if err == nil && !seen.accepted {
				report(Difference{Request: r})
			}
		})
	}
}

// seen is what is known about one request.
type seen struct {
	rejected error // by the Guard
	accepted bool  // by the old middleware
}

type seenKey struct{}
