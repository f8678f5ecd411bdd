package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const formType = "application/x-www-form-urlencoded"

// sent describes a request with a token in one or several places.
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

// everywhere returns a handler whose Guard reads tokens from every place.
func everywhere(t *testing.T, read *string) http.Handler {
	t.Helper()
	g := newGuard(t, middleware.Config{
		Verifier: verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
			*read = raw
			return acceptAll(ctx, raw)
		}),
		TokenSources: []middleware.TokenSource{
			middleware.BearerToken, middleware.FormToken, middleware.QueryToken, middleware.CookieToken("__Host-token"),
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
				t.Errorf("the handler read the body %q", w.Body)
			}
		})
	}
}

// A request with two tokens is rejected, whichever of them is valid.
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
	rejected := func(t *testing.T, s sent) {
		t.Helper()
		read := ""
		w := serve(everywhere(t, &read), s.request(t))
		if w.Code != 400 || challengeOf(w) != `Bearer realm="api", error="invalid_request"` || read != "" {
			t.Errorf("%+v: %d %s, token %q", s, w.Code, challengeOf(w), read)
		}
	}
	for name, a := range one {
		rejected(t, repeated[name])
		for other, b := range one {
			if name == other {
				continue
			}
			a.header = append(a.header[:len(a.header):len(a.header)], b.header...)
			both := sent{
				query: a.query + b.query, contentType: a.contentType + b.contentType, body: a.body + b.body,
				header: a.header, cookies: append(a.cookies[:len(a.cookies):len(a.cookies)], b.cookies...),
			}
			rejected(t, both)
			a = one[name]
		}
	}
	for _, header := range []string{"Bearer a b", "Bearer\ta"} { // bad header, good cookie
		rejected(t, sent{header: []string{header}, cookies: []string{"a"}})
	}
}

// Sources that are not configured are not read, because the application may use the same names.
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

func TestB2_CacheControlIsNotWeakened(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.QueryToken}})
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store")
	g.Handler(g.Handler(hello)).ServeHTTP(w, sent{query: "access_token=a"}.request(t))
	if got := strings.Join(w.Header()["Cache-Control"], ", "); got != "no-store, private" {
		t.Errorf("Cache-Control %s", got)
	}
}

func TestFormToken_HandlerCanReadTheForm(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.FormToken}})
	h := g.Handler(g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.PostFormValue("x"))
	})))
	s := sent{contentType: formType, body: "x=1&access_token=a"}
	if w := serve(h, s.request(t)); w.Code != 200 || w.Body.String() != "1" {
		t.Errorf("response %d %q", w.Code, w.Body)
	}
	parsed := s.request(t)
	if err := parsed.ParseForm(); err != nil {
		t.Fatal(err)
	}
	if w := serve(h, parsed); w.Code != 200 || w.Body.String() != "1" {
		t.Errorf("response %d %q to a form that was parsed before", w.Code, w.Body)
	}
}

// endless is a body that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	e.read += len(p)
	return len(p), nil
}

