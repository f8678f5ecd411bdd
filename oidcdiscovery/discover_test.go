package oidcdiscovery_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

func TestCaseD4_D1_Places(t *testing.T) {
	t.Parallel()
	tests := []struct {
		issuer string
		first  bool // InsertFirst
		want   []string
	}{
		{issuer: plain, want: []string{plainOAuth, plainOpenID}},
		{issuer: plain + "/", want: []string{plainOAuth, plainOpenID}},
		{issuer: plain + ":8443", want: []string{
			"https://a.example:8443/.well-known/oauth-authorization-server",
			"https://a.example:8443/.well-known/openid-configuration",
		}},
		{issuer: tenant, want: []string{tenantOAuth, tenantOpenID, tenantOpenIDInserted, tenantOAuthAppended}},
		{issuer: tenant + "/", want: []string{tenantOAuth, tenantOpenID, tenantOpenIDInserted, tenantOAuthAppended}},
		{issuer: plain, first: true, want: []string{plainOAuth, plainOpenID}},
		{issuer: tenant, first: true, want: []string{tenantOAuth, tenantOpenIDInserted, tenantOpenID, tenantOAuthAppended}},
		{issuer: tenant + "/", first: true, want: []string{tenantOAuth, tenantOpenIDInserted, tenantOpenID, tenantOAuthAppended}},
		{issuer: tenant + "//", want: []string{
			tenantOAuth + "/", "https://a.example/tenant//.well-known/openid-configuration",
			tenantOpenIDInserted + "/", "https://a.example/tenant//.well-known/oauth-authorization-server",
		}},
		{issuer: plain + "/a/b%2Fc", want: []string{
			"https://a.example/.well-known/oauth-authorization-server/a/b%2Fc",
			"https://a.example/a/b%2Fc/.well-known/openid-configuration",
			"https://a.example/.well-known/openid-configuration/a/b%2Fc",
			"https://a.example/a/b%2Fc/.well-known/oauth-authorization-server",
		}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.issuer, tt.first), func(t *testing.T) {
			t.Parallel()
			nowhere := &site{}
			c := oidcdiscovery.Client{HTTPClient: nowhere.client(), InsertFirst: tt.first}
			if _, err := c.Discover(t.Context(), tt.issuer); err == nil {
				t.Error("no error without a document")
			}
			if diff := cmp.Diff(tt.want, nowhere.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for i, place := range tt.want { // one location is sufficient
				s := &site{replies: map[string]reply{place: of(tt.issuer)}}
				c := oidcdiscovery.Client{HTTPClient: s.client(), InsertFirst: tt.first}
				m, err := c.Discover(t.Context(), tt.issuer)
				if err != nil || m.Issuer != tt.issuer || len(s.requests()) != i+1 {
					t.Errorf("%s: %v, %v, requests %v", place, m, err, s.requests())
					continue
				}
				want := map[bool]string{true: "location in metadata location"}[i == 3] // in no specification
				if got := shown(m.Quirks()); got != want {
					t.Errorf("%s: quirks %q, want %q", place, got, want)
				}
			}
		})
	}
}

