package middleware_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/middleware"
)

func TestDPoPConfigFaults(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}
	key, hosts := []byte(strings.Repeat("k", 32)), []string{"api.test", "api.test:8443", "[::1]:1", "*.api.test", "*.API.test:8443", "localhost"}
	listed := func(host string) middleware.DPoPConfig {
		return middleware.DPoPConfig{Proxies: proxy, Hosts: []string{"api.test", host}}
	}
	for name, test := range map[string]struct {
		cfg  middleware.DPoPConfig
		want string // in the error; empty: no error
	}{
		"URL":                  {middleware.DPoPConfig{URL: "https://api.test"}, ""},
		"loopback URL":         {middleware.DPoPConfig{URL: "http://127.0.0.1:8080"}, ""},
		"proxies":              {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts}, ""},
		"both":                 {middleware.DPoPConfig{URL: "https://api.test", Proxies: proxy, Hosts: hosts}, ""},
		"header, case":         {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{"forwarded"}}, ""},
		"neither":              {middleware.DPoPConfig{}, "Config.DPoP.URL is empty"},
		"http":                 {middleware.DPoPConfig{URL: "http://api.test"}, "Config.DPoP.URL is an http URL"},
		"no scheme":            {middleware.DPoPConfig{URL: "api.test"}, "Config.DPoP.URL is not an https URL"},
		"query":                {middleware.DPoPConfig{URL: "https://api.test?a"}, "Config.DPoP.URL has a query"},
		"user":                 {middleware.DPoPConfig{URL: "https://u:hunter2@api.test"}, "Config.DPoP.URL contains a user name"},
		"dot segments":         {middleware.DPoPConfig{URL: "https://api.test/v1/%2e%2e"}, "Config.DPoP.URL has a path"},
		"empty segments":       {middleware.DPoPConfig{URL: "https://api.test//v1"}, "Config.DPoP.URL has a path"},
		"path with a slash":    {middleware.DPoPConfig{URL: "https://api.test/v1/"}, ""},
		"a hidden folder":      {middleware.DPoPConfig{URL: "https://api.test/.v1"}, ""},
		"no proxies":           {middleware.DPoPConfig{URL: "https://api.test", Proxies: []netip.Prefix{}}, "Config.DPoP.Proxies is empty"},
		"wide proxies":         {middleware.DPoPConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}}, "Config.DPoP.Proxies[0]"},
		"headers alone":        {middleware.DPoPConfig{URL: "https://api.test", ProxyHeaders: []string{"Forwarded"}}, "Config.DPoP.ProxyHeaders has no effect"},
		"no headers":           {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{}}, "Config.DPoP.ProxyHeaders"},
		"two families":         {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{"Forwarded", "X-Forwarded-Host", "X-Forwarded-Proto"}}, "Config.DPoP.ProxyHeaders"},
		"host alone":           {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{"X-Forwarded-Host"}}, "Config.DPoP.ProxyHeaders"},
		"unknown header":       {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{"Host"}}, "Config.DPoP.ProxyHeaders"},
		"header twice":         {middleware.DPoPConfig{Proxies: proxy, Hosts: hosts, ProxyHeaders: []string{"Forwarded", "forwarded"}}, "Config.DPoP.ProxyHeaders"},
		"no hosts":             {middleware.DPoPConfig{Proxies: proxy}, "Config.DPoP.Hosts is empty"},
		"no hosts, URL":        {middleware.DPoPConfig{URL: "https://api.test", Proxies: proxy, Hosts: []string{}}, "Config.DPoP.Hosts is empty"},
		"hosts alone":          {middleware.DPoPConfig{URL: "https://api.test", Hosts: hosts}, "Config.DPoP.Hosts has no effect"},
		"empty host":           {listed(""), "Config.DPoP.Hosts[1] is"},
		"URL as host":          {listed("https://api.test"), "Config.DPoP.Hosts[1] is"},
		"host with a path":     {listed("api.test/v1"), "Config.DPoP.Hosts[1] is"},
		"host with a user":     {listed("u@api.test"), "Config.DPoP.Hosts[1] is"},
		"host with port 0":     {listed("api.test:0"), "Config.DPoP.Hosts[1] is"},
		"host with any port":   {listed("api.test:*"), "Config.DPoP.Hosts[1] is"},
		"IPv6 with no bracket": {listed("::1"), "Config.DPoP.Hosts[1] is"},
		"any host":             {listed("*"), "Config.DPoP.Hosts[1] is"},
		"any top-level domain": {listed("*.test"), "two labels after the asterisk"},
		"any, with dots":       {listed("*..test."), "two labels after the asterisk"},
		"any, with a port":     {listed("*.test:443"), "two labels after the asterisk"},
		"asterisk in a label":  {listed("a*.api.test"), "Config.DPoP.Hosts[1] is"},
		"two asterisks":        {listed("*.*.api.test"), "Config.DPoP.Hosts[1] is"},
		"HMAC":                 {middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"HS256"}}, "Config.DPoP.Algorithms"},
		"none":                 {middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"none"}}, "Config.DPoP.Algorithms"},
		"large window":         {middleware.DPoPConfig{URL: "https://api.test", Window: time.Hour}, "Config.DPoP.Window"},
		"negative window":      {middleware.DPoPConfig{URL: "https://api.test", Window: -1}, "Config.DPoP.Window"},
		"negative timeout":     {middleware.DPoPConfig{URL: "https://api.test", ReplayTimeout: -1}, "Config.DPoP.ReplayTimeout"},
		"negative size":        {middleware.DPoPConfig{URL: "https://api.test", MaxReplays: -1}, "Config.DPoP.MaxReplays"},
		"nil store":            {middleware.DPoPConfig{URL: "https://api.test", Replays: (*marks)(nil)}, "Config.DPoP.Replays"},
		"keys without nonces":  {middleware.DPoPConfig{URL: "https://api.test", NonceKeys: [][]byte{key}}, "Config.DPoP.NonceKeys"},
		"short key":            {middleware.DPoPConfig{URL: "https://api.test", RequireNonce: true, NonceKeys: [][]byte{key, key[1:]}}, "Config.DPoP.NonceKeys[1]"},
		"long enough":          {middleware.DPoPConfig{URL: "https://api.test", RequireNonce: true, NonceKeys: [][]byte{key}}, ""},
		"Required, no sources": {middleware.DPoPConfig{URL: "https://api.test", Required: true}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := middleware.New(middleware.Config{Verifier: acceptAll, DPoP: &test.cfg})
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), "middleware: ") || !strings.Contains(err.Error(), test.want)):
				t.Errorf("got %v, want an error with %q", err, test.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error contains a password: %v", err)
			}
		})
	}
	// All faults are reported at once, with those of other fields.
	_, err := middleware.New(middleware.Config{
		TokenSources: []middleware.TokenSource{middleware.BearerToken},
		DPoP:         &middleware.DPoPConfig{Required: true, Window: time.Hour, MaxReplays: -1, RequireNonce: true, NonceKeys: [][]byte{nil}},
	})
	for _, field := range []string{"Verifier", "TokenSources", "DPoP.URL", "DPoP.Window", "DPoP.MaxReplays", "DPoP.NonceKeys[0]"} {
		if err == nil || !strings.Contains(err.Error(), "Config."+field) {
			t.Errorf("%v does not name Config.%s", err, field)
		}
	}
}

