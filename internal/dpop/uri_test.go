package dpop_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// RFC 9449 section 4.3: htu is compared after the normalizations of RFC 3986 sections 6.2.2 and 6.2.3, without query and
// fragment.
func TestG1_Attack27_HTU(t *testing.T) {
	t.Parallel()
	c := newChecker(t, dpop.Config{})
	const (
		equal    = ""
		differs  = "expected the URL of the request"
		invalid  = "htu: "
		requests = "the URL of the request"
	)
	for _, test := range []struct{ url, htu, part string }{
		{"https://api.example.com/orders", "https://api.example.com/orders", equal},
		{"https://api.example.com/orders?a=1", "https://api.example.com/orders", equal},
		{"https://api.example.com/orders", "https://api.example.com/orders?a=1", equal},
		{"https://api.example.com/orders?a=1", "https://api.example.com/orders?a=2#c", equal},
		{"https://api.example.com/orders", "https://api.example.com/orders#/admin", equal},
		{"https://api.example.com/orders", "HTTPS://API.Example.COM/orders", equal},
		{"https://API.example.com/orders", "https://api.example.com/orders", equal},
		{"https://api.example.com/orders", "https://api.example.com:443/orders", equal},
		{"https://api.example.com:443/orders", "https://api.example.com/orders", equal},
		{"https://api.example.com/orders", "https://api.example.com:/orders", equal},
		{"http://localhost/orders", "http://localhost:80/orders", equal},
		{"http://[::1]:8080/a", "http://[::1]:8080/a", equal},
		{"https://[2001:DB8::1]/a", "https://[2001:db8::1]:443/a", equal},
		{"https://api.example.com/", "https://api.example.com", equal},
		{"https://api.example.com", "https://api.example.com/", equal},
		{"https://api.example.com/?a=1", "https://api.example.com?a=1", equal},
		{"https://api.example.com/~a", "https://api.example.com/%7ea", equal},
		{"https://api.example.com/%41", "https://api.example.com/A", equal},
		{"https://api.example.com/a%2Fb", "https://api.example.com/a%2fb", equal},
		{"https://api.example.com/%C3%BC", "https://api.example.com/ü", equal},
		{"https://api.example.com/a%20b", "https://api.example.com/a b", equal},
		{"https://api.example.com/a%7Cb", "https://api.example.com/a|b", equal},
		{"https://api.example.com/a%5Cb", `https://api.example.com/a\b`, equal},
		{"https://api.example.com/orders", "https://api.example.com/x/../orders", equal},
		{"https://api.example.com/orders", "https://api.example.com/./orders", equal},
		{"https://api.example.com/orders", "https://api.example.com/x/%2e%2E/orders", equal},
		{"https://api.example.com/a/", "https://api.example.com/a/b/..", equal},
		{"https://api.example.com/a/", "https://api.example.com/a/.", equal},
		{"https://api.example.com/", "https://api.example.com/../..", equal},
		{"https://api.example.com/.well-known/x", "https://api.example.com/.well-known/x", equal},
		{"https://api.example.com/a.b/..c/d..", "https://api.example.com/a%2Eb/..c/d..", equal},

		{"https://api.example.com/orders", "http://api.example.com/orders", differs},
		{"https://api.example.com/orders", "https://api.example.org/orders", differs},
		{"https://api.example.com/orders", "https://api.example.com./orders", differs},
		{"https://api.example.com/orders", "https://api.example.com.evil.test/orders", differs},
		{"https://api.example.com/orders", "https://api.example.com:8443/orders", differs},
		{"https://api.example.com:8443/orders", "https://api.example.com/orders", differs},
		{"https://api.example.com/orders", "https://api.example.com:80/orders", differs},
		{"http://localhost:443/orders", "http://localhost/orders", differs},
		{"https://api.example.com/orders", "https://api.example.com/orders/", differs},
		{"https://api.example.com/orders/", "https://api.example.com/orders", differs},
		{"https://api.example.com/orders", "https://api.example.com/Orders", differs},
		{"https://api.example.com/orders", "https://api.example.com//orders", differs},
		{"https://api.example.com/orders", "https://api.example.com/", differs},
		{"https://api.example.com/a/b", "https://api.example.com/a%2Fb", differs},
		{"https://api.example.com/a!b", "https://api.example.com/a%21b", differs},
		{"https://api.example.com/a;b", "https://api.example.com/a", differs},
		{"https://api.example.com/a%2541", "https://api.example.com/aA", differs},
		{"https://api.example.com/a", "https://api.example.com/a%00", differs},
		{"https://api.example.com/a", "https://api.example.com/a%3Fb", differs},

		{"https://api.example.com/orders", "/orders", invalid},
		{"https://api.example.com/orders", "api.example.com/orders", invalid},
		{"https://api.example.com/orders", "//api.example.com/orders", invalid},
		{"https://api.example.com/orders", "https:/api.example.com/orders", invalid},
		{"https://api.example.com/orders", "https:///orders", invalid},
		{"https://api.example.com/orders", "https://:443/orders", invalid},
		{"https://api.example.com/orders", "https://user@api.example.com/orders", invalid},
		{"https://api.example.com/orders", "https://api.example.com@evil.test/orders", invalid},
		{"https://api.example.com/orders", `https://api.example.com\orders`, invalid},
		{"https://api.example.com/orders", "https://api.example.com:443a/orders", invalid},
		{"https://api.example.com/orders", "https://api.example.com:-1/orders", invalid},
		{"https://api.example.com:8443/orders", "https://api.example.com:8443:/orders", invalid},
		{"https://api.example.com:8443/orders", "https://api.example.com:8443:443/orders", invalid},
		{"https://[::1]:8443/orders", "https://[::1]:8443:/orders", invalid},
		{"https://api.example.com/orders", "https://api.example.com /orders", invalid},
		{"https://api.example.com/orders", "https://äpi.example.com/orders", invalid},
		{"https://api.example.com/orders", "https://api%2eexample.com/orders", invalid},
		{"https://api.example.com/orders", "ftp://api.example.com/orders", invalid},
		{"https://api.example.com/orders", "https://api.example.com/orders%", invalid},
		{"https://api.example.com/orders", "https://api.example.com/orders%4", invalid},
		{"https://api.example.com/orders", "https://api.example.com/orders%zz", invalid},
		{"https://api.example.com/orders", "https://api.example.com/orders\r\n", invalid},
		{"https://api.example.com/orders", " https://api.example.com/orders", invalid},

		// A router may not treat the path of such a request as the comparison does.
		{"https://api.example.com/admin/../orders", "https://api.example.com/orders", requests},
		{"https://api.example.com/admin/../orders", "https://api.example.com/admin/../orders", requests},
		{"https://api.example.com/admin/%2e%2e/orders", "https://api.example.com/admin/%2e%2e/orders", requests},
		{"https://api.example.com/admin/.%2E/orders", "https://api.example.com/orders", requests},
		{"https://api.example.com/orders/.", "https://api.example.com/orders/.", requests},
		{"/orders", "https://api.example.com/orders", requests},
	} {
		d := newDraft("ES256").claim("htu", test.htu)
		w := want(d.key.jwk)
		w.URL = test.url
		_, err := check(c, d.sign(), w)
		t.Run(test.url+" "+test.htu, func(t *testing.T) {
			if test.part != "" {
				wantError(t, err, test.part)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}