// Discover tries the next location after everything that is not the issuer's document, except a 429.
func TestCaseD4_D1_NextPlace(t *testing.T) {
	t.Parallel()
	retry := http.Header{"Retry-After": {"30"}}
	tests := []struct {
		name  string
		first reply
		stop  bool
	}{
		{name: "400", first: reply{status: 400}},
		{name: "401", first: reply{status: 401}},
		{name: "403", first: reply{status: 403}},
		{name: "404", first: reply{status: 404}},
		{name: "405", first: reply{status: 405}},
		{name: "500", first: reply{status: 500}},
		{name: "502", first: reply{status: 502}},
		{name: "503", first: reply{status: 503}},
		{name: "503 with Retry-After", first: reply{status: 503, header: retry}},
		{name: "204", first: reply{status: 204}},
		{name: "redirect", first: reply{status: 302, header: http.Header{"Location": {tenantOpenID}}}},
		{name: "HTML", first: reply{status: 200, contentType: "text/html", body: "<!doctype html>"}},
		{name: "HTML called JSON", first: document("<!doctype html>")},
		{name: "broken JSON", first: document(`{"issuer":`)},
		{name: "empty", first: document("")},
		{name: "another JSON", first: document(`{"error":"not_found"}`)},
		{name: "issuer of the host", first: of(plain)},
		{name: "two issuers", first: document(`{"issuer":"` + tenant + `","issuer":"` + tenant + `"}`)},
		{name: "bad jwks_uri", first: document(`{"issuer":"` + tenant + `","jwks_uri":"http://a.example/keys"}`)},
		{name: "jwks_uri of the wrong type", first: document(`{"issuer":"` + tenant + `","jwks_uri":["https://a.example/keys"]}`)},
		{name: "too large", first: document(of(tenant).body + strings.Repeat(" ", 512<<10))},
		{name: "dropped connection", first: reply{err: errNetwork}},
		{name: "silence", first: reply{hang: true}},
		{name: "429", first: reply{status: 429}, stop: true},
		{name: "429 with Retry-After", first: reply{status: 429, header: retry}, stop: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := &site{replies: map[string]reply{tenantOAuth: tt.first, tenantOpenID: of(tenant)}}
				c := oidcdiscovery.Client{HTTPClient: s.client()}
				m, err := c.Discover(t.Context(), tenant)
				if tt.stop {
					if err == nil || len(s.requests()) != 1 || !errors.Is(err, oidcdiscovery.ErrUnavailable) {
						t.Errorf("%v, %v, requests %v", m, err, s.requests())
					}
					return
				}
				if err != nil || m.Issuer != tenant || len(s.requests()) != 2 {
					t.Errorf("%v, %v, requests %v", m, err, s.requests())
				}
				// The same response at all other locations does not matter either.
				s = &site{replies: map[string]reply{
					tenantOAuth: tt.first, tenantOpenID: tt.first, tenantOpenIDInserted: tt.first, tenantOAuthAppended: of(tenant),
				}}
				c.HTTPClient = s.client()
				if m, err := c.Discover(t.Context(), tenant); err != nil || m.Issuer != tenant || len(s.requests()) != 4 {
					t.Errorf("%v, %v, requests %v", m, err, s.requests())
				}
			})
		})
	}
}

// The body of a response decides, and not its Content-Type.
func TestCaseD1_ContentType(t *testing.T) {
	t.Parallel()
	const noted = "content_type in metadata Content-Type"
	for header, want := range map[string]string{
		"application/json":                 "",
		"APPLICATION/JSON ; charset=utf-8": "",
		"application/octet-stream":         noted,
		"text/html":                        noted,
		"text/plain; charset=us-ascii":     noted,
		"text/json":                        noted,
		"binary/octet-stream":              noted,
		"no media type":                    noted,
		"":                                 noted,
	} {
		t.Run(header, func(t *testing.T) {
			t.Parallel()
			s := everywhere(reply{status: 200, contentType: header, body: of(plain).body})
			m, err := (&oidcdiscovery.Client{HTTPClient: s}).Discover(t.Context(), plain)
			if err != nil {
				t.Fatal(err)
			}
			if got := shown(m.Quirks()); got != want {
				t.Errorf("quirks %q, want %q", got, want)
			}
			for _, body := range []string{"", "<html>", "[]", "{}", of(tenant).body, of(plain).body + "x"} {
				s := everywhere(reply{status: 200, contentType: header, body: body})
				if _, err := (&oidcdiscovery.Client{HTTPClient: s}).Discover(t.Context(), plain); err == nil {
					t.Errorf("%q is accepted", body)
				}
			}
		})
	}
}