func TestFormToken_ReadsAtMostItsLimit(t *testing.T) {
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

func TestTokenSource_Custom(t *testing.T) {
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

// A place without a token does not end the search: an invalid token in another place must not count as absent.
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

// proxied describes a request with Authorization and X-Token headers and session cookies.
type proxied struct{ authorization, header, cookies []string }

func (p proxied) request(t *testing.T) *http.Request {
	t.Helper()
	r := request(t, "")
	if p.authorization != nil {
		r.Header["Authorization"] = p.authorization
	}
	if p.header != nil {
		r.Header["X-Token"] = p.header
	}
	for _, value := range p.cookies {
		r.AddCookie(&http.Cookie{Name: "session", Value: value})
	}
	return r
}

// TokenSources lists exactly the places that are read. Tokens in two of them are rejected unless FirstOf orders them.
func TestCaseQ1_Q2_TokenSources(t *testing.T) {
	t.Parallel()
	bearer, header, cookie := middleware.BearerToken, middleware.HeaderToken("x-token"), middleware.CookieToken("session")
	list := func(sources ...middleware.TokenSource) []middleware.TokenSource { return sources }
	failing := func(err error) middleware.TokenSource {
		return func(*http.Request) (string, error) { return "", err }
	}
	own := []string{"Bearer of-the-application"}
	tests := []struct {
		name     string
		sources  []middleware.TokenSource
		request  proxied
		status   int
		token    string
		optional int // the status with Config.Optional, if it differs
	}{
		{"Q1: own Authorization", list(header), proxied{authorization: own, header: []string{"a"}}, 200, "a", 0},
		{"Q1: two Authorization lines", list(header), proxied{authorization: []string{"Bearer b", "Basic c"}, header: []string{"a"}}, 200, "a", 0},
		{"Q1: malformed Authorization", list(header), proxied{authorization: []string{"Bearer b c"}, header: []string{"a"}}, 200, "a", 0},
		{"Authorization is not read", list(header), proxied{authorization: own}, 401, "", 200},
		{"other scheme is not read", list(cookie), proxied{authorization: []string{"Basic b"}}, 401, "", 200},
		{"header is not read", nil, proxied{header: []string{"a"}}, 401, "", 200},
		{"header is not read, but Authorization is", list(bearer), proxied{authorization: own, header: []string{"a"}}, 200, "of-the-application", 0},
		{"other scheme", list(bearer), proxied{authorization: []string{"Basic b"}}, 401, "", 0},
		{"other scheme, other source", list(bearer, cookie), proxied{authorization: []string{"Basic b"}}, 401, "", 0},
		{"other scheme, FirstOf", list(middleware.FirstOf(bearer, cookie)), proxied{authorization: []string{"Basic b"}}, 401, "", 0},
		{"other scheme and a cookie", list(bearer, cookie), proxied{authorization: []string{"Basic b"}, cookies: []string{"a"}}, 200, "a", 0},
		{"nothing", list(bearer, header, cookie), proxied{}, 401, "", 200},

		{"header twice", list(header), proxied{header: []string{"a", "a"}}, 400, "", 0},
		{"header twice, once empty", list(header), proxied{header: []string{"", "a"}}, 400, "", 0},
		{"header empty", list(header), proxied{header: []string{""}}, 401, "", 200},
		{"header with a scheme", list(header), proxied{header: []string{"Bearer a"}}, 400, "", 0},
		{"header with two tokens", list(header), proxied{header: []string{"a,b"}}, 400, "", 0},
		{"cookie twice", list(cookie), proxied{cookies: []string{"a", "b"}}, 400, "", 0},
		{"cookie twice, equal", list(cookie), proxied{cookies: []string{"a", "a"}}, 400, "", 0},
		{"cookie that is no token68", list(cookie), proxied{cookies: []string{"a*b"}}, 400, "", 0},
		{"custom source, no token68", list(func(*http.Request) (string, error) { return "a b", nil }), proxied{}, 400, "", 0},

		{"Q2: two tokens", list(bearer, cookie), proxied{authorization: own, cookies: []string{"a"}}, 400, "", 0},
		{"two equal tokens", list(header, cookie), proxied{header: []string{"a"}, cookies: []string{"a"}}, 400, "", 0},
		{"one source twice", list(bearer, bearer), proxied{authorization: own}, 400, "", 0},
		{"Q2: FirstOf, both", list(middleware.FirstOf(bearer, cookie)), proxied{authorization: own, cookies: []string{"a"}}, 200, "of-the-application", 0},
		{"FirstOf, the other order", list(middleware.FirstOf(cookie, bearer)), proxied{authorization: own, cookies: []string{"a"}}, 200, "a", 0},
		{"FirstOf, the second", list(middleware.FirstOf(bearer, cookie)), proxied{cookies: []string{"a"}}, 200, "a", 0},
		{"FirstOf, none", list(middleware.FirstOf(bearer, cookie)), proxied{}, 401, "", 200},
		{"FirstOf, the first is repeated", list(middleware.FirstOf(cookie, bearer)), proxied{authorization: own, cookies: []string{"a", "b"}}, 400, "", 0},
		{"FirstOf, the second is repeated", list(middleware.FirstOf(bearer, cookie)), proxied{authorization: own, cookies: []string{"a", "b"}}, 200, "of-the-application", 0},
		{"FirstOf, malformed first", list(middleware.FirstOf(bearer, cookie)), proxied{authorization: []string{"Bearer a b"}, cookies: []string{"a"}}, 400, "", 0},
		{"FirstOf, empty first", list(middleware.FirstOf(bearer, cookie)), proxied{authorization: []string{"Bearer "}, cookies: []string{"a"}}, 400, "", 0},
		{"FirstOf, outage first", list(middleware.FirstOf(failing(consumer.ErrUnavailable), bearer)), proxied{authorization: own}, 503, "", 0},
		{"FirstOf, outage last", list(middleware.FirstOf(bearer, failing(consumer.ErrUnavailable))), proxied{authorization: own}, 200, "of-the-application", 0},
		{"FirstOf, ErrNoToken first", list(middleware.FirstOf(failing(middleware.ErrNoToken), bearer)), proxied{authorization: own}, 200, "of-the-application", 0},
		{"FirstOf beside a source", list(middleware.FirstOf(bearer, cookie), header), proxied{authorization: own, header: []string{"a"}}, 400, "", 0},
		{"FirstOf in FirstOf", list(middleware.FirstOf(middleware.FirstOf(bearer, header), cookie)), proxied{header: []string{"a"}, cookies: []string{"b"}}, 200, "a", 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for _, optional := range []bool{false, true} {
				read := ""
				g := newGuard(t, middleware.Config{
					Verifier: verifierFunc(func(ctx context.Context, raw string) (*consumer.Token, error) {
						read = raw
						return acceptAll(ctx, raw)
					}),
					TokenSources: test.sources, Optional: optional,
				})
				want := test.status
				if optional && test.optional != 0 {
					want = test.optional
				}
				if w := serve(g.Handler(hello), test.request.request(t)); w.Code != want || read != test.token {
					t.Errorf("Optional %v: %d and token %q, want %d and %q", optional, w.Code, read, want, test.token)
				}
			}
		})
	}
}

// With FirstOf the token of the header is used, and only that one: a rejected header does not fall back to the cookie.
func TestCaseQ2_HeaderBeforeCookie(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	alice, bob := issuer.AccessToken().Sign(), issuer.AccessToken().Set("sub", "bob").Sign()
	expired := issuer.AccessToken().Set("exp", 1).Sign()
	first := []middleware.TokenSource{middleware.FirstOf(middleware.BearerToken, middleware.CookieToken("session"))}
	both := []middleware.TokenSource{middleware.BearerToken, middleware.CookieToken("session")}
	for _, test := range []struct {
		name           string
		sources        []middleware.TokenSource
		header, cookie string
		want           string
	}{
		{"both", first, alice, bob, "200 hello alice"},
		{"cookie only", first, "", bob, "200 hello bob"},
		{"header only", first, alice, "", "200 hello alice"},
		{"expired header", first, expired, bob, "401"},
		{"expired cookie, which is not read", first, alice, expired, "200 hello alice"},
		{"both, without FirstOf", both, alice, bob, "400"},
		{"both equal, without FirstOf", both, alice, alice, "400"},
		{"cookie only, without FirstOf", both, "", bob, "200 hello bob"},
	} {
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), TokenSources: test.sources})
		r := request(t, test.header)
		if test.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "session", Value: test.cookie})
		}
		w := serve(g.Handler(hello), r)
		got := strconv.Itoa(w.Code)
		if w.Code == http.StatusOK {
			got += " " + w.Body.String()
		}
		if got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// Invalid arguments make the TokenSource nil, and New rejects it.
