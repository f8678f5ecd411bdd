package oidcdiscovery_test

import (
	"context"
	"errors"
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

func TestD1_Places(t *testing.T) {
	t.Parallel()
	tests := []struct {
		issuer string
		want   []string
	}{
		{issuer: plain, want: []string{plainOAuth, plainOpenID}},
		{issuer: plain + "/", want: []string{plainOAuth, plainOpenID}},
		{issuer: plain + ":8443", want: []string{
			"https://a.example:8443/.well-known/oauth-authorization-server",
			"https://a.example:8443/.well-known/openid-configuration",
		}},
		{issuer: tenant, want: []string{tenantOAuth, tenantOpenID}},
		{issuer: tenant + "/", want: []string{tenantOAuth, tenantOpenID}},
		{issuer: tenant + "//", want: []string{tenantOAuth + "/", "https://a.example/tenant//.well-known/openid-configuration"}},
		{issuer: plain + "/a/b%2Fc", want: []string{
			"https://a.example/.well-known/oauth-authorization-server/a/b%2Fc",
			"https://a.example/a/b%2Fc/.well-known/openid-configuration",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.issuer, func(t *testing.T) {
			t.Parallel()
			nowhere := &site{}
			c := oidcdiscovery.Client{HTTPClient: nowhere.client()}
			if _, err := c.Discover(t.Context(), tt.issuer); err == nil {
				t.Error("no error without a document")
			}
			if diff := cmp.Diff(tt.want, nowhere.requests()); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
			for i, place := range tt.want { // one location is sufficient
				s := &site{replies: map[string]reply{place: of(tt.issuer)}}
				c := oidcdiscovery.Client{HTTPClient: s.client()}
				m, err := c.Discover(t.Context(), tt.issuer)
				if err != nil || m.Issuer != tt.issuer || len(s.requests()) != i+1 {
					t.Errorf("%s: %v, %v, requests %v", place, m, err, s.requests())
				}
			}
		})
	}
}

// Every response that is not the issuer's document causes a request to the second location. No response, and a Retry-After,
// do not.
func TestD1_SecondPlace(t *testing.T) {
	t.Parallel()
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
		{name: "204", first: reply{status: 204}},
		{name: "redirect", first: reply{status: 302, header: http.Header{"Location": {plainOpenID}}}},
		{name: "HTML", first: reply{status: 200, contentType: "text/html", body: "<!doctype html>"}},
		{name: "JSON called HTML", first: reply{status: 200, contentType: "text/html", body: of(tenant).body}},
		{name: "no content type", first: reply{status: 200, body: of(tenant).body}},
		{name: "HTML called JSON", first: document("<!doctype html>")},
		{name: "broken JSON", first: document(`{"issuer":`)},
		{name: "empty", first: document("")},
		{name: "another JSON", first: document(`{"error":"not_found"}`)},
		{name: "issuer of the host", first: of(plain)},
		{name: "bad jwks_uri", first: document(`{"issuer":"` + tenant + `","jwks_uri":"http://a.example/keys"}`)},
		{name: "too large", first: document(of(tenant).body + strings.Repeat(" ", 512<<10))},
		{name: "503 with Retry-After", first: reply{status: 503, header: http.Header{"Retry-After": {"30"}}}, stop: true},
		{name: "429 with Retry-After", first: reply{status: 429, header: http.Header{"Retry-After": {"30"}}}, stop: true},
		{name: "network", first: reply{err: errNetwork}, stop: true},
		{name: "silence", first: reply{hang: true}, stop: true},
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
			})
		})
	}
}

// The error names both locations, and the fault of each.
func TestD1_ErrorNamesBothPlaces(t *testing.T) {
	t.Parallel()
	s := &site{replies: map[string]reply{tenantOAuth: {status: 403}, tenantOpenID: of(tenant + "/")}}
	c := oidcdiscovery.Client{HTTPClient: s.client()}
	_, err := c.Discover(t.Context(), tenant)
	want := `oidcdiscovery: GET https://a.example/.well-known/oauth-authorization-server/tenant: status 403
GET https://a.example/tenant/.well-known/openid-configuration: the document's issuer is "https://a.example/tenant/", ` +
		`expected "https://a.example/tenant": they differ only in a trailing slash`
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Attack 22: an issuer that is not equal byte for byte is another issuer, at every location.
func TestD2_Attack22_IssuerMismatch(t *testing.T) {
	t.Parallel()
	const (
		slash = "they differ only in a trailing slash"
		cased = "they differ only in letter case"
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
		{name: "http", want: plain, got: "http://a.example"},
		{name: "prefix", want: tenant, got: plain},
		{name: "substring", want: plain, got: "https://a.example.evil.example"},
		{name: "template", want: "https://a.example/7f3c/v2.0", got: "https://a.example/{tenantid}/v2.0"},
		{name: "white space", want: plain, got: plain + " "},
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

func TestD4_Attack31_RedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	t.Cleanup(target.Close)
	s := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	t.Cleanup(s.Close)
	_, err := (&oidcdiscovery.Client{HTTPClient: s.Client()}).Discover(t.Context(), s.URL)
	if err == nil || strings.Count(err.Error(), "redirects are not followed") != 2 {
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
	for name, tt := range map[string]struct{ set, want time.Duration }{
		"default": {want: 3 * time.Second},
		"set":     {set: time.Minute, want: time.Minute},
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
				if waited := time.Since(start); waited != tt.want {
					t.Errorf("waited %v, want %v", waited, tt.want)
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