// With MetadataURL, only that URL is requested, and the issuer in the document must still be the requested one.
func TestCaseD6_MetadataURL(t *testing.T) {
	t.Parallel()
	const internal = "https://idp.internal:8443/realms/a/.well-known/openid-configuration?p=policy"
	tests := []struct {
		name, url string
		reply     reply
		allowHTTP bool
		ok        bool
		requests  int
		fault     string // a part of the error
	}{
		{name: "internal address", url: internal, reply: of(plain), ok: true, requests: 1},
		{name: "loopback", url: "http://127.0.0.1:8080/metadata.json", reply: of(plain), ok: true, requests: 1},
		{name: "http", url: "http://idp.internal/metadata", reply: of(plain), fault: `MetadataURL: URL "http://idp.internal/metadata" is not https, and its host is not loopback`},
		{name: "http, allowed", url: "http://idp.internal/metadata", reply: of(plain), allowHTTP: true, ok: true, requests: 1},
		{name: "not a URL", url: "idp.internal/metadata", reply: of(plain), fault: "MetadataURL: URL"},
		{name: "user information", url: "https://user:secret@idp.internal/", reply: of(plain), fault: "MetadataURL: URL"},
		{name: "fragment", url: internal + "#secret", reply: of(plain), fault: "MetadataURL: URL"},
		{name: "another issuer", url: internal, reply: of("https://idp.internal:8443/realms/a"), requests: 1, fault: `expected "https://a.example"`},
		{name: "slash", url: internal, reply: of(plain + "/"), requests: 1, fault: "differ only by a trailing slash"},
		{name: "no document", url: internal, reply: reply{status: 404}, requests: 1, fault: "status 404"},
		{name: "keys without TLS", url: internal, reply: document(`{"issuer":"` + plain + `","jwks_uri":"http://idp.internal/keys"}`), requests: 1, fault: "jwks_uri: URL"},
		{
			name: "redirect", url: internal, reply: reply{status: 307, header: http.Header{"Location": {"/new?secret"}}}, requests: 1,
			fault: `redirects to "https://idp.internal:8443/new", redirects are not followed; if the metadata has moved, set MetadataURL to its new location`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &site{replies: map[string]reply{tt.url: tt.reply, plainOAuth: of(plain), plainOpenID: of(plain)}}
			c := oidcdiscovery.Client{HTTPClient: s.client(), MetadataURL: tt.url, InsecureAllowHTTP: tt.allowHTTP}
			m, err := c.Discover(t.Context(), plain)
			if (err == nil) != tt.ok || (m != nil) != tt.ok || len(s.requests()) != tt.requests {
				t.Fatalf("got %v, %v, requests %v", m, err, s.requests())
			}
			if err != nil && (!strings.Contains(err.Error(), tt.fault) || strings.Contains(err.Error(), "secret")) {
				t.Errorf("%q does not contain %q, or contains a secret", err, tt.fault)
			}
		})
	}
}