func TestCaseQ1_Q2_InvalidTokenSources(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]middleware.TokenSource{
		"header without a name": middleware.HeaderToken(""),
		"header with a space":   middleware.HeaderToken("X Token"),
		"header with a colon":   middleware.HeaderToken("X-Token:"),
		"Authorization":         middleware.HeaderToken("authorization"),
		"cookie without a name": middleware.CookieToken(""),
		"cookie with a space":   middleware.CookieToken("a b"),
		"cookie with a comma":   middleware.CookieToken("a,b"),
		"FirstOf nothing":       middleware.FirstOf(),
		"FirstOf nil":           middleware.FirstOf(middleware.BearerToken, nil),
		"FirstOf invalid":       middleware.FirstOf(middleware.FirstOf(middleware.HeaderToken(""))),
	} {
		if source != nil {
			t.Errorf("%s: the source is not nil", name)
		}
		cfg := middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.BearerToken, source}}
		if g, err := middleware.New(cfg); g != nil || err == nil || !strings.Contains(err.Error(), "Config.TokenSources[1] is nil") {
			t.Errorf("%s: New = %v, %v", name, g, err)
		}
	}
	empty := middleware.Config{Verifier: acceptAll, TokenSources: []middleware.TokenSource{}}
	if _, err := middleware.New(empty); err == nil || !strings.Contains(err.Error(), "Config.TokenSources is empty") {
		t.Errorf("empty list: %v", err)
	}
}

