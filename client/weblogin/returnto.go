package weblogin

import (
	"net/http"
	"net/url"
	"path"
	"strings"
	"unicode"
)

const maxReturnTo = 1 << 10 // bytes; a cookie contains it

// isLocal reports whether a browser resolves path to the same host. It rejects a path that browsers could read in more than
// one way.
func isLocal(path string) bool {
	u, err := url.Parse(path)
	return err == nil && len(path) <= maxReturnTo && strings.HasPrefix(path, "/") && u.Host == "" && u.Scheme == "" &&
		hasOneReading(path) && hasOneReading(u.Path)
}

// hasOneReading reports whether browsers resolve path as it is written. They read "\" as "/", remove tabs and newlines,
// and read "//" as the beginning of a host (WHATWG URL Standard).
func hasOneReading(path string) bool {
	return !strings.HasPrefix(path, "//") && !strings.Contains(path, "\\") && !strings.ContainsFunc(path, unicode.IsControl)
}

// isSignInEndpoint reports whether place is the login or the callback. If a user were redirected there after a sign-in,
// another sign-in would start.
func isSignInEndpoint(prefix, place string) bool {
	place, _, _ = strings.Cut(place, "?")
	place, _, _ = strings.Cut(place, "#")
	if decoded, err := url.PathUnescape(place); err == nil {
		place = decoded // the ServeMux compares the decoded path
	}
	place = path.Clean(place) // as browsers and http.Redirect resolve it
	return place == prefix+"login" || place == prefix+"callback"
}

// isTopLevel reports whether the browser loads r as a page, and not as a frame, an image or a script. Otherwise a page of
// another site could start many sign-ins in frames, until the cookies exceed the header limit of the server. Browsers
// that send neither header pass, because they do not store SameSite=Lax cookies that a frame of another site sets.
func isTopLevel(r *http.Request) bool {
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	return (mode == "" || mode == "navigate") && (dest == "" || dest == "document")
}

// opensPage reports whether a browser opens a page with r. Other requests come from scripts, which cannot follow a redirect
// to the login.
func opensPage(r *http.Request) bool {
	mode := r.Header.Get("Sec-Fetch-Mode")
	html := strings.Contains(r.Header.Get("Accept"), "text/html")
	return r.Method == http.MethodGet && (mode == "navigate" || mode == "" && html)
}