// The error names all locations, and the fault of each.
func TestCaseD4_D1_ErrorNamesAllPlaces(t *testing.T) {
	t.Parallel()
	s := &site{replies: map[string]reply{
		tenantOAuth: {status: 403}, tenantOpenID: of(tenant + "/"), tenantOpenIDInserted: {err: errNetwork},
	}}
	c := oidcdiscovery.Client{HTTPClient: s.client()}
	_, err := c.Discover(t.Context(), tenant)
	want := `oidcdiscovery: GET https://a.example/.well-known/oauth-authorization-server/tenant: status 403
GET https://a.example/tenant/.well-known/openid-configuration: the document's issuer is "https://a.example/tenant/", ` +
		`expected "https://a.example/tenant": they differ only by a trailing slash
GET https://a.example/.well-known/openid-configuration/tenant: no complete response: connection refused
GET https://a.example/tenant/.well-known/oauth-authorization-server: status 404`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Attack 22: an issuer that is not equal byte for byte is another issuer, at every location.
func TestD2_Attack22_IssuerMismatch(t *testing.T) {
	t.Parallel()
	const (
		slash = "they differ only by a trailing slash"
		cased = "they differ only by case"
	)
	tests := []struct{ name, want, got, hint string }{
		{name: "slash more", want: tenant, got: tenant + "/", hint: slash},
		{name: "slash less", want: tenant + "/", got: tenant, hint: slash},
		{name: "slash on the host", want: plain, got: plain + "/", hint: slash},
		{name: "case of the host", want: plain, got: "https://A.example", hint: cased},
		{name: "case of the scheme", want: plain, got: "HTTPS://a.example", hint: cased},
		{name: "case of the path", want: tenant, got: "https://a.example/Tenant", hint: cased},
		{name: "default port", want: plain, got: "https://a.example:443"},
		{name: "percent encoding", want: tenant, got: "https://a.example/%74enant"},
		{name: "dot segment", want: tenant, got: "https://a.example/./tenant"},
		{name: "punycode", want: "https://xn--bcher-kva.example", got: "https://bücher.example"},
		{name: "unicode normalisation", want: "https://a.example/é", got: "https://a.example/e\u0301"},
		{name: "http", want: plain, got: "http://a.example", hint: "they differ only by scheme"},
		{name: "prefix", want: tenant, got: plain},
		{name: "substring", want: plain, got: "https://a.example.evil.example"},
		{name: "template", want: "https://a.example/7f3c/v2.0", got: "https://a.example/{tenantid}/v2.0"},
		{name: "white space", want: plain, got: plain + " ", hint: "they differ only by white space"},
		{name: "none", want: plain, got: ""},
		{name: "long", want: plain, got: plain + strings.Repeat("/x", 100_000)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := everywhere(of(tt.got))
			m, err := (&oidcdiscovery.Client{HTTPClient: s}).Discover(t.Context(), tt.want)
			var mismatch *oidcdiscovery.IssuerMismatchError
			if m != nil || !errors.As(err, &mismatch) {
				t.Fatalf("got %v, %v", m, err)
			}
			if diff := cmp.Diff(&oidcdiscovery.IssuerMismatchError{Want: tt.want, Got: tt.got}, mismatch); diff != "" {
				t.Error(diff)
			}
			if !strings.Contains(err.Error(), tt.hint) || tt.hint == "" && strings.Contains(err.Error(), "differ") {
				t.Errorf("%q does not contain the hint %q", err, tt.hint)
			}
			if len(err.Error()) > 2000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
			if errors.Is(err, oidcdiscovery.ErrUnavailable) {
				t.Error("the error says that a retry may succeed")
			}
		})
	}
}

// everywhere returns a client that receives the same reply from every location.
func everywhere(a reply) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		s := site{replies: map[string]reply{r.URL.String(): a}}
		return s.RoundTrip(r)
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// An invalid issuer identifier is rejected before any request.
func TestD3_IssuerRefused(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{
		"", "a.example", "/tenant", "urn:example:issuer", "ftp://a.example", "file:///etc/passwd",
		"http://a.example", "http://10.0.0.1", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
		"https://", "https:///tenant", "https://:443", "https://user@a.example", "https://user:secret@a.example",
		"https://a.example?", "https://a.example/?tenant=1", "https://a.example#", "https://a.example/#x",
		"https://a.example/\x00", " https://a.example", "https://a.example/%zz",
	} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			silent := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
				t.Errorf("request to %s", r.URL)
				return nil, errNetwork
			})}
			m, err := (&oidcdiscovery.Client{HTTPClient: silent}).Discover(t.Context(), issuer)
			if err == nil || m != nil {
				t.Fatalf("got %v, %v", m, err)
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("%q contains a secret", err)
			}
		})
	}
}

