package registry_test

import (
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/registry"
)

var goodRedirects = []string{
	"https://app.example.com/callback",
	"https://app.example.com",
	"https://app.example.com/",
	"https://app.example.com:8443/cb?tenant=a&x=%2Fhome",
	"https://app.example.com?x=1",
	"https://xn--bcher-kva.example/cb",
	"https://intranet/cb",
	"https://localhost/cb",
	"https://192.0.2.1/cb",
	"https://[2001:db8::1]:8443/cb",
	"https://app.example.com/a.b/..c/...",
	"https://app.example.com/caf%C3%A9/a;b=c",
	"https://app.example.com/%20x",
	"https://app.example.com/" + strings.Repeat("x", 2024),
	"https://3com.example/cb",
	"http://127.0.0.1/cb",
	"http://127.0.0.1:51004/cb?x=1",
	"http://127.0.0.1",
	"http://127.8.9.1:1/cb",
	"http://[::1]/cb",
	"http://[::1]:65535/cb",
	"com.example.app:/oauth2redirect",
	"com.example.app:/",
	"com.example.app://callback/x",
	"com.example.my-app+x:/cb?x=1",
}

var badRedirects = []string{
	"", " ", "x", "/cb", "//evil.example/cb", "app.example.com/cb", "?x", "https:", "https:/", "https://", "https:///cb",
	"https:app.example.com/cb", "https:/app.example.com/cb", "http:", "http:///cb",
	// scheme
	"HTTPS://app.example.com/cb", "Https://app.example.com/cb", "http://app.example.com/cb", "javascript:alert(1)",
	"JavaScript:alert(1)", "java\tscript:alert(1)", "javascript://app.example.com/%0aalert(1)", "javascript:/*x*/alert(1)",
	"data:text/html,x", "data:/x", "vbscript:x", "file:///etc/passwd", "ftp://app.example.com/", "ws://app.example.com/",
	"blob:https://app.example.com/x", "about:blank", "urn:ietf:wg:oauth:2.0:oob", "myapp:/cb", "myapp://cb", "intent://cb",
	"com.example.app:cb", "com.example.app:", "com.example.app://", "com.example.app:///cb", "Com.Example.App:/cb",
	".app:/cb", "app.:/cb", "com..app:/cb", "1com.app:/cb", "com.example.app://u@h/cb", "com.example.app://h:0/cb",
	// loopback
	"http://localhost/cb", "http://localhost:8080/cb", "http://LOCALHOST/cb", "http://localhost.example/cb", "http://0.0.0.0/cb",
	"http://127.0.0.1.example/cb", "http://128.0.0.1/cb", "http://127.1/cb", "http://0177.0.0.1/cb", "http://0x7f.1/cb",
	"http://2130706433/cb", "http://127.0.0.01/cb", "http://[::ffff:127.0.0.1]/cb", "http://[0:0:0:0:0:0:0:1]/cb",
	"http://[::1%25lo]/cb", "http://[::]/cb", "http://[::2]/cb", "http://::1/cb", "http://[::1/cb", "http://192.168.0.1/cb",
	"http://10.0.0.1/cb", "http://[::1]x/cb", "http://%31%32%37.0.0.1/cb",
	// host
	"https://App.example.com/cb", "https://app..example/cb", "https://.example/cb", "https://app.example./cb",
	"https://-a.example/cb", "https://a-.example/cb", "https://a_b.example/cb", "https://bücher.example/cb",
	"https://127.1/cb", "https://0x7f.0.0.1/cb", "https://2130706433/cb", "https://1.2.3.4.5/cb", "https://256.1.1.1/cb",
	"https://a.0x1/cb", "https://[fe80::1%25eth0]/cb", "https://[::ffff:1.2.3.4]/cb", "https://[2001:DB8::1]/cb",
	"https://" + strings.Repeat("a", 64) + ".example/", "https://" + strings.Repeat("aaaaaaa.", 32) + "example/",
	"https://app.example.com:/cb", "https://app.example.com:0/cb", "https://app.example.com:080/cb",
	"https://app.example.com:65536/cb", "https://app.example.com:x/cb", "https://app.example.com:-1/cb", "https://a:b:c/cb",
	"https://app%2eexample.com/cb", "https://app.example.com%2f@evil.example/cb",
	// user information
	"https://user@app.example.com/cb", "https://user:pw@app.example.com/cb", "https://@app.example.com/cb",
	"https://app.example.com@evil.example/cb", "https://:@app.example.com/", "http://127.0.0.1@evil.example/cb",
	// fragment, wildcard
	"https://app.example.com/cb#", "https://app.example.com/cb#x", "https://app.example.com#", "https://app.example.com/#/cb",
	"com.example.app:/cb#", "http://127.0.0.1/cb#", "https://*.example.com/cb", "https://app.example.com/*",
	"https://app.example.com/cb?x=*", "https://app.example.com:*/cb",
	// characters
	"https://app.example.com/c b", "https://app.example.com/cb\n", "\nhttps://app.example.com/cb", "https://app.example.com/\tcb",
	"https://app.example.com/\x00", "https://app.example.com/\x7f", "https://app.example.com/é", "https://app.example.com/\u202e",
	"https://app.example.com\\@evil.example/cb", `https:\\app.example.com\cb`, `https://app.example.com/\evil.example`,
	`https://app.example.com/"`, "https://app.example.com/<x>", "https://app.example.com/{x}", "https://app.example.com/a|b",
	"https://app.example.com/^", "https://app.example.com/`", " https://app.example.com/cb", "https://app.example.com/cb ",
	"https://app.example.com/%", "https://app.example.com/%4", "https://app.example.com/%zz", "https://app.example.com/cb?x=%zz",
	// path
	"https://app.example.com/.", "https://app.example.com/..", "https://app.example.com/../cb", "https://app.example.com/a/../cb",
	"https://app.example.com/a/./cb", "https://app.example.com/a/..", "https://app.example.com/..;/cb",
	"https://app.example.com/a/..;x=y/cb", "https://app.example.com/%2e%2e/cb", "https://app.example.com/.%2E/cb",
	"https://app.example.com/a%2f..%2fcb", "https://app.example.com/a%5c..%5ccb", "https://app.example.com/%252e%252e/cb",
	"https://app.example.com//cb", "https://app.example.com//evil.example/cb", "https://app.example.com/a//b",
	"https://app.example.com/%00", "https://app.example.com/%0d%0aX:y", "https://app.example.com/%7f", "com.example.app:/../x",
	"http://127.0.0.1/../cb",
	// query
	"https://app.example.com/cb?code=x", "https://app.example.com/cb?x=1&state=", "https://app.example.com/cb?st%61te=x",
	"https://app.example.com/cb?iss=x", "https://app.example.com/cb?error", "https://app.example.com/cb?response=x",
	"https://app.example.com/cb?x=%0d%0aX:y", "https://app.example.com/cb?x=%00", "https://app.example.com/cb?a;b",
	// length
	"https://app.example.com/" + strings.Repeat("x", 2025),
}