// FirstOf copies its arguments.
func TestFirstOf_CopiesTheSources(t *testing.T) {
	t.Parallel()
	sources := []middleware.TokenSource{middleware.BearerToken}
	first := middleware.FirstOf(sources...)
	sources[0] = middleware.QueryToken
	if token, err := first(request(t, "a")); token != "a" || err != nil {
		t.Errorf("%q, %v", token, err)
	}
}

// Every source of the kit reports the absence of a token as ErrNoToken.
func TestTokenSource_Absent(t *testing.T) {
	t.Parallel()
	for name, source := range map[string]middleware.TokenSource{
		"BearerToken": middleware.BearerToken, "FormToken": middleware.FormToken, "QueryToken": middleware.QueryToken,
		"HeaderToken": middleware.HeaderToken("X-Token"), "CookieToken": middleware.CookieToken("session"),
		"FirstOf": middleware.FirstOf(middleware.BearerToken, func(*http.Request) (string, error) { return "", nil }),
	} {
		if token, err := source(request(t, "")); token != "" || !errors.Is(err, middleware.ErrNoToken) {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
}

// net/http leaves out cookies with a malformed value. They count nevertheless: what is behind the Guard may read them.
func TestCaseQ1_MalformedCookiesCount(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]int{
		"session=good":                     200,
		" other=x;  session=good":          200,
		`session="good"`:                   200,
		"other=\x01; session=good":         200,
		"session=good; session=good":       400,
		"session=good; session=\x01":       400,
		"session=\x01; session=good":       400,
		"session=good; session":            400,
		"session=good;\tsession =\"a\\b\"": 400,
		"session=\x01":                     400,
		"session=":                         401,
		"Session=good":                     401,
	} {
		g := newGuard(t, middleware.Config{
			Verifier: acceptAll, TokenSources: []middleware.TokenSource{middleware.CookieToken("session")},
		})
		for _, lines := range [][]string{{header}, strings.Split(header, "; ")} {
			r := request(t, "")
			r.Header["Cookie"] = lines
			if w := serve(g.Handler(hello), r); w.Code != want {
				t.Errorf("%q: %d, want %d", lines, w.Code, want)
			}
		}
	}
}
