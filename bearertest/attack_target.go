package bearertest

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"
)

func (t Target) method() string { return cmp.Or(t.Method, http.MethodGet) }

func (t Target) url() string { return cmp.Or(t.URL, "/") }

// name returns the name of the subtest of a target. A slash would start another level of subtests.
func (t Target) name() string {
	return t.method() + "_" + strings.ReplaceAll(strings.Trim(t.url(), "/"), "/", "_")
}

func (t Target) skew() time.Duration { return cmp.Or(t.ClockSkew, 5*time.Minute) }

// problem describes a mistake in the fields, or is empty.
func (t Target) problem() string {
	parsed, err := url.Parse(t.url())
	if err != nil || !strings.HasPrefix(parsed.Path, "/") || strings.ContainsAny(t.url(), " \t\r\n") {
		return fmt.Sprintf("bearertest: URL must be a path that starts with a slash, or an absolute URL with a path; it is %q (Target.URL)", t.URL)
	}
	if method, rest := tokenAt(t.method()); method == "" || rest != "" {
		return fmt.Sprintf("bearertest: Method must be a method of HTTP; it is %q (Target.Method)", t.Method)
	}
	if t.ClockSkew < 0 {
		return fmt.Sprintf("bearertest: ClockSkew must not be negative; it is %v (Target.ClockSkew)", t.ClockSkew)
	}
	if t.Token != nil && t.Token() == nil {
		return "bearertest: Token must return a token; it returns nil (Target.Token)"
	}
	return ""
}

// token returns a valid token.
func (t Target) token(issuer *Issuer) *Token {
	token := issuer.AccessToken()
	if t.Token != nil {
		token = t.Token()
	}
	if t.Scope != "" {
		token.Set("scope", t.Scope)
	}
	return token
}

// request returns a request without credentials.
func (t Target) request() *http.Request {
	var body io.Reader
	if t.Body != "" {
		body = strings.NewReader(t.Body)
	}
	r := httptest.NewRequest(t.method(), t.url(), body) //nolint:noctx // the handler runs in the same goroutine
	maps.Copy(r.Header, t.Header.Clone())
	return r
}

// requestWith returns a request with a token.
func (t Target) requestWith(token string) *http.Request {
	r := t.request()
	t.carry(r, token)
	return r
}

// carry adds a token to a request.
func (t Target) carry(r *http.Request, token string) {
	if t.Credential != nil {
		t.Credential(r, token)
		return
	}
	r.Header.Set("Authorization", "Bearer "+token)
}

// place is a part of a request that can contain a token.
type place int

const (
	inAuthorization place = iota
	inQuery
	inCookie
	elsewhere // a header field of the deployment, or the body
)

// place returns where the target carries tokens.
func (t Target) place() place {
	const probe = "probe.of.bearertest"
	r := t.requestWith(probe)
	for _, cookie := range r.Cookies() {
		if strings.Contains(cookie.Value, probe) {
			return inCookie
		}
	}
	switch {
	case strings.Contains(r.Header.Get("Authorization"), probe):
		return inAuthorization
	case strings.Contains(r.URL.RawQuery, probe):
		return inQuery
	default:
		return elsewhere
	}
}

// response is what the handler wrote, or the value with which it panicked.
type response struct {
	status   int
	header   http.Header
	body     string
	panicked any
}

// send serves one request in this goroutine.
func send(handler http.Handler, r *http.Request) (got response) {
	defer func() {
		if reason := recover(); reason != nil {
			got = response{panicked: reason}
		}
	}()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	header := recorder.Result().Header
	return response{status: recorder.Code, header: header, body: recorder.Body.String()}
}

// accepted reports whether the handler served the request.
func (r response) accepted() bool { return r.panicked == nil && r.status >= 200 && r.status < 300 }

// String describes the response for a failure. It quotes the start of the body.
func (r response) String() string {
	if r.panicked != nil {
		return "a panic: " + oneLine(fmt.Sprint(r.panicked))
	}
	text := fmt.Sprintf("status %d", r.status)
	if challenges := r.header["Www-Authenticate"]; len(challenges) > 0 {
		text += ", WWW-Authenticate: " + oneLine(strings.Join(challenges, ", "))
	}
	if r.body != "" {
		text += ", body " + oneLine(r.body)
	}
	return text
}
