package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/bearerkit/bearerkit/middleware"
)

// Handler returns a handler that applies the policy to every request, and calls next for the requests that pass. Requests of
// public operations pass without a token; the Guard does not read their credentials. To all other requests, it applies
// [middleware.Guard.Routes]: they pass if the policy contains the operation and the token meets its rules. See there how strictly
// next must compare methods and paths.
//
// With middleware.Config.AllowPreflight, preflights of public operations are rejected: put a middleware for CORS in front
// of the handler if browsers call them from other sites.
//
// The error says that guard or next is nil, or which pattern or rule is invalid. The handler copies the policy. It is safe for
// concurrent use if next is.
func (p *Policy) Handler(guard *middleware.Guard, next http.Handler) (http.Handler, error) {
	if guard == nil || next == nil {
		return nil, errors.New("openapi: Handler: guard or next is nil")
	}
	h := &handler{next: next, mux: http.NewServeMux(), guarded: http.HandlerFunc(rejectAll(guard))}
	if len(p.Rules) > 0 {
		guarded, err := guard.Routes(p.Rules, next)
		if err != nil {
			return nil, fmt.Errorf("openapi: Handler: %w", err)
		}
		h.guarded = guarded
	}
	// All patterns are in one ServeMux, so that the most specific one decides whether an operation is public.
	for pattern := range p.Rules {
		if err := register(h.mux, pattern, h.guarded); err != nil {
			return nil, fmt.Errorf("openapi: Handler: %w", err)
		}
	}
	for _, pattern := range p.Public {
		if err := register(h.mux, pattern, public{next}); err != nil {
			return nil, fmt.Errorf("openapi: Handler: %w", err)
		}
	}
	return h, nil
}

// rejectAll returns a handler for a policy in which every operation is public: all other requests are rejected.
func rejectAll(guard *middleware.Guard) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		guard.Deny(w, r, &middleware.Refusal{Status: http.StatusForbidden})
	}
}

// handler distinguishes public operations from all others.
type handler struct {
	next, guarded http.Handler
	mux           *http.ServeMux // of the guarded handler and of public values
}

// public marks the handler of a public operation.
type public struct{ http.Handler }

// ServeHTTP implements [http.Handler].
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if plain, ok := withPlainPath(r); ok {
		found, _ := h.mux.Handler(plain)
		if _, isPublic := found.(public); isPublic {
			h.next.ServeHTTP(w, plain)
			return
		}
	}
	h.guarded.ServeHTTP(w, r) // rejects what no pattern matches
}

// withPlainPath returns r with the path that Routes would pass on: without the client's own encoding. It reports false for
// requests that Routes rejects, because routers read their paths differently.
func withPlainPath(r *http.Request) (*http.Request, bool) {
	if r.Method == http.MethodConnect {
		return nil, false
	}
	if r.URL.RawPath == "" {
		return r, true
	}
	if strings.Count(r.URL.RawPath, "/") != strings.Count(r.URL.Path, "/") {
		return nil, false
	}
	plain, u := r.WithContext(r.Context()), *r.URL
	u.RawPath = ""
	plain.URL = &u
	return plain, true
}
