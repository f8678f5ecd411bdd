package client_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// The scopes of the challenge are requested, else those that the metadata lists.
func TestDiscoverResource_Scopes(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range 101 {
		many = append(many, fmt.Sprintf("s%d", i))
	}
	list := func(scopes ...string) string { return `"scopes_supported":["` + strings.Join(scopes, `","`) + `"]` }
	for name, test := range map[string]struct {
		challenges []string
		member     string
		want       []string
	}{
		"challenge":                   {[]string{`Bearer scope="read write"`}, list("all"), []string{"read", "write"}},
		"DPoP challenge":              {[]string{`dpop algs="ES256", scope="read"`}, list("all"), []string{"read"}},
		"second challenge":            {[]string{`Bearer`, `DPoP scope="read"`}, list("all"), []string{"read"}},
		"challenge of another scheme": {[]string{`Basic realm="x", scope="read"`}, list("all"), []string{"all"}},
		"empty scope":                 {[]string{`Bearer scope=""`}, list("all"), []string{"all"}},
		"no challenge":                {nil, list("a", "b", "a"), []string{"a", "b"}},
		"nothing":                     {nil, `"x":1`, nil},
		"not valid":                   {[]string{"Bearer scope=\"a\\\"b é c\td\""}, list("all"), []string{"c", "d"}},
		"100 scopes":                  {nil, list(many[:100]...), many[:100]},
		"101 scopes":                  {nil, list(many...), nil},
		"challenge with 100 scopes":   {[]string{`Bearer scope="` + strings.Join(many[:100], " ") + `"`}, list("all"), many[:100]},
		"challenge with 101 scopes":   {[]string{`Bearer scope="` + strings.Join(many, " ") + `"`}, list("all"), []string{"all"}},
		"too long":                    {[]string{`Bearer scope="` + strings.Repeat("x ", 5000) + `"`}, list("all"), []string{"all"}},
	} {
		w := &network{pages: map[string]string{apiMeta: described(apiURL, test.member)}}
		r, err := client.DiscoverResource(t.Context(), client.ResourceDiscovery{HTTPClient: w.client()}, apiURL, challenged(test.challenges...))
		if err != nil {
			t.Fatal(name, err)
		}
		if diff := cmp.Diff(test.want, r.Scopes); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Whatever a challenge says, all requests go to the origin of the resource, and all scopes can be sent.
func FuzzDiscoverResource_Challenge(f *testing.F) {
	for _, seed := range []string{
		`Bearer resource_metadata="https://api.test/custom.json", scope="read"`, `Bearer resource_metadata="https://evil.test/"`,
		`Bearer resource_metadata="https://api.test@evil.test/"`, `Bearer resource_metadata="https://api.test\\@evil.test/"`,
		`Bearer resource_metadata="//evil.test/"`, `Bearer resource_metadata="http://api.test/"`, `Bearer resource_metadata="https://API.TEST:443/x"`,
		`DPoP resource_metadata="https://api.test:8443/"`, `Bearer resource_metadata="https://api.test/\r\nHost: x"`, `Basic x, Bearer scope=`,
		`Bearer resource_metadata="https://api.test/#x"`, `Bearer resource_metadata="https://api.test%2eevil.test/"`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		w := &network{}
		_, _ = client.DiscoverResource(t.Context(), client.ResourceDiscovery{HTTPClient: w.client()}, apiURL+"/mcp", challenged(value))
		requests := w.requests()
		for _, requested := range requests {
			u, err := url.Parse(requested)
			if err != nil || u.Scheme != "https" || !strings.EqualFold(u.Hostname(), "api.test") || u.Port() != "" && u.Port() != "443" || u.User != nil {
				t.Errorf("%q: requested %s", value, requested)
			}
		}
		if len(requests) < 2 || len(requests) > 3 {
			t.Errorf("%q: requested %v", value, requests)
		}
		w = &network{pages: map[string]string{apiMeta: described(apiURL)}}
		r, err := client.DiscoverResource(t.Context(), client.ResourceDiscovery{HTTPClient: w.client()}, apiURL, challenged(value))
		if err != nil {
			t.Fatal(err)
		}
		for _, scope := range r.Scopes {
			if scope == "" || strings.ContainsFunc(scope, func(b rune) bool { return b <= ' ' || b > '~' || b == '"' || b == '\\' }) {
				t.Errorf("%q: scope %q", value, scope)
			}
		}
	})
}