func TestD3_HTTP(t *testing.T) {
	t.Parallel()
	tests := []struct {
		issuer        string
		strict, allow bool
	}{
		{issuer: "https://a.example", strict: true, allow: true},
		{issuer: "http://127.0.0.1:8080", strict: true, allow: true},
		{issuer: "http://[::1]:8080/tenant", strict: true, allow: true},
		{issuer: "http://localhost:8080", strict: true, allow: true},
		{issuer: "http://a.example", allow: true},
		{issuer: "http://10.0.0.1", allow: true},
	}
	for _, tt := range tests {
		t.Run(tt.issuer, func(t *testing.T) {
			t.Parallel()
			body := `{"issuer":"` + tt.issuer + `","jwks_uri":"` + tt.issuer + `/keys"}`
			for allow, want := range map[bool]bool{false: tt.strict, true: tt.allow} {
				c := oidcdiscovery.Client{HTTPClient: everywhere(document(body)), InsecureAllowHTTP: allow}
				if _, err := c.Discover(t.Context(), tt.issuer); (err == nil) != want {
					t.Errorf("allow %v: got %v", allow, err)
				}
			}
		})
	}
}

// Attack 31: a document cannot make the kit fetch keys from a URL that is not allowed.
func TestD3_Attack31_JWKSURI(t *testing.T) {
	t.Parallel()
	tests := []struct {
		uri           string
		ok, ownOrigin bool
	}{
		{uri: "", ok: true, ownOrigin: true},
		{uri: "https://a.example/keys", ok: true, ownOrigin: true},
		{uri: "https://a.example:443/keys?p=policy", ok: true, ownOrigin: true},
		{uri: "HTTPS://A.EXAMPLE/keys", ok: true, ownOrigin: true},
		{uri: "https://keys.example/keys", ok: true},
		{uri: "https://a.example:8443/keys", ok: true},
		{uri: "https://a.example.evil.example/keys", ok: true},
		{uri: "http://a.example/keys"},
		{uri: "http://169.254.169.254/latest/meta-data"},
		{uri: "file:///etc/passwd"},
		{uri: "gopher://a.example/"},
		{uri: "/keys"},
		{uri: "//a.example/keys"},
		{uri: "https://user:pass@a.example/keys"},
		{uri: "https://a.example/keys#x"},
		{uri: "https://"},
		{uri: "keys"},
	}
	for _, tt := range tests {
		t.Run(tt.uri, func(t *testing.T) {
			t.Parallel()
			body := []byte(`{"issuer":"` + tenant + `","jwks_uri":"` + tt.uri + `"}`)
			for sameOrigin, want := range map[bool]bool{false: tt.ok, true: tt.ownOrigin} {
				c := oidcdiscovery.Client{SameOriginKeys: sameOrigin}
				m, err := c.Parse(tenant, body)
				if (err == nil) != want || (m == nil) == want {
					t.Errorf("same origin %v: got %v, %v", sameOrigin, m, err)
				}
				if err != nil && !strings.Contains(err.Error(), "jwks_uri") {
					t.Errorf("%q does not name the member", err)
				}
			}
		})
	}
}

// An origin is scheme, host and port, so two ports of one host are two origins.
func TestD3_SameOriginKeysOnLoopback(t *testing.T) {
	t.Parallel()
	c := oidcdiscovery.Client{SameOriginKeys: true}
	for uri, want := range map[string]bool{
		"http://127.0.0.1/keys":       true,
		"http://127.0.0.1:80/keys":    true,
		"http://127.0.0.1:8080/keys":  false,
		"https://127.0.0.1/keys":      false,
		"http://localhost/keys":       false,
		"https://127.0.0.1:80/keys":   false,
		"http://[::ffff:7f00:1]/keys": false,
	} {
		_, err := c.Parse("http://127.0.0.1", []byte(`{"issuer":"http://127.0.0.1","jwks_uri":"`+uri+`"}`))
		if (err == nil) != want {
			t.Errorf("%s: got %v", uri, err)
		}
	}
}

func TestCaseJ11_D4_Attack31_RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	t.Cleanup(target.Close)
	s := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	_, err := (&oidcdiscovery.Client{HTTPClient: s.Client()}).Discover(t.Context(), s.URL)
	if err == nil || strings.Count(err.Error(), "redirects are not followed; if the metadata has moved, set MetadataURL") != 2 {
		t.Errorf("got %v", err)
	}
}

