package serve

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/bearerkit/bearerkit/internal/hint"
)

// router finds the route of a request.
type router struct {
	routes   *http.ServeMux // of *route
	spelled  *http.ServeMux // the same routes, with patterns in lower case; nil: spellings are not compared
	fallback http.Handler   // for requests that match no route
}

// route is what a pattern of the policy is registered with. It distinguishes the routes from the redirects and errors that
// ServeMux generates.
type route struct {
	http.Handler

	alone *http.ServeMux // with this route only
	exact bool           // the pattern matches one path only
}

// newRouter returns a router without routes.
func newRouter(compareSpellings bool, fallback http.Handler) *router {
	r := &router{routes: http.NewServeMux(), fallback: fallback}
	if compareSpellings {
		r.spelled = http.NewServeMux()
	}
	return r
}

// add registers a pattern.
func (t *router) add(pattern string, handler http.Handler) error {
	method, place, found := strings.Cut(pattern, " ")
	if !found {
		method, place = "", pattern
	}
	place = strings.TrimLeft(place, " \t")
	host, path, _ := strings.Cut(place, "/")
	if host != strings.ToLower(host) {
		return fmt.Errorf("pattern %q: the host must be in lower case", pattern)
	}
	r := &route{handler, http.NewServeMux(), isExact(path)}
	if err := register(t.routes, pattern, r); err != nil || t.spelled == nil {
		return err
	}
	r.alone.Handle(pattern, r)
	if err := register(t.spelled, strings.TrimLeft(method+" "+fold(place), " "), r); err != nil {
		return fmt.Errorf("%w (in lower case; set insecure_skip_spelling_check if the API distinguishes upper and lower case)", err)
	}
	return nil
}

// isExact reports whether a pattern with this path, without its first slash, matches one path only.
func isExact(path string) bool {
	path, end := strings.CutSuffix(path, "{$}")
	return !strings.Contains(path, "{") && (end || !strings.HasSuffix("/"+path, "/"))
}

// register converts the panics of ServeMux to errors.
func register(mux *http.ServeMux, pattern string, r *route) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = fmt.Errorf("pattern %q: %s", pattern, hint.Pattern(fault))
		}
	}()
	if strings.ContainsAny(pattern, "%;\\") {
		return errors.New("pattern " + pattern + ": write the characters of the path without percent-encoding")
	}
	mux.Handle(pattern, r)
	return nil
}

// find returns the route of r, whose path is canonical, or the fallback.
func (t *router) find(r *http.Request) http.Handler {
	found := routeIn(t.routes, r)
	if found == nil || r.Method == http.MethodConnect || !found.exact && t.spelled != nil && t.isListedOtherwise(r, found) {
		return t.fallback
	}
	return found
}

// isListedOtherwise reports whether the path of r matches another route than found if it is written in lower case, without
// parameters, or with or without a slash at the end. Many APIs do not distinguish these paths. A route that also matches the
// path as it is does not count: it is less specific than found.
func (t *router) isListedOtherwise(r *http.Request, found *route) bool {
	plain := withoutParameters(fold(r.URL.Path))
	toggled := strings.TrimSuffix(plain, "/")
	if toggled == plain {
		toggled += "/"
	}
	for _, path := range []string{plain, toggled} {
		if path == "" {
			continue
		}
		spelled := r.WithContext(r.Context())
		spelled.URL = &url.URL{Path: path}
		if other := routeIn(t.spelled, spelled); other != nil && other != found && routeIn(other.alone, r) == nil {
			return true
		}
	}
	return false
}

// fold returns s in lower case. It maps letters that are equal in upper case to one letter, such as the long s (U+017F) to s.
func fold(s string) string { return strings.ToLower(strings.ToUpper(s)) }

// withoutParameters returns path without the text from each semicolon to the end of its segment (RFC 3986 section 3.3).
func withoutParameters(path string) string {
	if !strings.Contains(path, ";") {
		return path
	}
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i], _, _ = strings.Cut(segment, ";")
	}
	return strings.Join(segments, "/")
}

// routeIn returns the route of r in mux, or nil.
func routeIn(mux *http.ServeMux, r *http.Request) *route {
	handler, _ := mux.Handler(r)
	found, _ := handler.(*route)
	return found
}
