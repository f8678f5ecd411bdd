package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const formType = "application/x-www-form-urlencoded"

// sent describes a request with a token in some place, or in several.
type sent struct {
	method, query, contentType, body string
	header                           []string
	cookies                          []string
}

func (s sent) request(t *testing.T) *http.Request {
	t.Helper()
	method := s.method
	if method == "" {
		method = http.MethodPost
	}
	r := httptest.NewRequestWithContext(t.Context(), method, "/orders?"+s.query, strings.NewReader(s.body))
	if s.contentType != "" {
		r.Header.Set("Content-Type", s.contentType)
	}
	for _, value := range s.header {
		r.Header.Add("Authorization", value)
	}
	for _, value := range s.cookies {
		r.AddCookie(&http.Cookie{Name: "__Host-token", Value: value})
	}
	return r
}

// everywhere reads tokens from every place there is.
func everywhere(t *testing.T, read *string) http.Handler {
	t.Helper()
	g := newGuard(t, middleware.Config{
		Verifier: verifierFunc(func(_ context.Context, raw string) (*consumer.Token, error) {
			*read = raw
			return new(consumer.Token), nil
		}),
		TokenSources: []middleware.TokenSource{
			middleware.FormToken, middleware.QueryToken, middleware.CookieToken("__Host-token"),
		},
	})
	return g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
}

func TestB2_TokenSources(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		sent   sent
		status int
		token  string
	}{
		{"nothing", sent{}, 401, ""},
		{"header", sent{header: []string{"Bearer a"}}, 200, "a"},
		{"header of another scheme and cookie", sent{header: []string{"Basic Zm9v"}, cookies: []string{"a"}}, 200, "a"},
		{"form", sent{contentType: formType, body: "x=1&access_token=a"}, 200, "a"},
		{"form with a charset", sent{contentType: formType + "; charset=UTF-8", body: "access_token=a"}, 200, "a"},
		{"form, PUT", sent{method: "PUT", contentType: formType, body: "access_token=a"}, 200, "a"},
		{"form, PATCH", sent{method: "PATCH", contentType: formType, body: "access_token=a"}, 200, "a"},
		{"form, GET", sent{method: "GET", contentType: formType, body: "access_token=a"}, 401, ""},
		{"form, HEAD", sent{method: "HEAD", contentType: formType, body: "access_token=a"}, 401, ""},
		{"form, DELETE", sent{method: "DELETE", contentType: formType, body: "access_token=a"}, 401, ""},
		{"form of another type", sent{contentType: "text/plain", body: "access_token=a"}, 401, ""},
		{"form without a type", sent{body: "access_token=a"}, 401, ""},
		{"form in parts", sent{
			contentType: "multipart/form-data; boundary=b",
			body:        "--b\r\nContent-Disposition: form-data; name=\"access_token\"\r\n\r\na\r\n--b--\r\n",
		}, 401, ""},
		{"form, not ASCII", sent{contentType: formType, body: "access_token=a&x=ä"}, 400, ""},
		{"form, empty", sent{contentType: formType, body: "access_token="}, 400, ""},
		{"form, malformed", sent{contentType: formType, body: "access_token=a&x=%zz"}, 400, ""},
		{"form, too large", sent{contentType: formType, body: "access_token=a&x=" + strings.Repeat("b", 1<<20)}, 400, ""},
		{"query", sent{query: "access_token=a&x=1"}, 200, "a"},
		{"query, GET", sent{method: "GET", query: "access_token=a"}, 200, "a"},
		{"query, empty", sent{query: "access_token="}, 400, ""},
		{"query, malformed", sent{query: "access_token=a&access_token=%zz"}, 400, ""},
		{"query, malformed, with a semicolon", sent{query: "access_token=a&x;access_token=b"}, 400, ""},
		{"query of a handler that is malformed", sent{header: []string{"Bearer a"}, query: "x;y"}, 200, "a"},
		{"query, other case", sent{query: "Access_Token=a"}, 401, ""},
		{"cookie", sent{cookies: []string{"a"}}, 200, "a"},
		{"cookie, empty", sent{cookies: []string{""}}, 401, ""},
		{"form of a handler that is not ASCII", sent{header: []string{"Bearer a"}, contentType: formType, body: "x=ä"}, 200, "a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			read := ""
			w := serve(everywhere(t, &read), test.sent.request(t))
			if w.Code != test.status || read != test.token {
				t.Errorf("%d and token %q, want %d and %q", w.Code, read, test.status, test.token)
			}
			if w.Code != 200 {
				return
			}
			if got := w.Header()["Cache-Control"]; len(got) != 1 || got[0] != "private" {
				t.Errorf("Cache-Control %q", got)
			}
			if w.Body.String() != test.sent.body {
				t.Errorf("the handler read %q of the body", w.Body)
			}
		})
	}
}

