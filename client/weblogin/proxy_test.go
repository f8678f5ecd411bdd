package weblogin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client/weblogin"
)

func TestProxyPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	u := w.user(t)
	w.signIn(u)
	for _, path := range []string{
		"/api/orders/../admin", "/api/orders/%2e%2e/admin", "/api/orders/%2E./admin", "/api/orders/a/..", "/api/orders/.", "/api/orders/a/./b",
		"/api/orders/a%2f..%2fb", "/api/orders/a%2Fb", "/api/orders/a%5c..%5cb", "/api/orders/..;/admin", "/api/orders/a;b=c/d", "/api/orders/a%3bb",
		"/api/orders//evil", "/api/orders/a//b", "/api/orders/%252e%252e/x", "/api/orders/a%3fb", "/api/orders/a%23b", "/api/orders/a%00b",
		"/api/orders/a%0d%0ab", "/api/orders/a%7fb", "/api/orders/a%c2%85b", "/api/orders/%c0%ae%c0%ae/x",
	} {
		before := len(w.seen)
		p := u.do(http.MethodGet, path, func(r *http.Request) { r.URL.Opaque = "//" + u.site.Host + path })
		if p.StatusCode < 300 || len(w.seen) != before {
			t.Errorf("%s: %s", path, p.Status)
		}
	}
	for path, want := range map[string]string{
		"/api/orders/a%20b/ü?q=%2f": "/v1/a%20b/%C3%BC?q=%2f", "/api/orders/": "/v1/", "/api/orders/a.b/...": "/v1/a.b/...",
	} {
		u.do(http.MethodGet, path, nil)
		if got := w.seen[len(w.seen)-1].URL.String(); got != want {
			t.Errorf("%s: %s", path, got)
		}
	}
}

// A Proxy rejects ambiguous paths even if the router does not clean them.
func TestProxyWithoutRouter(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	orders, err := w.app.Proxy("/", "https://api.test/v1/")
	if err != nil {
		t.Fatal(err)
	}
	u.Transport = handled{orders}
	for path, want := range map[string]int{
		"/../admin": 400, "//evil.test/x": 400, "/a//b": 400, "/a/../../b": 400, "/a/..": 400, "/.": 400, "/a/b": 200, "/": 200,
	} {
		if p := u.do(http.MethodGet, "", func(r *http.Request) { r.URL.Path = path }); p.StatusCode != want {
			t.Errorf("%s: %s", path, p.Status)
		}
	}
}

func TestCaseU3_ProxyFaults(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	for name, args := range map[string][2]string{
		"prefix": {"/api", "https://a.test/"}, "relative prefix": {"api/", "https://a.test/"}, "pattern": {"/{x}/", "https://a.test/"},
		"upstream": {"/api/", "https://a.test/x"}, "no path": {"/api/", "https://a.test"}, "query": {"/api/", "https://a.test/?x"},
		"empty query": {"/api/", "https://a.test/?"}, "fragment": {"/api/", "https://a.test/#x"}, "relative": {"/api/", "/x/"},
		"user": {"/api/", "https://a:b@a.test/"}, "dots": {"/api/", "https://a.test/x/../"}, "encoded": {"/api/", "https://a.test/%2f/"},
		"plain http": {"/api/", "http://api.test/"}, "a name that looks local": {"/api/", "http://127.0.0.1.evil.test/"},
		"scheme": {"/api/", "ftp://a.test/"}, "nonsense": {"/api/", "https://a.test:x/"},
		"no scheme": {"/api/", "a.test/"}, "only slashes": {"/api/", "//a.test/"}, "no host": {"/api/", "https:///x/"}, "only a port": {"/api/", "https://:443/"},
		"opaque": {"/api/", "https:a.test/"}, "empty fragment": {"/api/", "https://a.test/#"},
	} {
		if _, err := w.app.Proxy(args[0], args[1]); err == nil || !strings.HasPrefix(err.Error(), "weblogin: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, upstream := range []string{"http://127.0.0.1:8080/", "http://[::1]/x/", "http://localhost/", "https://a.test:8443/v1/"} {
		if _, err := w.app.Proxy("/api/", upstream); err != nil {
			t.Error(err)
		}
	}
}

func TestProxyRequestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *weblogin.Config) { cfg.ProxyHeaders = []string{"x-tenant"} })
	u := w.user(t)
	w.signIn(u)
	u.do(http.MethodPost, "/api/orders/1", func(r *http.Request) {
		for name, value := range map[string]string{
			"Authorization": "Bearer mine", "DPoP": "x", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-User": "root", "Forwarded": "for=x",
			"X-Real-Ip": "1", "X-Remote-User": "root", "X-Original-Url": "/admin", "X-Http-Method-Override": "DELETE", "Via": "x",
			"Connection": "X-Tenant-Secret", "X-Tenant-Secret": "1", "Proxy-Authorization": "x", "Referer": "https://app/secret",
			"Te": "trailers", "Origin": u.site.String(), "X_forwarded_user": "root",
			"X-Tenant": "7", "Content-Type": "application/json", "Accept": "application/json", "If-Match": `"1"`,
		} {
			r.Header.Set(name, value)
		}
	})
	got := w.seen[0].Header
	for _, name := range []string{"User-Agent", "Accept-Encoding", "Content-Length"} { // the client of the test adds these
		got.Del(name)
	}
	want := http.Header{
		"Authorization": {"Bearer secret-at0"}, "X-Tenant": {"7"}, "Content-Type": {"application/json"}, "Accept": {"application/json"},
		"If-Match": {`"1"`},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if host := w.seen[0].Host; host == u.site.Host {
		t.Error("the API received the host of the application:", host)
	}
}

