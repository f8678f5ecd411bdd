package middleware

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Routes guards everything that next serves by a table. Its keys are patterns of [http.ServeMux], with methods, hosts and
// wildcards; the most specific pattern that matches a request decides which rules apply to it. An empty list of rules
// demands a token and nothing more.
//
// What no pattern names is refused, preflights aside: with 401 without a token, with 403 with one. That goes for another
// method of a path that is named, for "/orders" where only "/orders/" is named, for CONNECT, and for paths that routers
// read differently: with "//", "." or ".." in them, or with an encoded slash. Any other path reaches next in the encoding
// in which it was held against the table, so next cannot see another path in it; yet next must not be laxer than ServeMux
// about case, in hosts too, and about slashes at the end, nor route by RequestURI.
//
// The host in a pattern is compared with the Host header, which is the client's to choose: name hosts only where next
// tells them apart, too. A route that is open to everybody does not belong into the table, but beside the Guard, in a
// ServeMux around it.
//
// The error joins all faults: patterns that are invalid or conflict, and rules that make no sense.
func (g *Guard) Routes(policy map[string][]Rule, next http.Handler) (http.Handler, error) {
	var faults []error
	if len(policy) == 0 || next == nil {
		faults = append(faults, errors.New("middleware: Routes needs a policy and a handler"))
	}
	table := &routes{mux: http.NewServeMux(), unnamed: g.With(nothing())(next)}
	for _, pattern := range slices.Sorted(maps.Keys(policy)) {
		if err := table.add(pattern, policy[pattern], g, next); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return table, nil
}

// nothing is what may be done where the policy says nothing.
func nothing() Rule {
	return Rule{name: "unnamed route", ask: func(context.Context, *consumer.Token) error { return errForbidden }}
}

type routes struct {
	mux     *http.ServeMux // of route values
	unnamed http.Handler
}

// route tells what stands in the table from the redirects and errors that ServeMux answers with on its own.
type route struct{ http.Handler }

// add turns the panics of ServeMux into errors.
func (t *routes) add(pattern string, rules []Rule, g *Guard, next http.Handler) (err error) {
	for _, rule := range rules {
		if fault := rule.fault(); fault != nil {
			return fmt.Errorf("middleware: Routes: pattern %q: %w", pattern, fault)
		}
	}
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("middleware: Routes: pattern %q: %v", pattern, fault)
		}
	}()
	t.mux.Handle(pattern, route{g.With(rules...)(next)})
	return nil
}

// ServeHTTP implements [http.Handler].
func (t *routes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if isAmbiguous(r) {
		t.unnamed.ServeHTTP(w, r)
		return
	}
	r = withPlainPath(r)
	handler, _ := t.mux.Handler(r)
	if _, named := handler.(route); !named { // a redirect to the cleaned path, for one
		handler = t.unnamed
	}
	handler.ServeHTTP(w, r)
}

// isAmbiguous holds for paths that ServeMux does not clean, and for those that have another slash once they are decoded.
func isAmbiguous(r *http.Request) bool {
	return r.Method == http.MethodConnect ||
		r.URL.RawPath != "" && strings.Count(r.URL.RawPath, "/") != strings.Count(r.URL.Path, "/")
}

// withPlainPath drops the client's own spelling of the path, which some routers match and others do not: /%61dmin is
// /admin.
func withPlainPath(r *http.Request) *http.Request {
	if r.URL.RawPath == "" {
		return r
	}
	plain, u := r.WithContext(r.Context()), *r.URL
	u.RawPath = ""
	plain.URL = &u
	return plain
}