func register(t *testing.T, k *kit, uri string) (registry.Client, error) {
	t.Helper()
	reg, err := k.Create(t.Context(), registry.NewClient{Name: "x", Public: true, RedirectURIs: []string{uri}})
	return reg.Client, err
}

func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{})
	for _, uri := range goodRedirects {
		c, err := register(t, k, uri)
		if err != nil {
			t.Errorf("%q is rejected: %v", uri, err)
			continue
		}
		if !registry.MatchRedirect(c, uri) {
			t.Errorf("%q does not match itself", uri)
		}
	}
	for _, uri := range badRedirects {
		if _, err := register(t, k, uri); err == nil {
			t.Errorf("%q is accepted", uri)
		} else if wantFaults(t, err, "RedirectURIs[0]"); len(uri) > 8 && strings.Contains(err.Error(), uri) {
			t.Errorf("the error shows %q", uri)
		}
	}
}

func TestRedirectURIs_Localhost(t *testing.T) {
	t.Parallel()
	k := newKit(t, registry.Config{InsecureAllowLocalhost: true})
	c, err := register(t, k, "http://localhost:8080/cb")
	if err != nil {
		t.Fatal(err)
	}
	if !registry.MatchRedirect(c, "http://localhost:8080/cb") || registry.MatchRedirect(c, "http://localhost:8081/cb") {
		t.Error("localhost does not match itself only")
	}
	for _, uri := range badRedirects {
		if _, err := register(t, k, uri); err == nil && !strings.HasPrefix(uri, "http://localhost/") &&
			!strings.HasPrefix(uri, "http://localhost:8080/") {
			t.Errorf("%q is accepted", uri)
		}
	}
}

