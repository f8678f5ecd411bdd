package client

import (
	"fmt"
	"net/http"
	"net/textproto"
	"slices"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// previous returns the request whose response redirected to r, or nil. Only an [http.Client] that follows a redirect sets
// Response.
func previous(r *http.Request) *http.Request {
	if r.Response == nil {
		return nil
	}
	return r.Response.Request
}

// hasLeft reports whether r follows a redirect that led to another origin than those in t.origins, now or earlier. A server
// that is not trusted with the token has then chosen the URL, so r gets no token, even if it returns to one of the origins.
func (t *Transport) hasLeft(r *http.Request) bool {
	if previous(r) == nil {
		return false
	}
	for ; r != nil; r = previous(r) {
		if r.URL == nil || !allowed(t.origins, r.URL) {
			return true
		}
	}
	return false
}

// follow sends r without a token, and without everything else that was meant for the API: cookies, a Referer, a body, and
// all headers that are not in headersToFollow.
func (t *Transport) follow(r *http.Request) (*http.Response, error) {
	from := previous(r)
	switch {
	case r.Method != "" && r.Method != http.MethodGet && r.Method != http.MethodHead, r.Body != nil && r.Body != http.NoBody:
		closeBody(r)
		return nil, fmt.Errorf("%w: %s: a redirect to another origin is followed only for GET and HEAD without a body", ErrOrigin, fetch.Origin(r.URL))
	case !isSecure(r.URL), r.URL.Scheme != "https" && (from.URL == nil || from.URL.Scheme != "http"):
		return nil, fmt.Errorf("%w: %s: a redirect from https is followed only to https", ErrOrigin, fetch.Origin(r.URL))
	}
	sent := r.Clone(r.Context())
	for name := range sent.Header {
		if !slices.Contains(headersToFollow(), textproto.CanonicalMIMEHeaderKey(name)) {
			delete(sent.Header, name)
		}
	}
	return t.exchange(r, sent)
}

// headersToFollow lists the headers that a request to another origin keeps. They describe the wanted response, and contain
// neither credentials nor data of the user.
func headersToFollow() []string {
	return []string{
		"Accept", "Accept-Charset", "Accept-Encoding", "Accept-Language", "Cache-Control", "If-Match", "If-Modified-Since",
		"If-None-Match", "If-Range", "If-Unmodified-Since", "Pragma", "Range", "User-Agent",
	}
}