// The zero Client works over a real connection.
func TestD4_ZeroClient(t *testing.T) {
	t.Parallel()
	var url string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tenant/.well-known/openid-configuration" {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet || r.Header.Get("Accept") != "application/json" {
			t.Errorf("%s, Accept %q", r.Method, r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
		_, _ = io.WriteString(w, `{"issuer":"`+url+`/tenant","jwks_uri":"`+url+`/keys"}`)
	}))
	t.Cleanup(s.Close)
	url = s.URL
	var c oidcdiscovery.Client
	m, err := c.Discover(t.Context(), url+"/tenant")
	if err != nil || m.JWKSURI != url+"/keys" {
		t.Errorf("got %v, %v", m, err)
	}
}

func TestK18_TooLarge(t *testing.T) {
	t.Parallel()
	exactly := func(n int) reply { return document(of(plain).body + strings.Repeat(" ", n-len(of(plain).body))) }
	tests := []struct {
		name  string
		limit int64
		size  int
		want  int64 // the limit that is exceeded, or 0
	}{
		{name: "default, just fits", size: 512 << 10},
		{name: "default, one byte more", size: 512<<10 + 1, want: 512 << 10},
		{name: "set, just fits", limit: 100, size: 100},
		{name: "set, one byte more", limit: 100, size: 101, want: 100},
		{name: "negative is the default", limit: -1, size: 512<<10 + 1, want: 512 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := oidcdiscovery.Client{HTTPClient: everywhere(exactly(tt.size)), MaxBytes: tt.limit}
			_, err := c.Discover(t.Context(), plain)
			if tt.want == 0 {
				if err != nil {
					t.Errorf("got %v", err)
				}
				return
			}
			var over *oidcdiscovery.TooLargeError
			if !errors.As(err, &over) || over.Limit != tt.want {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestK18_Timeout(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ set, want, total time.Duration }{ // want is the limit of each request
		"default": {want: 3 * time.Second, total: 6 * time.Second},                // one location after the other
		"set":     {set: time.Minute, want: time.Minute, total: 63 * time.Second}, // the second one after 3 s
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				c := oidcdiscovery.Client{HTTPClient: everywhere(reply{hang: true}), Timeout: tt.set}
				_, err := c.Discover(t.Context(), plain)
				var expired *oidcdiscovery.TimeoutError
				if !errors.As(err, &expired) || expired.Limit != tt.want || !errors.Is(err, oidcdiscovery.ErrUnavailable) {
					t.Errorf("got %v", err)
				}
				if waited := time.Since(start); waited != tt.total {
					t.Errorf("waited %v, want %v", waited, tt.total)
				}
			})
		})
	}
}

// A caller whose context ends does not make the issuer unavailable.
func TestK9_CallerGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &site{replies: map[string]reply{plainOAuth: {hang: true}}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := (&oidcdiscovery.Client{HTTPClient: s.client()}).Discover(ctx, plain)
		if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, oidcdiscovery.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
		if len(s.requests()) != 1 {
			t.Errorf("requests %v", s.requests())
		}
	})
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		first, second reply
		want          bool
	}{
		"network":          {first: reply{err: errNetwork}, want: true},
		"second is down":   {second: reply{err: errNetwork}, want: true},
		"second is busy":   {second: reply{status: 429}, want: true},
		"first has failed": {first: reply{status: 500}, want: true},
		"nowhere":          {},
		"forbidden":        {first: reply{status: 403}, second: reply{status: 403}},
		"HTML":             {first: reply{status: 200, contentType: "text/html"}},
		"bad JSON":         {second: document("{")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &site{replies: map[string]reply{plainOAuth: tt.first, plainOpenID: tt.second}}
			_, err := (&oidcdiscovery.Client{HTTPClient: s.client()}).Discover(t.Context(), plain)
			if err == nil || errors.Is(err, oidcdiscovery.ErrUnavailable) != tt.want {
				t.Errorf("got %v", err)
			}
			if tt.first.err != nil && !errors.Is(err, errNetwork) {
				t.Errorf("%v does not contain the cause", err)
			}
		})
	}
}
