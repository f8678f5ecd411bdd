package adaptertest // internal: the tests need the rows

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestGuardItself(t *testing.T) {
	t.Parallel()
	Run(t, oracle)
}

func TestRowNamesDiffer(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, row := range table() {
		if seen[row.name] {
			t.Errorf("two rows are called %q", row.name)
		}
		seen[row.name] = true
	}
}

// The table finds every bug, and every row finds at least one bug.
func TestBrokenAdapters(t *testing.T) {
	t.Parallel()
	for _, bug := range bugs() {
		t.Run(bug.name, func(t *testing.T) {
			t.Parallel()
			for _, row := range table() {
				if len(row.problems(bug.build)) > 0 {
					return
				}
			}
			if len(mixed(bug.build)) == 0 {
				t.Error("not found")
			}
		})
	}
	for _, row := range table() {
		t.Run("row "+row.name, func(t *testing.T) {
			t.Parallel()
			for _, bug := range bugs() {
				if len(row.problems(bug.build)) > 0 {
					return
				}
			}
			t.Error("passes whatever the adapter does, so it checks nothing")
		})
	}
}

type bug struct {
	name  string
	build Build
}

// bugs returns adapters with one bug each. Those that fail the most rows are first.
func bugs() []bug {
	return []bug{
		{"guards nothing", unguarded(oracle)},
		{"does not pass the token on", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			if _, err := g.Authenticate(r, rules...); err != nil {
				g.Deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})},
		{"swallows panics", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			defer func() { _ = recover() }()
			next.ServeHTTP(w, r)
		})},
		{"swallows errors", served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			_ = serve(w, r, seen)
			return nil
		})},
		{"goes on after a rejection", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			admitted, err := g.Authenticate(r, rules...)
			if err != nil {
				g.Deny(w, r, err)
			}
			next.ServeHTTP(w, admitted)
		})},
		{"responds twice to a rejected request", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			admitted, err := g.Authenticate(r, rules...)
			if err != nil {
				g.Deny(w, r, err)
				w.WriteHeader(http.StatusInternalServerError)
				return
			}
			next.ServeHTTP(w, admitted)
		})},
		{"lets shared caches store the response", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			admitted, err := g.Authenticate(r, rules...)
			if err != nil {
				g.Deny(w, r, err)
				return
			}
			next.ServeHTTP(w, admitted)
		})},
		{"writes its own response", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			admitted, err := g.Authenticate(r, rules...)
			if err != nil {
				http.Error(w, err.Error(), http.StatusUnauthorized)
				return
			}
			next.ServeHTTP(w, admitted)
		})},
		{"forgets that the token was verified", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			g.With(rules...)(next).ServeHTTP(w, r.WithContext(context.Background()))
		})},
		{"forgets the rules", changed(func(route Route) Route {
			route.Group, route.Guards = withoutRules(route.Group), withoutRules(route.Guards)
			return route
		})},
		{"forgets the group", changed(func(route Route) Route {
			route.Group = nil
			return route
		})},
		{"forgets the route", changed(func(route Route) Route {
			route.Guards = nil
			return route
		})},
		{"puts the route's guards around the group's", changed(func(route Route) Route {
			route.Group, route.Guards = route.Guards, route.Group
			return route
		})},
		{"skips other middleware", changed(func(route Route) Route {
			route.Behind = func() {}
			return route
		})},
		{"finds no token", served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			return serve(w, r, Seen{ID: seen.ID})
		})},
		{"finds a token although there is none", served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			if seen.Token == nil {
				seen.Token = new(consumer.Token)
			}
			return serve(w, r, seen)
		})},
		{"loses the parameter", served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			seen.ID = ""
			return serve(w, r, seen)
		})},
		{"runs the handler twice", served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			_ = serve(w, r, seen)
			return serve(w, r, seen)
		})},
		{"reads the body", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			_, _ = io.Copy(io.Discard, r.Body)
			next.ServeHTTP(w, r)
		})},
		{"responds to preflights", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method != http.MethodOptions {
				next.ServeHTTP(w, r)
			}
		})},
		{"uses the first Authorization line", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			r.Header.Set("Authorization", r.Header.Get("Authorization"))
			next.ServeHTTP(w, r)
		})},
		{"uses the first DPoP line", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if proofs := r.Header.Values("DPoP"); len(proofs) > 1 {
				r.Header.Set("DPoP", proofs[0])
			}
			next.ServeHTTP(w, r)
		})},
		{"sends one challenge only", adapter(func(g *middleware.Guard, w http.ResponseWriter, r *http.Request, next http.Handler, rules ...middleware.Rule) {
			admitted, err := g.Authenticate(r, rules...)
			if err == nil {
				g.SetHeader(w.Header(), admitted)
				next.ServeHTTP(w, admitted)
				return
			}
			recorder := httptest.NewRecorder()
			g.Deny(recorder, r, err)
			for name, lines := range recorder.Header() {
				w.Header().Set(name, lines[0])
			}
			w.WriteHeader(recorder.Code)
			_, _ = w.Write(recorder.Body.Bytes())
		})},
		{"adds a header", around(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			w.Header().Set("X-Guarded", "yes")
			next.ServeHTTP(w, r)
		})},
		{"mixes up users", mixUp()},
	}
}

// adapter builds net/http servers with serve instead of the middleware of the Guard.
func adapter(serve func(*middleware.Guard, http.ResponseWriter, *http.Request, http.Handler, ...middleware.Rule)) Build {
	return func(routes []Route) http.Handler {
		mux := http.NewServeMux()
		for _, route := range routes {
			handler := handlerOf(route)
			for _, guarded := range innermostFirst(route) {
				next := handler
				handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					serve(guarded.Guard, w, r, next, guarded.Rules...)
				})
			}
			mux.Handle(route.Method+" "+route.Path, handler)
		}
		return mux
	}
}

// around puts serve in front of the Guards, if there are any.
func around(serve func(http.ResponseWriter, *http.Request, http.Handler)) Build {
	return func(routes []Route) http.Handler {
		server := oracle(routes)
		if len(innermostFirst(routes[0])) == 0 {
			return server
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(w, r, server) })
	}
}

// changed builds a server with changed routes.
func changed(change func(Route) Route) Build {
	return func(routes []Route) http.Handler {
		var others []Route
		for _, route := range routes {
			others = append(others, change(route))
		}
		return oracle(others)
	}
}

// served puts serve between the Guards and the handler, if there are any Guards.
func served(serve func(http.ResponseWriter, *http.Request, Seen, serveFunc) error) Build {
	return changed(func(route Route) Route {
		own := route.Serve
		if len(innermostFirst(route)) > 0 {
			route.Serve = func(w http.ResponseWriter, r *http.Request, seen Seen) error { return serve(w, r, seen, own) }
		}
		return route
	})
}

func withoutRules(all []Guarded) []Guarded {
	var bare []Guarded
	for _, guarded := range all {
		bare = append(bare, Guarded{Guard: guarded.Guard})
	}
	return bare
}

// mixUp uses the token of the first request for all requests.
func mixUp() Build {
	return func(routes []Route) http.Handler {
		first := make(chan Seen, 1)
		return served(func(w http.ResponseWriter, r *http.Request, seen Seen, serve serveFunc) error {
			select {
			case first <- seen:
			default:
				seen.Token = (<-first).Token
				first <- seen
			}
			return serve(w, r, seen)
		})(routes)
	}
}
