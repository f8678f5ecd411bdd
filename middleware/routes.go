package middleware

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/hint"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
)

// Routes returns a handler that applies policy to every request, and calls next for the requests that pass. The keys of
// policy are patterns of [http.ServeMux], with methods, hosts and wildcards. The most specific pattern that matches a
// request determines its rules. An empty list of rules requires a valid token only.
//
// A request that no pattern matches is rejected: with 403 if it has a valid token, and otherwise like every request
// without one. This includes other methods of a listed path, "/orders" where only "/orders/" is listed, CONNECT, and
// paths that routers read differently: those with "//", "." or "..", or with an encoded slash. With
// Config.AllowPreflight, a preflight passes if a pattern matches its path, for OPTIONS or for the method in
// Access-Control-Request-Method. All other preflights are rejected like other requests.
//
// Routes removes unnecessary percent-encoding from the path before it calls next: /%61dmin becomes /admin. So next sees
// the path that was matched. next must be at least as strict as ServeMux: it must distinguish upper and lower case, and
// paths with and without a slash at the end. It must not use RequestURI.
//
// A host in a pattern is compared with the Host header, which the client chooses. Use hosts only if next distinguishes
// them too. Register routes that need no token in a ServeMux around the returned handler.
//
// Routes copies policy. Its error joins all faults: patterns that are invalid or conflict, invalid rules, an empty
// policy, and a nil next.
func (g *Guard) Routes(policy map[string][]Rule, next http.Handler) (http.Handler, error) {
	var faults []error
	if len(policy) == 0 {
		faults = append(faults, errors.New("middleware: Routes: policy is empty, expected at least one pattern"))
	}
	if nilcheck.IsNil(next) {
		faults = append(faults, errors.New("middleware: Routes: next is nil, expected a handler"))
	}
	table := &routes{guard: g, next: next, mux: http.NewServeMux()}
	for _, pattern := range slices.Sorted(maps.Keys(policy)) {
		if err := table.add(pattern, policy[pattern]); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return table, nil
}

type routes struct {
	guard *Guard
	next  http.Handler
	mux   *http.ServeMux // of route values
}

// route distinguishes the handlers of the policy from the redirects and errors that ServeMux generates.
type route struct{ http.Handler }

// add registers a pattern. It converts the panics of ServeMux to errors.
func (t *routes) add(pattern string, rules []Rule) (err error) {
	for _, rule := range rules {
		if fault := rule.fault(); fault != nil {
			return fmt.Errorf("middleware: Routes: pattern %q: %w", pattern, fault)
		}
	}
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("middleware: Routes: pattern %q: %s", pattern, hint.Pattern(fault))
		}
	}()
	t.mux.Handle(pattern, route{t.guard.With(rules...)(t.next)})
	return nil
}

// ServeHTTP implements [http.Handler].
func (t *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r = withPlainPath(r)
	g := t.guard.now()
	if g.cfg.AllowPreflight && isPreflight(r) && t.namesRequested(r) {
		t.next.ServeHTTP(w, g.passPreflight(r, new([]Rule)))
		return
	}
	handler, named := t.find(r)
	if !named {
		g.reject(w, r)
		return
	}
	handler.ServeHTTP(w, r)
}

// namesRequested reports whether a pattern matches the request that the preflight r announces.
func (t *routes) namesRequested(r *http.Request) bool {
	announced := r.WithContext(r.Context())
	announced.Method = r.Header.Get("Access-Control-Request-Method")
	_, named := t.find(announced)
	return named
}

// find returns the handler of the pattern that matches r.
func (t *routes) find(r *http.Request) (handler http.Handler, named bool) {
	if isAmbiguous(r) {
		return nil, false
	}
	handler, _ = t.mux.Handler(r)
	_, named = handler.(route) // ServeMux also returns redirects to a cleaned path, for example
	return handler, named
}

// reject rejects a request that no pattern matches. It calls decide, which lets no preflight pass.
func (g *Guard) reject(w http.ResponseWriter, r *http.Request) {
	_, err := g.decide(r, &[]Rule{unnamed()})
	g.deny(w, r, err)
}

// unnamed returns the rule for requests that no pattern matches. No token meets it.
func unnamed() Rule {
	never := func(context.Context, verified) error { return errForbidden }
	return Rule{name: "unnamed route", detail: "no pattern of Routes matches the request", test: never}
}

// isAmbiguous reports whether ServeMux does not clean the path, or whether decoding the path adds a slash.
func isAmbiguous(r *http.Request) bool {
	return r.Method == http.MethodConnect ||
		r.URL.RawPath != "" && strings.Count(r.URL.RawPath, "/") != strings.Count(r.URL.Path, "/")
}

// withPlainPath removes the client's own encoding of the path, which some routers match and others do not: /%61dmin
// becomes /admin.
func withPlainPath(r *http.Request) *http.Request {
	if r.URL.RawPath == "" || isAmbiguous(r) {
		return r
	}
	plain, u := r.WithContext(r.Context()), *r.URL
	u.RawPath = ""
	plain.URL = &u
	return plain
}