func TestMatchRedirect(t *testing.T) {
	t.Parallel()
	tests := []struct {
		registered string
		match      []string
		refuse     []string
	}{
		{
			"https://app.example.com/cb",
			[]string{"https://app.example.com/cb"},
			[]string{
				"", "https://app.example.com/cb/", "https://app.example.com/CB", "https://app.example.com/cb?", "https://app.example.com/cb#",
				"https://app.example.com/cb?x=1", "https://app.example.com:443/cb", "https://app.example.com/c%62", "https://APP.example.com/cb",
				"https://app.example.com/cb/../evil", "http://app.example.com/cb", "https://app.example.com/c", "https://app.example.com",
				"https://app.example.com.evil.example/cb", "https://evil.example/https://app.example.com/cb", "https://app.example.com/cb\n",
			},
		},
		{
			"http://127.0.0.1/cb?x=1",
			[]string{"http://127.0.0.1/cb?x=1", "http://127.0.0.1:1/cb?x=1", "http://127.0.0.1:65535/cb?x=1"},
			[]string{
				"http://127.0.0.1:0/cb?x=1", "http://127.0.0.1:/cb?x=1", "http://127.0.0.1:65536/cb?x=1", "http://127.0.0.1:80x/cb?x=1",
				"http://127.0.0.1:8080/cb", "http://127.0.0.1:8080/cb?x=2", "http://127.0.0.1:8080/cb?x=1&y=2", "http://127.0.0.1:8080/CB?x=1",
				"http://127.0.0.2:8080/cb?x=1", "http://[::1]:8080/cb?x=1", "http://localhost:8080/cb?x=1", "https://127.0.0.1:8080/cb?x=1",
				"http://u@127.0.0.1:8080/cb?x=1", "http://127.0.0.1:8080@evil.example/cb?x=1", "http://127.0.0.1:8080/cb?x=1#",
				"http://127.0.0.1:8080.evil.example/cb?x=1", "HTTP://127.0.0.1:8080/cb?x=1", "http://127.0.0.1:8080/x/../cb?x=1",
				"http://127.1:8080/cb?x=1",
			},
		},
		{
			"http://127.0.0.1:8080/cb",
			[]string{"http://127.0.0.1:8080/cb", "http://127.0.0.1:9/cb", "http://127.0.0.1/cb"},
			[]string{"http://127.0.0.1:9/", "http://127.0.0.1:9"},
		},
		{
			"http://[::1]:8080/cb",
			[]string{"http://[::1]:9/cb", "http://[::1]/cb"},
			[]string{"http://127.0.0.1:8080/cb", "http://::1:9/cb", "http://[0:0:0:0:0:0:0:1]:8080/cb"},
		},
		{"http://127.0.0.1?x=1", []string{"http://127.0.0.1:9?x=1"}, []string{"http://127.0.0.1:9?x=2", "http://127.0.0.1:9/?x=1"}},
		{"http://127.0.0.1", []string{"http://127.0.0.1:9"}, []string{"http://127.0.0.1:9/", "http://127.0.0.1:9?x"}},
		{"https://127.0.0.1/cb", []string{"https://127.0.0.1/cb"}, []string{"https://127.0.0.1:9/cb", "http://127.0.0.1/cb"}},
		{"com.example.app:/cb", []string{"com.example.app:/cb"}, []string{"com.example.app:/cb/", "com.example.app:/", "com.example.app://cb"}},
	}
	for _, tt := range tests {
		c := registry.Client{RedirectURIs: []string{"https://other.example/", tt.registered}}
		for _, uri := range tt.match {
			if !registry.MatchRedirect(c, uri) {
				t.Errorf("%q does not match %q", uri, tt.registered)
			}
		}
		for _, uri := range tt.refuse {
			if registry.MatchRedirect(c, uri) {
				t.Errorf("%q matches %q", uri, tt.registered)
			}
		}
	}
	for _, uri := range badRedirects {
		if localhost := strings.HasPrefix(uri, "http://localhost"); !localhost && registry.MatchRedirect(registry.Client{RedirectURIs: []string{uri}}, uri) {
			t.Errorf("%q cannot be registered, and matches", uri)
		}
	}
	if registry.MatchRedirect(registry.Client{}, "") || registry.MatchRedirect(registry.Client{}, "http://127.0.0.1/") {
		t.Error("a client without redirect URIs matches one")
	}
}

