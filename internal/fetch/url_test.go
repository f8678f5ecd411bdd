package fetch_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

var urls = []struct {
	name, url string
	ok        bool // with https only
	okHTTP    bool // with AllowHTTP
}{
	{name: "https", url: "https://a.example", ok: true, okHTTP: true},
	{name: "path, port, query", url: "https://a.example:8443/keys?p=policy", ok: true, okHTTP: true},
	{name: "scheme in capitals", url: "HTTPS://a.example", ok: true, okHTTP: true},
	{name: "http", url: "http://a.example", okHTTP: true},
	{name: "http to localhost", url: "http://LOCALHOST:8080/x", ok: true, okHTTP: true},
	{name: "http to 127.0.0.1", url: "http://127.0.0.1:8080", ok: true, okHTTP: true},
	{name: "http to 127.8.9.10", url: "http://127.8.9.10", ok: true, okHTTP: true},
	{name: "http to ::1", url: "http://[::1]:8080", ok: true, okHTTP: true},
	{name: "http to mapped loopback", url: "http://[::ffff:127.0.0.1]", ok: true, okHTTP: true},
	{name: "http to a private address", url: "http://10.0.0.1", okHTTP: true},
	{name: "http to a short address", url: "http://127.1", okHTTP: true},
	{name: "http to a name below localhost", url: "http://localhost.evil.example", okHTTP: true},
	{name: "http to a name that begins like loopback", url: "http://127.0.0.1.evil.example", okHTTP: true},
	{name: "user info", url: "https://user:secret@a.example"},
	{name: "user info that looks like loopback", url: "http://localhost:secret@a.example"},
	{name: "fragment", url: "https://a.example/#secret"},
	{name: "empty fragment", url: "https://a.example/#"},
	{name: "no scheme", url: "a.example/secret"},
	{name: "relative", url: "/secret"},
	{name: "scheme-relative", url: "//a.example/x"},
	{name: "no host", url: "https:///x"},
	{name: "only a port", url: "https://:443/x"},
	{name: "opaque", url: "https:a.example"},
	{name: "file", url: "file:///etc/passwd"},
	{name: "urn", url: "urn:example:secret"},
	{name: "ftp", url: "ftp://a.example/"},
	{name: "broken escape", url: "https://a.example/%zz?secret"},
	{name: "control character", url: "https://a.example/\r\nsecret"},
	{name: "space in the host", url: "https://a example/"},
	{name: "empty", url: ""},
}

func TestD3_CheckURL(t *testing.T) {
	t.Parallel()
	for _, tt := range urls {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for allowHTTP, want := range map[bool]bool{false: tt.ok, true: tt.okHTTP} {
				err := fetch.CheckURL(tt.url, allowHTTP)
				var bad *fetch.URLError
				if want && err != nil || !want && !errors.As(err, &bad) {
					t.Errorf("allow http %v: got %v", allowHTTP, err)
				}
				if err != nil && strings.Contains(err.Error(), "secret@") {
					t.Errorf("%q contains user information", err)
				}
			}
		})
	}
}

// The error says what is loopback, and which setting allows http. It names no setting to callers that have none.
func TestCaseW6_NotHTTPSNamesTheSetting(t *testing.T) {
	t.Parallel()
	const (
		reason = `URL "http://a.example/keys" is not https, and its host is not loopback (127.0.0.0/8, ::1, localhost)`
		advice = `; set InsecureAllowHTTP to allow http for all hosts`
	)
	raw := "http://a.example/keys?secret"
	_, parsed := fetch.ParseURL(raw, false)
	_, got := fetch.Get(t.Context(), raw, fetch.Options{})
	_, sent := fetch.Send(t.Context(), http.MethodPost, raw, nil, fetch.Options{})
	_, secure := fetch.ParseSecureURL(raw)
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"CheckURL":       {fetch.CheckURL(raw, false), reason + advice},
		"ParseURL":       {parsed, reason + advice},
		"Get":            {got, reason + advice},
		"Send":           {sent, reason + advice},
		"ParseSecureURL": {secure, reason},
	} {
		if tt.err == nil || tt.err.Error() != tt.want {
			t.Errorf("%s:\ngot  %v\nwant %s", name, tt.err, tt.want)
		}
	}
	for _, raw := range []string{"http://localhost:8080", "http://127.0.0.1", "http://[::1]", "https://a.example"} {
		if _, err := fetch.ParseSecureURL(raw); err != nil {
			t.Error(err)
		}
	}
}

// Get sends nothing to a URL that CheckURL rejects.
func TestD3_GetChecksURL(t *testing.T) {
	t.Parallel()
	client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("request to " + r.URL.Host)
	})}
	for _, tt := range urls {
		_, err := fetch.Get(t.Context(), tt.url, fetch.Options{Client: client})
		var bad *fetch.URLError
		if refused := errors.As(err, &bad); refused == tt.ok {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, tt := range urls {
		f.Add(tt.url)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if fetch.CheckURL(raw, false) != nil {
			return
		}
		if fetch.CheckURL(raw, true) != nil {
			t.Errorf("%q is rejected only if http is allowed", raw)
		}
		// Every accepted URL can be requested.
		if _, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, http.NoBody); err != nil {
			t.Errorf("%q cannot be requested: %v", raw, err)
		}
	})
}

// Origins are compared as strings, so two hosts must never have the same one.
func TestOrigin(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"https://a.example":               "https://a.example:443",
		"HTTPS://A.Example:443/x?y":       "https://a.example:443",
		"https://a.example:/":             "https://a.example:443",
		"http://a.example":                "http://a.example:80",
		"https://a.example:80":            "https://a.example:80",
		"https://[2001:DB8::1]":           "https://2001:db8::1:443",
		"https://EXAMPLEİ.test":           "https://exampleİ.test:443", // U+0130 is not a form of i in DNS
		"https://ex.%C4%B0.test":          "https://ex.İ.test:443",
		"https://boo\u212a.test":          "https://boo\u212a.test:443",
		"https://%FF.test":                "https://\xff.test:443",
		"https://BÜCHER.test":             "https://bÜcher.test:443",
		"https://xn--bcher-kva.test:8443": "https://xn--bcher-kva.test:8443",
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := fetch.Origin(u); got != want {
			t.Errorf("%s: got %q, want %q", raw, got, want)
		}
	}
}
