package openapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// segmentsOf converts a path of a document to the path of a ServeMux pattern. The names of the parameters are replaced,
// because those of ServeMux must be Go identifiers.
func segmentsOf(path string) (pattern string, err error) {
	if !strings.HasPrefix(path, "/") {
		return "", errors.New("does not start with a slash")
	}
	if strings.ContainsFunc(path, func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) || c == '?' || c == '#' }) {
		return "", errors.New("contains white space, a control character, a query or a fragment")
	}
	// A path of OpenAPI matches whole paths only, and a parameter matches one segment. A pattern of ServeMux that ends in a slash matches
	// everything below it, so the last empty segment becomes {$}.
	segments := strings.Split(path[1:], "/")
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "" && last:
			segments[i] = "{$}" // without it, ServeMux would match all paths below
		case segment == "" || segment == "." || segment == "..":
			return "", errors.New("contains an empty segment, or one that is . or .., which no request has")
		case isParameter(segment):
			segments[i] = fmt.Sprintf("{p%d}", i)
		case strings.ContainsAny(segment, "{}"):
			return "", errors.New("contains a parameter that is only a part of a segment, which ServeMux cannot express")
		default:
			if err := checkLiteral(segment); err != nil {
				return "", err
			}
		}
	}
	return "/" + strings.Join(segments, "/"), nil
}

// isParameter reports whether a segment is one parameter, such as {id}.
func isParameter(segment string) bool {
	name, open := strings.CutPrefix(segment, "{")
	name, closed := strings.CutSuffix(name, "}")
	valid := func(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("_-.", c) }
	return open && closed && name != "" && !strings.ContainsFunc(name, func(c rune) bool { return !valid(c) })
}

// checkLiteral returns an error for a literal segment that is encoded in a way that routers read differently. Some routers compare the
// path as it was sent, and others decode it first: then an encoded slash separates two segments.
func checkLiteral(segment string) error {
	plain, err := url.PathUnescape(segment)
	switch {
	case err != nil:
		return errors.New("has an invalid percent-encoding")
	case strings.Contains(plain, "/") || plain == "." || plain == "..":
		return errors.New("contains an encoded slash or dot segment")
	}
	return nil
}

// basePaths returns the different paths of the servers of an operation. Those of the operation replace those of the path,
// which replace those of the document.
func (r *reader) basePaths(item, op place) (bases []string) {
	if r.cfg.BasePath != "" {
		base, err := basePath(r.cfg.BasePath)
		if err != nil {
			r.found.add(place{}, "Config.BasePath is %q, which %v", clip(r.cfg.BasePath), err)
		}
		return []string{base}
	}
	servers := op.member("servers")
	for _, outer := range []place{item, r.files.root()} {
		if !servers.exists() {
			servers = outer.member("servers")
		}
	}
	if servers.exists() && !servers.isArray() {
		r.found.add(servers, "is not an array")
	}
	servers.elements(func(server place) {
		at := server.member("url")
		text, ok := at.text()
		if !ok {
			r.found.add(at, "is not a text")
			return
		}
		base, err := basePath(pathOf(text))
		if err != nil {
			r.found.add(at, "is %q, whose path %v: correct it or set Config.BasePath", clip(text), err)
			return
		}
		if !slices.Contains(bases, base) {
			bases = append(bases, base)
		}
	})
	if len(bases) == 0 {
		return []string{""} // the server is that of the document (OpenAPI 3.1.1 section 4.8.1.1)
	}
	return bases
}

// pathOf returns the path of the URL of a server. The URL may have variables, so it cannot be parsed as a URL.
func pathOf(server string) string {
	_, rest, absolute := strings.Cut(server, "://")
	if !absolute {
		return server
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return "/"
}

// basePath returns the path of a server as the beginning of a pattern. It has no slash at its end, because each path of the document
// starts with one.
func basePath(path string) (string, error) {
	path = strings.TrimSuffix(path, "/")
	if path == "" {
		return "", nil
	}
	if strings.ContainsAny(path, "{}") {
		return "", errors.New("contains a variable")
	}
	return segmentsOf(path)
}

// checkPatterns records paths that match the same requests, such as /a/{x} and /a/{y}. Which of their requirements applied would depend on
// the router. ServeMux finds such conflicts.
func (r *reader) checkPatterns() {
	mux := http.NewServeMux()
	for _, op := range r.operations {
		for _, pattern := range op.patterns {
			if err := register(mux, pattern, http.NotFoundHandler()); err != nil {
				r.found.add(op.at, "the path %q: %v", clip(op.path), err)
			}
		}
	}
}

// registered matches the place in the source where a pattern was registered, in a panic of ServeMux.
var registered = regexp.MustCompile(` \(registered at [^()]*\)`)

// register adds a handler to mux. It converts the panics of ServeMux to errors, without the names of source files: they are paths of the
// machine on which the program was built.
func register(mux *http.ServeMux, pattern string, handler http.Handler) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			err = errors.New(strings.ReplaceAll(registered.ReplaceAllString(fmt.Sprint(fault), ""), ":\n", ": "))
		}
	}()
	mux.Handle(pattern, handler)
	return nil
}