// In a browser, a response of the API has no rights of the application.
func TestProxyResponses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *weblogin.Config) { cfg.ProxyHeaders = []string{"X-Total"} })
	u := w.user(t)
	w.signIn(u)
	w.let(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Set-Cookie", "__Host-session=early")
		rw.Header().Set("Link", "</x>; rel=preload")
		rw.WriteHeader(http.StatusEarlyHints)
		for _, name := range []string{
			"Set-Cookie", "WWW-Authenticate", "Access-Control-Allow-Origin", "Clear-Site-Data", "Strict-Transport-Security", "Refresh",
			"Service-Worker-Allowed", "Alt-Svc", "X-Accel-Redirect", "Content-Security-Policy", "Cache-Control", "DPoP-Nonce", "Trailer",
		} {
			rw.Header().Set(name, "api")
		}
		rw.Header().Set("X-Total", "3")
		rw.Header().Set("ETag", `"1"`)
		rw.Header()["Content-Type"] = r.Header["Accept"]
		rw.WriteHeader(http.StatusTeapot)
		_, _ = io.WriteString(rw, "x")
	})
	for sent, want := range map[string]string{
		"text/html": "text/html", "image/svg+xml": "image/svg+xml", "application/json": "application/json",
		"text/javascript": "text/plain", "Application/JavaScript; charset=utf-8": "text/plain", "application/x-ecmascript": "text/plain",
		"text/css": "text/plain", "application/wasm": "text/plain", "text/;;": "text/plain",
	} {
		early := 0
		p := u.do(http.MethodGet, "/api/orders/1", func(r *http.Request) {
			r.Header.Set("Accept", sent)
			*r = *r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
				Got1xxResponse: func(int, textproto.MIMEHeader) error { early++; return nil },
			}))
		})
		want := http.Header{
			"X-Total": {"3"}, "Etag": {`"1"`}, "Content-Type": {want}, "Cache-Control": {"no-store"},
			"Content-Security-Policy":      {"sandbox; default-src 'none'; frame-ancestors 'none'"},
			"Cross-Origin-Resource-Policy": {"same-origin"}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"},
		}
		p.Header.Del("Date")
		p.Header.Del("Content-Length")
		if diff := cmp.Diff(want, p.Header); diff != "" || p.StatusCode != http.StatusTeapot || early != 0 || len(p.Trailer) != 0 {
			t.Errorf("%s: %s, %d, %s", sent, p.Status, early, diff)
		}
	}
}

func TestProxyRedirects(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	for to, want := range map[string]string{
		"https://api.test/v1/8?x=1": "/api/orders/8?x=1", "/v1/8": "/api/orders/8", "8": "/api/orders/8", "?page=2": "/api/orders/7?page=2",
		"https://evil.test/v1/8": "", "//evil.test/v1/8": "", "http://api.test/v1/8": "", "/admin": "", "/v1/a%2f..%2f..%2fb%5cc": "",
		"/v1//evil.test": "", "javascript:alert(1)": "", "::": "",
	} {
		w.let(func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set("Location", to)
			rw.WriteHeader(http.StatusSeeOther)
		})
		if p := u.do(http.MethodGet, "/api/orders/7", nil); p.Header.Get("Location") != want || p.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %q, expected %q", to, p.Header.Get("Location"), want)
		}
	}
}