// New copies the Config, so that later changes have no effect.
func TestDPoPConfigIsCopied(t *testing.T) {
	t.Parallel()
	cfg := &middleware.DPoPConfig{
		Algorithms: []string{"ES256"}, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")},
		ProxyHeaders: []string{"Forwarded"}, Hosts: []string{"api.test"}, RequireNonce: true, NonceKeys: [][]byte{[]byte(strings.Repeat("k", 32))},
		URL: "https://api.test",
	}
	k := newKeyed(t, middleware.Config{DPoP: cfg})
	nonce := k.nonce()
	cfg.Algorithms[0], cfg.ProxyHeaders[0], cfg.URL, cfg.RequireNonce = "RS256", "X-Forwarded-Host", "https://other.test", false
	cfg.Proxies[0] = netip.MustParsePrefix("10.0.0.8/32")
	clear(cfg.NonceKeys[0])
	if got, _ := k.send(k.goodWith(nonce)); got.Status != http.StatusOK {
		t.Errorf("outcome %+v", got)
	}
	if got, _ := k.send(k.good()); got.Reason != "nonce" {
		t.Errorf("without a nonce: outcome %+v", got)
	}
}

// The certificate is compared at each handler, because it belongs to the connection of the request.
func TestM4_NestedCertificate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		der  string
		want int
	}{"the same": {"der", 200}, "another": {"other", 401}, "none": {"", 401}} {
		k := newKeyed(t, middleware.Config{MTLS: &middleware.MTLSConfig{}})
		inner := k.guard.Handler(hello)
		k.handler = k.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			second := r.Clone(r.Context())
			if second.TLS = nil; test.der != "" {
				withCertificate(second, test.der)
			}
			inner.ServeHTTP(w, second)
		}))
		both, alone := bindBoth(k.issuer.AccessToken(), k.key).Sign(), bindCertificate(k.issuer.AccessToken(), k.key).Sign()
		for _, r := range []*http.Request{get("DPoP "+both, k.proof(both).Sign()), get("Bearer "+alone, "")} {
			if w := serve(k.handler, withCertificate(r, "der")); w.Code != test.want {
				t.Errorf("%s: status %d, want %d", name, w.Code, test.want)
			}
		}
	}
}
