package fiberauth_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"
	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/adapters/fiberauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestHeaderFields checks which header fields the Guard sees.
func TestHeaderFields(t *testing.T) {
	t.Parallel()
	const chunked = "Transfer-Encoding: chunked\r\n\r\n"
	for name, test := range map[string]struct {
		method string // empty: GET
		fields string // everything after the request line and Host
		want   http.Header
	}{
		"none":           {fields: "\r\n", want: http.Header{}},
		"one":            {fields: "Authorization: Bearer a\r\n\r\n", want: http.Header{"Authorization": {"Bearer a"}}},
		"lower case":     {fields: "authorization: Bearer a\r\n\r\n", want: http.Header{"Authorization": {"Bearer a"}}},
		"white space":    {fields: "Authorization:  \t Bearer a \t\r\n\r\n", want: http.Header{"Authorization": {"Bearer a"}}},
		"folded":         {fields: "Authorization: Bearer a\r\n Authorization: b\r\n\r\n", want: http.Header{"Authorization": {"Bearer a Authorization: b"}}},
		"two":            {fields: "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n", want: http.Header{"Authorization": {"Bearer a", "Bearer b"}}},
		"two, one empty": {fields: "Authorization: Bearer a\r\nAuthorization:\r\n\r\n", want: http.Header{"Authorization": {"Bearer a", ""}}},
		"two spellings":  {fields: "AUTHORIZATION: Bearer a\r\nX-Other: x\r\nauthorization: Bearer b\r\n\r\n", want: http.Header{"Authorization": {"Bearer a", "Bearer b"}, "X-Other": {"x"}}},
		"two equal ones": {fields: "Dpop: a\r\nDPoP: a\r\nDPOP: a\r\n\r\n", want: http.Header{"Dpop": {"a", "a", "a"}}},
		"similar names":  {fields: "Client_Cert: a\r\nClientcert: b\r\n\r\n", want: http.Header{"Client_cert": {"a"}, "Clientcert": {"b"}}},
		"space in a name": {
			fields: "Client-Cert : a\r\n\r\n", want: http.Header{"Client-Cert ": {"a"}}, // which no part of the Guard reads
		},
		"cookies":                   {fields: "Cookie: token=a; token=b; other\r\nCookie: token=c\r\n\r\n", want: http.Header{"Cookie": {"token=a; token=b; other; token=c"}}},
		"cookie without a name":     {fields: "Cookie: =token=a\r\n\r\n", want: http.Header{"Cookie": {"=token=a"}}},
		"cookies without names":     {fields: "Cookie: a=b; =token=a; =c\r\n\r\n", want: http.Header{"Cookie": {"a=b; =token=a; c"}}},
		"cookie with an empty name": {fields: "Cookie: ; token=a;\r\n\r\n", want: http.Header{"Cookie": {"token=a"}}},

		"chunked body": {
			method: "POST", fields: "Client-Cert: a\r\nCookie: b=c\r\nCookie: d=e\r\n" + chunked + "3\r\nabc\r\n0\r\n\r\n",
			want: http.Header{"Client-Cert": {"a"}, "Cookie": {"b=c; d=e"}},
		},
		"trailer": {
			method: "POST", fields: chunked + "3\r\nabc\r\n0\r\nClient-Cert: a\r\nDPoP: b\r\nX-Token: c\r\n\r\n", want: http.Header{},
		},
		"trailer of an empty body": {method: "POST", fields: chunked + "0\r\nClient-Cert: a\r\n\r\n", want: http.Header{}},
		"trailer of a GET":         {fields: chunked + "3\r\nabc\r\n0\r\nClient-Cert: a\r\n\r\n", want: http.Header{}},
		"announced trailer":        {method: "POST", fields: "Trailer: Client-Cert\r\n" + chunked + "0\r\nClient-Cert: a\r\n\r\n", want: http.Header{}},
		"field and trailer":        {method: "POST", fields: "Dpop: a\r\n" + chunked + "0\r\ndpop: b\r\n\r\n", want: http.Header{"Dpop": {"a"}}},
		"two fields and two trailers": {
			method: "POST", fields: "Dpop: a\r\ndpop: b\r\n" + chunked + "0\r\ndpop: c\r\ndpop: d\r\n\r\n", want: http.Header{"Dpop": {"a", "b"}},
		},
		"transfer encoding in upper case": {
			method: "POST", fields: "TRANSFER-ENCODING: Chunked\r\n\r\n0\r\nX-Token: a\r\n\r\n", want: http.Header{},
		},
	} {
		for variant, config := range map[string]fiber.Config{
			"": {}, "as sent": {DisableHeaderNormalizing: true}, "streamed": {StreamRequestBody: true}, "immutable": {Immutable: true},
		} {
			t.Run(strings.TrimSpace(name+" "+variant), func(t *testing.T) {
				t.Parallel()
				method := test.method
				if method == "" {
					method = http.MethodGet
				}
				seen := observe(t, config, nil, method+" /orders HTTP/1.1\r\nHost: api.test\r\n"+test.fields)
				delete(seen.Header, "Content-Length")
				if diff := cmp.Diff(test.want, seen.Header); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// TestTarget checks that the Guard sees the path on which Fiber routes, and never another one.
func TestTarget(t *testing.T) {
	t.Parallel()
	normalized := adaptor.HTTPMiddleware(func(next http.Handler) http.Handler { return next }) // it rewrites the target
	for name, test := range map[string]struct {
		target  string
		config  fiber.Config
		inFront fiber.Handler

		fiber string // the path on which Fiber routes
		want  string // the escaped path and the query that the Guard sees
	}{
		"plain":                      {target: "/a/b?c=d", fiber: "/a/b", want: "/a/b?c=d"},
		"encoded letter":             {target: "/%61dmin", fiber: "/%61dmin", want: "/%61dmin"},
		"encoded slash":              {target: "/a%2Fb", fiber: "/a%2Fb", want: "/a%2Fb"},
		"encoded dots":               {target: "/a/%2e%2e/b", fiber: "/a/%2e%2e/b", want: "/a/%2e%2e/b"},
		"dots":                       {target: "/a/../b", fiber: "/a/../b", want: "/a/../b"},
		"slashes":                    {target: "//a//b", fiber: "//a//b", want: "//a//b"},
		"space":                      {target: "/a%20b", fiber: "/a%20b", want: "/a%20b"},
		"malformed":                  {target: "/a%zz", fiber: "/a%zz", want: "/a%25zz"},
		"malformed end":              {target: "/a%", fiber: "/a%", want: "/a%25"},
		"fragment":                   {target: "/admin#/../orders", fiber: "/admin", want: "/admin"},
		"fragment and query":         {target: "/admin#?a=b", fiber: "/admin", want: "/admin"},
		"absolute":                   {target: "http://other.test/a?b", fiber: "/a", want: "/a?b"},
		"URL in the query":           {target: "/a?b=http://other.test/c", fiber: "/a", want: "/a?b=http://other.test/c"},
		"query of a query":           {target: "/a?b?c", fiber: "/a", want: "/a?b?c"},
		"not ASCII":                  {target: "/\xc3\xa4", fiber: "/\xc3\xa4", want: "/%C3%A4"},
		"unescaped":                  {target: "/%61%2Fb%3Fc", config: fiber.Config{UnescapePath: true}, fiber: "/a/b?c", want: "/a/b%3Fc"},
		"unescaped twice":            {target: "/%2561", config: fiber.Config{UnescapePath: true}, fiber: "/%61", want: "/%2561"},
		"normalized in front":        {target: "/a/..%2forders?b=c", inFront: normalized, fiber: "/a/..%2forders", want: "/a/..%2forders?b=c"},
		"normalized dots in front":   {target: "/a/../orders", inFront: normalized, fiber: "/a/../orders", want: "/a/../orders"},
		"normalized letter in front": {target: "/%61dmin", inFront: normalized, fiber: "/%61dmin", want: "/%61dmin"},
		"rewritten in front": {target: "/v1/orders?a=b", inFront: func(c fiber.Ctx) error {
			c.Path("/orders")
			return c.Next()
		}, fiber: "/orders", want: "/orders?a=b"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := observe(t, test.config, test.inFront, "GET "+test.target+" HTTP/1.1\r\nHost: api.test\r\n\r\n")
			if seen.fiberPath != test.fiber {
				t.Errorf("Fiber routes on %q, want %q", seen.fiberPath, test.fiber)
			}
			got := seen.URL.EscapedPath()
			if seen.URL.RawQuery != "" {
				got += "?" + seen.URL.RawQuery
			}
			if got != test.want || seen.RequestURI != test.want {
				t.Errorf("the Guard sees %q and the RequestURI %q, want %q", got, seen.RequestURI, test.want)
			}
		})
	}
}

// TestRequestLine checks the other parts of the request.
func TestRequestLine(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ sent, want string }{
		"GET":               {"GET / HTTP/1.1\r\nHost: API.test:80\r\n\r\n", "GET HTTP/1.1 1 1 api.test:80 0 \"\""},
		"HTTP/1.0":          {"GET / HTTP/1.0\r\nHost: api.test\r\n\r\n", "GET HTTP/1.0 1 0 api.test 0 \"\""},
		"body":              {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "POST HTTP/1.1 1 1 a 3 \"abc\""},
		"empty body":        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "POST HTTP/1.1 1 1 a 0 \"\""},
		"no body":           {"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "POST HTTP/1.1 1 1 a 0 \"\""},
		"body of a GET":     {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", "GET HTTP/1.1 1 1 a 3 \"abc\""},
		"chunked body":      {"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "PUT HTTP/1.1 1 1 a -1 \"abc\""},
		"empty chunked":     {"OPTIONS / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "OPTIONS HTTP/1.1 1 1 a -1 \"\""},
		"multipart":         {"POST / HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 59\r\n\r\n--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", "POST HTTP/1.1 1 1 a 59 \"--x\\r\\nContent-Disposition: form-data; name=\\\"a\\\"\\r\\n\\r\\nb\\r\\n--x--\\r\\n\""},
		"absolute form":     {"GET http://other.test/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET HTTP/1.1 1 1 other.test 0 \"\""},
		"OPTIONS with body": {"OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", "OPTIONS HTTP/1.1 1 1 a 1 \"a\""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := observe(t, fiber.Config{}, nil, test.sent)
			got := fmt.Sprintf("%s %s %d %d %s %d %q", seen.Method, seen.Proto, seen.ProtoMajor, seen.ProtoMinor, seen.Host, seen.ContentLength, seen.body)
			if got != test.want {
				t.Errorf("the Guard sees %s, want %s", got, test.want)
			}
			if address, _, err := net.SplitHostPort(seen.RemoteAddr); err != nil || address != "127.0.0.1" || seen.TLS != nil {
				t.Errorf("RemoteAddr %q, TLS %v", seen.RemoteAddr, seen.TLS)
			}
		})
	}
}

// observed is the request that a Guard has seen.
type observed struct {
	*http.Request
	body      string // also in Fiber's request
	fiberPath string
}

// observe sends raw to a server and returns the request that its Guard has seen. The Guard reads the body, and admits the
// request because it is Optional.
func observe(t *testing.T, config fiber.Config, inFront fiber.Handler, raw string) observed {
	t.Helper()
	var seen observed
	guard, _ := newGuard(t, func(cfg *middleware.Config) {
		cfg.Optional = true
		cfg.TokenSources = []middleware.TokenSource{func(r *http.Request) (string, error) {
			body, err := io.ReadAll(r.Body)
			seen.Request, seen.body = r, string(body)
			return "", err
		}}
	})
	app := fiber.New(config)
	if inFront != nil {
		app.Use(inFront)
	}
	app.Use(fiberauth.Middleware(guard), func(c fiber.Ctx) error {
		seen.fiberPath = strings.Clone(c.Path())
		if body := string(c.Body()); body != seen.body {
			t.Errorf("the Guard reads the body %q, the handler %q", seen.body, body)
		}
		return nil
	})
	if got := exchange(t, start(t, app), raw); got.status != http.StatusOK {
		t.Fatalf("status %d", got.status)
	}
	return seen
}

// TestCookieWithoutName checks that a cookie without a name is not read as the cookie of a token.
func TestCookieWithoutName(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) {
		cfg.TokenSources = []middleware.TokenSource{middleware.CookieToken("token")}
	})
	address := start(t, guardedApp(guard))
	token := issuer.AccessToken().Sign()
	for cookie, status := range map[string]int{
		"token=" + token:                       http.StatusOK,
		"=token=" + token:                      http.StatusUnauthorized,
		"=; =token=" + token:                   http.StatusUnauthorized,
		"token=" + token + "; =token=" + token: http.StatusOK,
		"token=" + token + "; token=x":         http.StatusBadRequest,
		"token=" + token + "; token":           http.StatusBadRequest,
	} {
		got := exchange(t, address, "GET /orders HTTP/1.1\r\nHost: api.test\r\nCookie: "+cookie+"\r\n\r\n")
		if got.status != status {
			t.Errorf("%s: status %d, want %d", strings.ReplaceAll(cookie, token, "T"), got.status, status)
		}
	}
}

