package loopback

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Limits of a report, in bytes. Anyone can have sent its text, which the user of the program reads.
const (
	maxReportedError       = 64
	maxReportedDescription = 300
)

// report is an error response that may belong to this sign-in. The authorization server may have sent it: many servers omit
// the state, or do not sign or post the response, if they reject the request itself. Any web page or program may also have
// sent it, so it must not end the sign-in.
type report struct{ code, description string }

// reject returns the text of the page for a request that is rejected. If the request looks like an error response of the
// authorization server, reject keeps it for the error of a timeout. params are the parameters of the request, if it was
// sent in the expected way. Otherwise reject looks at the query: a server may not support the response mode.
func (r *receiver) reject(req *http.Request, params url.Values) (text string) {
	if strings.TrimSuffix(req.Host, r.port) != r.host || req.URL.EscapedPath() != r.path {
		return notOurs
	}
	if params == nil {
		params = req.URL.Query()
	}
	// A response with another state belongs to another sign-in.
	if state := params.Get("state"); params.Get("error") == "" || state != "" && !r.isState(state) {
		return notOurs
	}
	r.reported.Store(&report{code: params.Get("error"), description: params.Get("error_description")})
	return reported
}

// err returns the error that quotes the report, or nil if there is none.
func (p *report) err() error {
	if p == nil {
		return nil
	}
	text := fmt.Sprintf("error %q", excerpt(p.code, maxReportedError))
	if p.description != "" {
		text += fmt.Sprintf(" (%q)", excerpt(p.description, maxReportedDescription))
	}
	return fmt.Errorf("loopback: an unverified response reports the %s; the authorization server may have rejected "+
		"the redirect URI, a scope or another parameter", text)
}

// excerpt returns at most limit bytes of text, and marks that text was truncated.
func excerpt(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	return strings.ToValidUTF8(text[:limit], "") + "…"
}