// One request, one token: it is refused whichever of them is good.
func TestB3_Attack50_SeveralTokens(t *testing.T) {
	t.Parallel()
	one := map[string]sent{
		"header": {header: []string{"Bearer a"}},
		"form":   {contentType: formType, body: "access_token=a"},
		"query":  {query: "access_token=a"},
		"cookie": {cookies: []string{"a"}},
	}
	repeated := map[string]sent{
		"header": {header: []string{"Bearer a", "Bearer a"}},
		"form":   {contentType: formType, body: "access_token=a&access_token=a"},
		"query":  {query: "access_token=a&access_token=a"},
		"cookie": {cookies: []string{"a", "a"}},
	}
	refused := func(t *testing.T, s sent) {
		t.Helper()
		read := ""
		w := serve(everywhere(t, &read), s.request(t))
		if w.Code != 400 || challengeOf(w) != `Bearer realm="api", error="invalid_request"` || read != "" {
			t.Errorf("%+v: %d %s, token %q", s, w.Code, challengeOf(w), read)
		}
	}
	for name, a := range one {
		refused(t, repeated[name])
		for other, b := range one {
			if name == other {
				continue
			}
			a.header = append(a.header[:len(a.header):len(a.header)], b.header...)
			both := sent{
				query: a.query + b.query, contentType: a.contentType + b.contentType, body: a.body + b.body,
				header: a.header, cookies: append(a.cookies[:len(a.cookies):len(a.cookies)], b.cookies...),
			}
			refused(t, both)
			a = one[name]
		}
	}
	for _, header := range []string{"Bearer a b", "Bearer\ta"} { // bad header, good cookie
		refused(t, sent{header: []string{header}, cookies: []string{"a"}})
	}
}

// Sources that were not asked for are not read: the names may be the application's own.
func TestB2_SourcesAreOffByDefault(t *testing.T) {
	t.Parallel()
	h := newGuard(t, middleware.Config{Verifier: acceptAll}).Handler(hello)
	everything := sent{
		query: "access_token=a", contentType: formType, body: "access_token=a", cookies: []string{"a"},
	}
	if w := serve(h, everything.request(t)); w.Code != 401 {
		t.Errorf("status %d", w.Code)
	}
	everything.header = []string{"Bearer a"}
	w := serve(h, everything.request(t))
	if w.Code != 200 || w.Header().Get("Cache-Control") != "" {
		t.Errorf("status %d, Cache-Control %q", w.Code, w.Header().Get("Cache-Control"))
	}
}

func TestB2_CacheControlIsNotLoosened(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.QueryToken}})
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store")
	g.Handler(g.Handler(hello)).ServeHTTP(w, sent{query: "access_token=a"}.request(t))
	if got := strings.Join(w.Header()["Cache-Control"], ", "); got != "no-store, private" {
		t.Errorf("Cache-Control %s", got)
	}
}

func TestFormToken_LeavesTheForm(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.FormToken}})
	h := g.Handler(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.PostFormValue("x"))
	})))
	s := sent{contentType: formType, body: "x=1&access_token=a"}
	if w := serve(h, s.request(t)); w.Code != 200 || w.Body.String() != "1" {
		t.Errorf("answer %d %q", w.Code, w.Body)
	}
	parsed := s.request(t)
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if w := serve(h, parsed); w.Code != 200 || w.Body.String() != "1" {
		t.Errorf("answer %d %q to a form that was parsed before", w.Code, w.Body)
	}
}

// endless is a body without an end.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += len(p)
	return len(p), nil
}

func TestFormToken_ReadsNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.FormToken}})
	body := new(endless)
	r := sent{contentType: formType}.request(t)
	r.Body = io.NopCloser(body)
	w := serve(g.Handler(hello), r)
	if w.Code != 400 || body.read > 2<<20 {
		t.Errorf("status %d after %d bytes", w.Code, body.read)
	}
}

func TestFormToken_BrokenBody(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.FormToken}})
	r := sent{contentType: formType, body: "access_token=a&x=1234567890"}.request(t)
	r.Body = http.MaxBytesReader(nil, r.Body, 20)
	if w := serve(g.Handler(hello), r); w.Code != 400 {
		t.Errorf("status %d", w.Code)
	}
}

func TestTokenSource_OfOnesOwn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		token string
		err   error
		want  int
	}{
		{"none", "", nil, 401},
		{"none, as an error", "", fmt.Errorf("session: %w", middleware.ErrNoToken), 401},
		{"token", "a", nil, 200},
		{"bad request", "", fmt.Errorf("odd: %w", middleware.ErrInvalidRequest), 400},
		{"store down", "a", fmt.Errorf("store: %w", consumer.ErrUnavailable), 503},
		{"fault", "a", errors.New("nil map"), 500},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			session := func(*http.Request) (string, error) { return test.token, test.err }
			g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{session}})
			if w := serve(g.Handler(hello), request(t, "")); w.Code != test.want {
				t.Errorf("status %d, want %d", w.Code, test.want)
			}
		})
	}
}

// A place without a token says nothing about the others: a bad token in one of them must not pass as none.
func TestTokenSource_NoTokenHere(t *testing.T) {
	t.Parallel()
	empty := func(*http.Request) (string, error) { return "", middleware.ErrNoToken }
	g := newGuard(t, middleware.Config{
		Verifier:     rejectWith(consumer.ErrInvalidToken),
		TokenSources: []middleware.TokenSource{empty, middleware.QueryToken},
		Optional:     true,
	})
	if w := serve(g.Handler(hello), sent{}.request(t)); w.Code != 200 {
		t.Errorf("status %d without a token", w.Code)
	}
	if w := serve(g.Handler(hello), sent{query: "access_token=a"}.request(t)); w.Code != 401 {
		t.Errorf("status %d with a bad token", w.Code)
	}
}
