package weblogin

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// clean removes all headers that could set cookies or policies of the application. It adds headers that keep a browser
// from running the body with the rights of the application.
func (p *proxy) clean(resp *http.Response) error {
	h := resp.Header
	p.relocate(resp)
	p.sift(h, []string{
		"Accept-Ranges", "Age", "Allow", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length",
		"Content-Range", "Content-Type", "Date", "Deprecation", "Etag", "Expires", "Last-Modified", "Location", "Retry-After",
		"Sunset", "Vary",
	})
	switch types := h.Values("Content-Type"); {
	case len(types) == 0 && mayHaveBody(resp.StatusCode): // net/http would guess the type from the body
		h.Set("Content-Type", "application/octet-stream")
	case isScript(types):
		h.Set("Content-Type", "text/plain")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	return nil
}

// mayHaveBody reports whether a response with this status can have a body (RFC 9110 §6.4.1).
func mayHaveBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusNotModified
}

// isScript reports whether a page that embeds the response would run it: a script, a style sheet, a WebAssembly module,
// or a type that cannot be parsed. The sandbox of clean stops only a response that is a page itself. The parts of a
// multipart/x-mixed-replace response are pages with headers of their own, which clean does not see.
//
// The JavaScript types of the WHATWG MIME Sniffing Standard are those that contain "javascript", among them
// text/javascript1.5, or end in "script", such as text/jscript.
func isScript(types []string) bool {
	for _, one := range types {
		kind, _, err := mime.ParseMediaType(one)
		if err != nil || len(types) > 1 || strings.Contains(kind, "javascript") || strings.HasSuffix(kind, "script") ||
			slices.Contains([]string{"text/css", "text/xsl", "application/wasm", "multipart/x-mixed-replace"}, kind) {
			return true
		}
	}
	return false
}

// relocate changes a Location below the upstream URL to the corresponding path below prefix. It removes any other
// Location, because it may contain an internal address.
func (p *proxy) relocate(resp *http.Response) {
	to, err := resp.Location()
	if err != nil {
		resp.Header.Del("Location")
		return
	}
	rest, ok := strings.CutPrefix(to.Path, p.base.Path)
	if to.Scheme != p.base.Scheme || to.Host != p.base.Host || !ok || !isPlain(rest) {
		resp.Header.Del("Location")
		return
	}
	resp.Header.Set("Location", (&url.URL{Path: p.prefix + rest, RawQuery: to.RawQuery, Fragment: to.Fragment}).String())
}

// finalWriter drops informational responses (1xx), because clean does not see their headers.
type finalWriter struct {
	http.ResponseWriter

	before  http.Header // the headers before the API was called, among them the session cookie
	cleared bool        // an informational response was dropped
}

// WriteHeader implements http.ResponseWriter. After an informational response, ReverseProxy removes all headers, because a
// ResponseWriter does not. WriteHeader restores those that are not the API's.
func (w *finalWriter) WriteHeader(status int) {
	if status < http.StatusOK {
		w.cleared = true
		return
	}
	if w.cleared {
		h := w.Header()
		for name, values := range w.before {
			h[name] = append(slices.Clone(values), h[name]...)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap returns the wrapped ResponseWriter, which http.ResponseController needs.
func (w *finalWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