// TestProofForAnotherPath checks that a proof for one path is rejected on another path of Fiber, however the target is written.
func TestProofForAnotherPath(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.DPoP = &middleware.DPoPConfig{URL: "https://api.test"} })
	app := fiber.New()
	app.Use(adaptor.HTTPMiddleware(func(next http.Handler) http.Handler { return next }))
	app.Get("/orders", fiberauth.Middleware(guard), func(fiber.Ctx) error { return nil })
	app.Get("/admin/*", fiberauth.Middleware(guard), func(fiber.Ctx) error { return nil })
	address := start(t, app)
	for target, status := range map[string]int{
		"/orders":                 http.StatusOK,
		"http://api.test/orders":  http.StatusOK,
		"/admin/#/../../orders":   http.StatusUnauthorized,
		"/admin/..%2forders":      http.StatusUnauthorized,
		"/admin/%2e%2e%2forders":  http.StatusUnauthorized,
		"/admin/x":                http.StatusUnauthorized,
		"http://api.test/admin/x": http.StatusUnauthorized,
	} {
		key := bearertest.NewProofKey("ES256")
		token := issuer.AccessToken().BoundTo(key).Sign()
		proof := key.Proof(http.MethodGet, "https://api.test/orders", token).Sign()
		got := exchange(t, address, "GET "+target+" HTTP/1.1\r\nHost: api.test\r\nAuthorization: DPoP "+token+"\r\nDPoP: "+proof+"\r\n\r\n")
		if got.status != status {
			t.Errorf("%s: status %d, want %d", target, got.status, status)
		}
	}
}

// guardedApp returns an app with one route behind guard.
func guardedApp(guard *middleware.Guard) *fiber.App {
	app := fiber.New()
	app.All("/orders", fiberauth.Middleware(guard), hello)
	return app
}

func hello(c fiber.Ctx) error {
	token, ok := fiberauth.Token(c)
	if !ok {
		return fiber.ErrUnauthorized
	}
	return c.SendString("hello " + token.Subject())
}