func TestProxyUses(t *testing.T) {
	t.Parallel()
	w := newLocalWorld(t)
	u := w.user(t)
	w.signIn(u)
	set := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	for name, test := range map[string]struct {
		method string
		change func(*http.Request)
		want   int
	}{
		"a script's":       {"GET", set("Sec-Fetch-Dest", "empty"), 200},
		"an image":         {"GET", set("Sec-Fetch-Dest", "image"), 200},
		"a script":         {"GET", set("Sec-Fetch-Dest", "script"), 501},
		"a style":          {"GET", set("Sec-Fetch-Dest", "style"), 501},
		"a worker":         {"GET", set("Sec-Fetch-Dest", "serviceworker"), 501},
		"a frame":          {"GET", set("Sec-Fetch-Dest", "iframe"), 501},
		"an upgrade":       {"GET", set("Upgrade", "websocket"), 501},
		"TRACE":            {"TRACE", nil, 501},
		"CONNECT":          {"CONNECT", nil, 501},
		"unknown":          {"PURGE", nil, 501},
		"DELETE":           {"DELETE", nil, 200},
		"another site's":   {"GET", set("Sec-Fetch-Site", "cross-site"), 403},
		"a sibling host's": {"GET", set("Sec-Fetch-Site", "same-site"), 403},
		"the address bar":  {"GET", set("Sec-Fetch-Site", "none"), 200},
	} {
		before := len(w.seen)
		if p := u.do(test.method, "/api/orders/1", test.change); p.StatusCode != test.want || len(w.seen)-before == 1 != (test.want == 200) {
			t.Errorf("%s: %s", name, p.Status)
		}
	}
	if p := w.user(t).do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusUnauthorized {
		t.Error("without a login:", p.Status)
	}
}

// If the API rejects the token, it is refreshed once, and the request is sent again with its body.
func TestC29_ProxyRetriesOnce(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want int
	}{
		"small": {"order 7", 200}, "large": {strings.Repeat("x", 65<<10), 401},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			u := w.user(t)
			w.signIn(u)
			w.let(func(rw http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Authorization") == "Bearer secret-at0" {
					rw.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
					rw.WriteHeader(http.StatusUnauthorized)
				}
			})
			p := u.do(http.MethodPost, "/api/orders/1", func(r *http.Request) {
				r.Body, r.ContentLength = io.NopCloser(strings.NewReader(test.body)), int64(len(test.body))
			})
			if p.StatusCode != test.want || p.Header.Get("WWW-Authenticate") != "" {
				t.Error(p.Status)
			}
			for _, body := range w.bodies {
				if body != test.body {
					t.Errorf("the API received %d bytes", len(body))
				}
			}
			if want := 1 + (401-test.want)/201; len(w.bodies) != want {
				t.Errorf("%d requests", len(w.bodies))
			}
		})
	}
}

func TestProxyTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.APITimeout = 10 * time.Second })
		u := w.user(t)
		w.signIn(u)
		w.let(func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-time.After(time.Hour):
			case <-r.Context().Done():
			}
		})
		begun := time.Now()
		if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusGatewayTimeout || time.Since(begun) != 10*time.Second {
			t.Error(p.Status, time.Since(begun))
		}
		w.let(func(http.ResponseWriter, *http.Request) { time.Sleep(9 * time.Second) })
		if p := u.do(http.MethodGet, "/api/orders/1", nil); p.StatusCode != http.StatusOK {
			t.Error(p.Status)
		}
	})
}

// A response that has begun may take longer than APITimeout.
func TestProxySlowResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newLocalWorld(t, func(cfg *weblogin.Config) { cfg.Transport = slow{} })
		u := w.user(t)
		w.signIn(u)
		begun := time.Now()
		if p := u.do(http.MethodGet, "/api/orders/1", nil); p.text != "late" || time.Since(begun) != time.Hour {
			t.Error(p.Status, p.text, time.Since(begun))
		}
	})
}

// slow begins its response at once, and ends it after an hour.
type slow struct{ ctx context.Context } //nolint:containedctx // that of a body

func (slow) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: make(http.Header), Body: io.NopCloser(&slow{r.Context()}), ContentLength: -1}, nil
}

func (s *slow) Read(into []byte) (int, error) {
	select {
	case <-time.After(time.Hour):
		return copy(into, "late"), io.EOF
	case <-s.ctx.Done():
		return 0, s.ctx.Err()
	}
}

// The beginning of a response is passed on at once.
func TestProxyStreams(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(cfg *weblogin.Config) { cfg.APITimeout = time.Second })
	u := w.user(t)
	w.signIn(u)
	goOn := make(chan struct{})
	w.let(func(rw http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(rw, "one")
		_ = http.NewResponseController(rw).Flush()
		<-goOn
		_, _ = io.WriteString(rw, "two")
	})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.site+"/api/orders/1", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := u.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	first := make([]byte, 3)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "one" {
		t.Fatal(err, first)
	}
	close(goOn)
	if rest, err := io.ReadAll(resp.Body); err != nil || string(rest) != "two" {
		t.Error(err, rest)
	}
}
