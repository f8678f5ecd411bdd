package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// Q8: the document is served without a token, for all origins, with cache directives and an ETag. A rejected method is visible to
// scripts too.
func TestQ8_MetadataHandlerMethods(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test/v1"})
	const body = `{"bearer_methods_supported":["header"],"resource":"https://api.test/v1"}` + "\n"
	etag := fetchDocument(t, g, http.MethodGet, g.MetadataPath()).Header().Get("Etag")
	if len(etag) < 20 {
		t.Errorf("ETag %q", etag)
	}
	document := map[string]string{
		"Content-Type": "application/json", "Cache-Control": "public, max-age=300", "Etag": etag, "Content-Length": "73",
	}
	notModified := map[string]string{"Cache-Control": "public, max-age=300", "Etag": etag}
	allow := map[string]string{"Allow": "GET, HEAD, OPTIONS"}
	for name, test := range map[string]struct {
		method string
		header []string
		status int
		want   map[string]string // further header fields
		body   string
	}{
		"GET":                        {http.MethodGet, nil, 200, document, body},
		"GET with a token":           {http.MethodGet, []string{"Authorization", "Bearer x"}, 200, document, body},
		"GET from another origin":    {http.MethodGet, []string{"Origin", "https://app.test"}, 200, document, body},
		"HEAD":                       {http.MethodHead, nil, 200, document, ""},
		"Range":                      {http.MethodGet, []string{"Range", "bytes=0-3"}, 200, document, body},
		"Range with several parts":   {http.MethodGet, []string{"Range", "bytes=0-3,5-7"}, 200, document, body},
		"Range beyond the end":       {http.MethodGet, []string{"Range", "bytes=9999-"}, 200, document, body},
		"Range with If-Range":        {http.MethodHead, []string{"Range", "bytes=0-3", "If-Range", etag}, 200, document, ""},
		"If-None-Match":              {http.MethodGet, []string{"If-None-Match", etag}, 304, notModified, ""},
		"If-None-Match with HEAD":    {http.MethodHead, []string{"If-None-Match", etag}, 304, notModified, ""},
		"If-None-Match in a list":    {http.MethodGet, []string{"If-None-Match", `"x", W/` + etag}, 304, notModified, ""},
		"If-None-Match with a star":  {http.MethodGet, []string{"If-None-Match", "*"}, 304, notModified, ""},
		"If-None-Match of another":   {http.MethodGet, []string{"If-None-Match", `"x"`}, 200, document, body},
		"If-None-Match without form": {http.MethodGet, []string{"If-None-Match", strings.Trim(etag, `"`)}, 200, document, body},
		"preflight": {
			http.MethodOptions,
			[]string{"Origin", "https://app.test", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "mcp-protocol-version"},
			204,
			map[string]string{
				"Allow": "GET, HEAD, OPTIONS", "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS", "Access-Control-Allow-Headers": "*",
				"Access-Control-Max-Age": "300",
			},
			"",
		},
		"POST":   {http.MethodPost, nil, 405, allow, "Method Not Allowed\n"},
		"PUT":    {http.MethodPut, []string{"If-None-Match", "*"}, 405, allow, "Method Not Allowed\n"},
		"DELETE": {http.MethodDelete, []string{"Origin", "https://app.test"}, 405, allow, "Method Not Allowed\n"},
		"get":    {"get", nil, 405, allow, "Method Not Allowed\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := fetchDocument(t, g, test.method, g.MetadataPath(), test.header...)
			got := map[string]string{}
			for field := range w.Header() {
				got[field] = w.Header().Get(field)
			}
			delete(got, "Accept-Ranges")
			if test.status == http.StatusMethodNotAllowed { // those of http.Error
				delete(got, "Content-Type")
				delete(got, "X-Content-Type-Options")
			}
			want := map[string]string{"Access-Control-Allow-Origin": "*"}
			for field, value := range test.want {
				want[field] = value
			}
			if w.Code != test.status || w.Body.String() != test.body {
				t.Errorf("response %d %q, want %d %q", w.Code, w.Body, test.status, test.body)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

// Q8: the response depends on the Config only. It is the same for every Host and for every header of a proxy.
func TestQ8_Attack42_MetadataDoesNotDependOnTheHost(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test/v1/"})
	want := fetchDocument(t, g, http.MethodGet, g.MetadataPath())
	for name, change := range map[string]func(*http.Request){
		"another host":     func(r *http.Request) { r.Host = "evil.test" },
		"an empty host":    func(r *http.Request) { r.Host = "" },
		"a malformed host": func(r *http.Request) { r.Host = "evil.test\"><script>" },
		"an absolute URL":  func(r *http.Request) { r.URL.Scheme, r.URL.Host = "http", "evil.test" },
		"a query":          func(r *http.Request) { r.URL.RawQuery = "resource=https://evil.test" },
		"headers of a proxy": func(r *http.Request) {
			for field, value := range map[string]string{
				"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil", "Forwarded": "host=evil.test;proto=http",
				"Origin": "https://evil.test", "Accept": "text/html", "Accept-Language": "de", "X-Original-URL": "/evil",
			} {
				r.Header.Set(field, value)
			}
		},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, g.MetadataPath(), nil)
		change(r)
		w := httptest.NewRecorder()
		g.MetadataHandler().ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != want.Body.String() || !cmp.Equal(w.Header(), want.Header()) {
			t.Errorf("%s: %d %v %s", name, w.Code, w.Header(), w.Body)
		}
	}
}

// Q2: the document is at the path that clients derive from the Resource, and at no other one. `resource` is the Resource, byte for
// byte.
func TestQ2_Q4_MetadataPaths(t *testing.T) {
	t.Parallel()
	for resource, test := range map[string]struct{ found, missing []string }{
		"https://api.test":          {[]string{""}, []string{"/", "/v1", "/v1/"}},
		"https://api.test/":         {[]string{""}, []string{"/", "/v1"}},
		"https://api.test/v1":       {[]string{"/v1"}, []string{"", "/", "/v1/", "/v2", "/v1/a", "/V1", "/%761", "//v1", "/v1%2F"}},
		"https://api.test/v1/":      {[]string{"/v1", "/v1/"}, []string{"", "/", "/v1//", "/v2/"}},
		"https://api.test/a%2Fb":    {[]string{"/a%2Fb"}, []string{"/a/b", "/a%2fb", "/a%252Fb", "/a"}},
		"https://api.test/a b/c":    {[]string{"/a%20b/c"}, []string{"/a+b/c", "/a"}},
		"http://localhost:8000/mcp": {[]string{"/mcp"}, []string{"", "/mcp/"}},
		"HTTPS://API.test:443/v1":   {[]string{"/v1"}, []string{"/"}},
	} {
		g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: resource})
		if want := wellKnownPath + test.found[0]; g.MetadataPath() != want {
			t.Errorf("%s: MetadataPath %q, want %q", resource, g.MetadataPath(), want)
		}
		if published, err := resourcemetadata.URL(resource); err != nil || !strings.HasSuffix(published, g.MetadataPath()) {
			t.Errorf("%s: clients use %q, %v, the Guard %q", resource, published, err, g.MetadataPath())
		}
		for _, path := range test.found {
			w := fetchDocument(t, g, http.MethodGet, wellKnownPath+path)
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"resource":"`+resource+`"`) {
				t.Errorf("%s: %s: %d %s", resource, path, w.Code, w.Body)
			}
		}
		for _, path := range test.missing {
			if w := fetchDocument(t, g, http.MethodGet, wellKnownPath+path); w.Code != http.StatusNotFound {
				t.Errorf("%s: %s: %d %s", resource, path, w.Code, w.Body)
			}
		}
	}
}

// Q2: several resources on one host have a document each, also if their handlers are registered with a wildcard.
func TestQ2_SeveralResources(t *testing.T) {
	t.Parallel()
	root := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test"})
	first := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test/first"})
	second := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test/second/"})
	exact, wild := http.NewServeMux(), http.NewServeMux()
	for _, g := range []*middleware.Guard{root, first, second} {
		exact.Handle(g.MetadataPath(), g.MetadataHandler())
	}
	wild.Handle(wellKnownPath, root.MetadataHandler())
	wild.Handle(wellKnownPath+"/first/{rest...}", first.MetadataHandler())
	wild.Handle("GET "+wellKnownPath+"/first", first.MetadataHandler())
	wild.Handle(wellKnownPath+"/{rest...}", second.MetadataHandler())
	for path, want := range map[string][2]string{
		"":             {"https://api.test", "https://api.test"},
		"/first":       {"https://api.test/first", "https://api.test/first"},
		"/second":      {"https://api.test/second/", "https://api.test/second/"},
		"/second/":     {"", "https://api.test/second/"},
		"/first/other": {"", ""},
		"/third":       {"", ""},
	} {
		for i, mux := range []http.Handler{exact, wild} {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, wellKnownPath+path, nil))
			if found := w.Code == http.StatusOK; found != (want[i] != "") || found && !strings.Contains(w.Body.String(), `"resource":"`+want[i]+`"`) {
				t.Errorf("%q in mux %d: %d %s, want %q", path, i, w.Code, w.Body, want[i])
			}
		}
	}
}

// A Guard without a Resource has no document. This is logged, at the rate of refusals.
func TestMetadataHandler_WithoutResource(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Logger: textLogger(&log)})
	for range 100 {
		if w := fetchDocument(t, g, http.MethodGet, wellKnownPath); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "resource\"") {
			t.Fatalf("response %d %s", w.Code, w.Body)
		}
	}
	if n := strings.Count(log.String(), "Config.Resource is empty"); n != 10 {
		t.Errorf("%d log lines, want 10:\n%s", n, log.String())
	}
	if err := g.Replace(middleware.Config{Verifier: acceptAll, Resource: "https://api.test"}); err != nil {
		t.Fatal(err)
	}
	if got := documentOf(t, g); !strings.Contains(got, "https://api.test") {
		t.Errorf("after Replace: %s", got)
	}
}