// An accepted URI satisfies the rules according to a second parser. Only the same URI matches it, except for the port of a
// loopback IP address.
func FuzzRedirectURI(f *testing.F) {
	for _, uri := range slices.Concat(goodRedirects, badRedirects) {
		f.Add(uri, uri+"/")
		f.Add(uri, strings.Replace(uri, "/cb", ":8080/cb", 1))
		f.Add("http://127.0.0.1/cb", uri)
	}
	f.Fuzz(func(t *testing.T, uri, asked string) {
		k := newKit(t, registry.Config{})
		c, err := register(t, k, uri)
		if err != nil {
			if registry.MatchRedirect(registry.Client{RedirectURIs: []string{uri, "http://127.0.0.1:1/cb"}}, uri) && !isLocalhost(uri) {
				t.Errorf("%q matches, and cannot be registered", uri)
			}
			return
		}
		if fault := secondOpinion(uri); fault != "" {
			t.Errorf("%q is accepted: %s", uri, fault)
		}
		wantReadAlike(t, uri)
		if !registry.MatchRedirect(c, uri) {
			t.Errorf("%q does not match itself", uri)
		}
		near := []string{asked, uri + "/", uri + "x", uri + "#", "x" + uri, uri[1:], strings.ToUpper(uri), uri + "?x", uri + "\n"}
		for _, asked := range near {
			if asked != uri && withoutPort(asked) != withoutPort(uri) && registry.MatchRedirect(c, asked) {
				t.Errorf("%q matches %q", asked, uri)
			}
		}
		if registry.MatchRedirect(c, asked) {
			if _, err := register(t, k, asked); err != nil {
				t.Errorf("%q matches %q, and cannot be registered", asked, uri)
			}
		}
	})
}

func isLocalhost(uri string) bool {
	return regexp.MustCompile(`^http://localhost[:/?]|^http://localhost$`).MatchString(uri)
}

// withoutPort removes the port of a loopback IP address.
func withoutPort(uri string) string {
	return regexp.MustCompile(`^(http://(?:127\.\d+\.\d+\.\d+|\[::1\])):[1-9]\d{0,4}($|[/?])`).ReplaceAllString(uri, "$1$2")
}

// wantReadAlike checks that package url parses the URI without loss.
func wantReadAlike(t *testing.T, uri string) {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Errorf("%q cannot be read: %v", uri, err)
		return
	}
	if u.User != nil || u.Fragment != "" || u.Opaque != "" || u.String() != uri {
		t.Errorf("%q is read as %+v", uri, u)
	}
}

// secondOpinion checks a URI with little of the code of the parser.
func secondOpinion(uri string) string {
	if strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("#*\\\"<>^`{|}", r) }) {
		return "character"
	}
	scheme, rest, _ := strings.Cut(uri, ":")
	if !strings.HasPrefix(rest, "/") {
		return "no slash"
	}
	authority := ""
	if strings.HasPrefix(rest, "//") {
		authority, _, _ = strings.Cut(rest[2:], "/")
		authority, _, _ = strings.Cut(authority, "?")
		rest = rest[2+len(authority):]
	}
	path, query, _ := strings.Cut(rest, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil || slices.ContainsFunc(strings.Split(decoded, "/"), func(s string) bool {
		return strings.Trim(s, ".") == "" && (s == "." || s == "..")
	}) || strings.Contains(decoded, "//") || strings.Contains(decoded, `\`) {
		return "path"
	}
	if values, err := url.ParseQuery(query); err != nil || values.Has("code") || values.Has("state") {
		return "query"
	}
	if strings.ContainsAny(authority, "@%") {
		return "authority"
	}
	switch {
	case scheme == "https":
		if authority == "" || strings.HasPrefix(authority, ":") {
			return "no host"
		}
	case scheme == "http":
		addr, err := netip.ParseAddr(authority)
		if port, err2 := netip.ParseAddrPort(authority); err2 == nil {
			addr, err = port.Addr(), nil
		}
		if authority == "[::1]" {
			return ""
		}
		if err != nil || !addr.IsLoopback() {
			return "not on loopback"
		}
	case !strings.Contains(scheme, "."):
		return "scheme"
	}
	return ""
}
