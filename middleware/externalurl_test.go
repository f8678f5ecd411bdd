package middleware_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/middleware"
)

// sendFor sends r with a bound token and a proof for the given URL, and reports whether it passes.
func (k *keyed) sendFor(r *http.Request, htu string) bool {
	k.t.Helper()
	token := k.token()
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", k.key.Proof(r.Method, htu, token).Sign())
	got, _ := k.send(r)
	if got.Status != http.StatusOK && (got.Status != http.StatusUnauthorized || !strings.Contains(got.Challenges[0], "invalid_dpop_proof")) {
		k.t.Errorf("outcome %+v", got)
	}
	return got.Status == http.StatusOK
}

// The URL in a proof is compared with the configured one and the path of the request line. The Host header and X-Forwarded
// headers of other peers have no effect.
func TestAttack27_Attack42_ConfiguredURL(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		url    string
		target string
		htu    string
		want   bool
	}{
		"root":                            {"https://api.test", "/", "https://api.test/", true},
		"root without a path":             {"https://api.test", "/", "https://api.test", true},
		"path":                            {"https://api.test", "/orders", "https://api.test/orders", true},
		"query":                           {"https://api.test", "/orders?a=b", "https://api.test/orders", true},
		"query in both":                   {"https://api.test", "/orders?a=b", "https://api.test/orders?c=d", true},
		"URL with a slash":                {"https://api.test/", "/orders", "https://api.test/orders", true},
		"URL with a path":                 {"https://api.test/v1", "/orders", "https://api.test/v1/orders", true},
		"URL with a path and a slash":     {"https://api.test/v1/", "/orders", "https://api.test/v1/orders", true},
		"URL with a port":                 {"https://api.test:8443", "/orders", "https://api.test:8443/orders", true},
		"default port":                    {"https://api.test:443", "/orders", "https://api.test/orders", true},
		"loopback":                        {"http://localhost:8080", "/orders", "http://localhost:8080/orders", true},
		"encoded space":                   {"https://api.test", "/a%20b", "https://api.test/a%20b", true},
		"encoded letter":                  {"https://api.test", "/%6frders", "https://api.test/orders", true},
		"encoded slash":                   {"https://api.test", "/a%2Fb", "https://api.test/a%2fb", true},
		"UTF-8":                           {"https://api.test", "/%C3%A4", "https://api.test/%c3%a4", true},
		"absolute form":                   {"https://api.test", "http://evil.test/orders", "https://api.test/orders", true},
		"absolute form without a path":    {"https://api.test", "http://evil.test", "https://api.test/", true},
		"two slashes":                     {"https://api.test", "//evil.test/orders", "https://api.test//evil.test/orders", true},
		"host of the request":             {"https://api.test", "/orders", "https://example.com/orders", false},
		"absolute form, its host":         {"https://api.test", "http://evil.test/orders", "http://evil.test/orders", false},
		"two slashes, as a host":          {"https://api.test", "//evil.test/orders", "https://evil.test/orders", false},
		"encoded slash is not a slash":    {"https://api.test", "/a%2Fb", "https://api.test/a/b", false},
		"slash is not an encoded slash":   {"https://api.test", "/a/b", "https://api.test/a%2Fb", false},
		"dot segments":                    {"https://api.test", "/public/../orders", "https://api.test/orders", false},
		"dot segments in both":            {"https://api.test", "/public/../orders", "https://api.test/public/../orders", false},
		"encoded dot segments":            {"https://api.test", "/public/%2e%2e/orders", "https://api.test/orders", false},
		"encoded question mark":           {"https://api.test", "/orders%3Fa", "https://api.test/orders", false},
		"path without the prefix":         {"https://api.test/v1", "/orders", "https://api.test/orders", false},
		"prefix in the path and in URL":   {"https://api.test/v1", "/v1/orders", "https://api.test/v1/orders", false},
		"a user name in htu":              {"https://api.test", "/orders", "https://api.test@evil.test/orders", false},
		"host with a dot at the end":      {"https://api.test", "/orders", "https://api.test./orders", false},
		"a longer host":                   {"https://api.test", "/orders", "https://api.test.evil.test/orders", false},
		"http instead of https":           {"https://api.test", "/orders", "http://api.test/orders", false},
		"the port of https, sent by http": {"https://api.test", "/orders", "http://api.test:443/orders", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{URL: test.url}})
			r := newRequest(http.MethodGet, "/")
			parsed, err := http.NewRequest(http.MethodGet, "http://example.com"+test.target, nil) //nolint:noctx // it is not sent
			if strings.HasPrefix(test.target, "http") {
				parsed, err = http.NewRequest(http.MethodGet, test.target, nil) //nolint:noctx // it is not sent
			}
			if err != nil {
				t.Fatal(err)
			}
			r.URL, r.RequestURI = parsed.URL, test.target
			for header, value := range map[string]string{
				"X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "http", "X-Forwarded-Prefix": "/evil",
				"Forwarded": "host=evil.test;proto=https", "X-Original-Url": "/evil",
			} {
				r.Header.Set(header, value)
			}
			if got := k.sendFor(r, test.htu); got != test.want {
				t.Errorf("accepted is %t, want %t", got, test.want)
			}
			if k.sendFor(r, "https://evil.test/evil") || k.sendFor(r, "https://evil.test/orders") {
				t.Error("the URL of a header was accepted")
			}
		})
	}
}

// A request line without a path has no URL that a proof could name.
func TestAttack27_RequestsWithoutPath(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ method, target string }{
		{http.MethodConnect, "api.test:443"}, {http.MethodConnect, "/orders"}, {http.MethodOptions, "*"},
	} {
		k := newKeyed(t, middleware.Config{})
		r := newRequest(test.method, "/orders")
		r.RequestURI = test.target
		for _, htu := range []string{"https://api.test", "https://api.test/", "https://api.test/orders", "https://api.test/*", "https://api.test*"} {
			if k.sendFor(r, htu) {
				t.Errorf("%s %s: a proof for %s was accepted", test.method, test.target, htu)
			}
		}
	}
}

// The path is that of the request line, whatever a handler in front of the Guard has done to the URL.
func TestAttack27_MountedHandlers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		around func(http.Handler) http.Handler
		target string
		htu    string
	}{
		"StripPrefix": {func(h http.Handler) http.Handler { return http.StripPrefix("/v1", h) }, "/v1/orders", "https://api.test/v1/orders"},
		"ServeMux": {func(h http.Handler) http.Handler {
			mux := http.NewServeMux()
			mux.Handle("GET /v1/", http.StripPrefix("/v1", h))
			return mux
		}, "/v1/a%2Fb", "https://api.test/v1/a%2Fb"},
		"rewritten": {func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.URL.Path, r.URL.RawPath = "/internal", ""
				h.ServeHTTP(w, r)
			})
		}, "/public", "https://api.test/public"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKeyed(t, middleware.Config{})
			guarded := k.handler
			k.handler = test.around(guarded)
			if !k.sendFor(newRequest(http.MethodGet, test.target), test.htu) {
				t.Error("the URL that the client used was rejected")
			}
			for _, htu := range []string{"https://api.test/orders", "https://api.test/internal", "https://api.test/a%2Fb"} {
				if k.sendFor(newRequest(http.MethodGet, test.target), htu) {
					t.Errorf("the URL behind the mount was accepted: %s", htu)
				}
			}
		})
	}
	// A request that a program makes in memory has no request line.
	k := newKeyed(t, middleware.Config{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/orders", nil)
	if err != nil {
		t.Fatal(err)
	}
	if !k.sendFor(r, ordersURL) || k.sendFor(r, "http://127.0.0.1/orders") {
		t.Error("a request without a request line has the wrong URL")
	}
}

// A listed proxy says the URL in the headers that are configured, and in no others.
func TestAttack27_Attack42_Proxies(t *testing.T) {
	t.Parallel()
	const proxy, other = "10.0.0.7:4711", "10.0.0.8:4711"
	xfp := []string{"X-Forwarded-Proto", "X-Forwarded-Host"}
	all := append(append([]string{}, xfp...), "X-Forwarded-Port", "X-Forwarded-Prefix")
	forwarded := []string{"Forwarded"}
	good := map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test"}
	with := func(name, value string) map[string]string {
		changed := map[string]string{name: value}
		for n, v := range good {
			if n != name {
				changed[n] = v
			}
		}
		return changed
	}
	for name, test := range map[string]struct {
		names  []string
		remote string
		header map[string]string
		accept string // "": no URL is accepted
	}{
		"default headers":                 {nil, proxy, good, "https://shop.test/orders"},
		"named headers":                   {xfp, proxy, good, "https://shop.test/orders"},
		"several values":                  {xfp, proxy, map[string]string{"X-Forwarded-Proto": "http,https", "X-Forwarded-Host": "evil.test, shop.test"}, "https://shop.test/orders"},
		"upper case":                      {xfp, proxy, with("X-Forwarded-Proto", "HTTPS"), "https://shop.test/orders"},
		"host with a port":                {xfp, proxy, with("X-Forwarded-Host", "shop.test:8443"), "https://shop.test:8443/orders"},
		"IPv6 host":                       {xfp, proxy, with("X-Forwarded-Host", "[2001:db8::1]:8443"), "https://[2001:db8::1]:8443/orders"},
		"loopback http":                   {xfp, proxy, map[string]string{"X-Forwarded-Proto": "http", "X-Forwarded-Host": "localhost:8080"}, "http://localhost:8080/orders"},
		"Forwarded is not named":          {xfp, proxy, map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test", "Forwarded": "host=evil.test;proto=https"}, "https://shop.test/orders"},
		"prefix and port are not named":   {xfp, proxy, map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Port": "1"}, "https://shop.test/orders"},
		"port and prefix absent":          {all, proxy, good, "https://shop.test/orders"},
		"port":                            {all, proxy, with("X-Forwarded-Port", "8443"), "https://shop.test:8443/orders"},
		"default port":                    {all, proxy, with("X-Forwarded-Port", "443"), "https://shop.test/orders"},
		"prefix":                          {all, proxy, with("X-Forwarded-Prefix", "/v1"), "https://shop.test/v1/orders"},
		"prefix with a slash":             {all, proxy, with("X-Forwarded-Prefix", "/a/b/"), "https://shop.test/a/b/orders"},
		"prefix is a slash":               {all, proxy, with("X-Forwarded-Prefix", "/"), "https://shop.test/orders"},
		"last prefix":                     {all, proxy, with("X-Forwarded-Prefix", "/evil, /v1"), "https://shop.test/v1/orders"},
		"equal ports":                     {all, proxy, map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test:8443", "X-Forwarded-Port": "8443"}, "https://shop.test:8443/orders"},
		"different ports":                 {all, proxy, map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.test:8443", "X-Forwarded-Port": "443"}, ""},
		"port of IPv6":                    {all, proxy, map[string]string{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "[2001:db8::1]", "X-Forwarded-Port": "8443"}, "https://[2001:db8::1]:8443/orders"},
		"Forwarded":                       {forwarded, proxy, map[string]string{"Forwarded": "for=192.0.2.1;host=shop.test;proto=https"}, "https://shop.test/orders"},
		"Forwarded, quoted":               {forwarded, proxy, map[string]string{"Forwarded": `For="[2001:db8::1]:4711" ; Proto=https;host="shop.test:8443"`}, "https://shop.test:8443/orders"},
		"Forwarded, last element":         {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test;proto=https, for=x;host=shop.test;proto=https"}, "https://shop.test/orders"},
		"Forwarded, quoted comma":         {forwarded, proxy, map[string]string{"Forwarded": `for="a, host=evil.test;proto=https", host=shop.test;proto=https`}, "https://shop.test/orders"},
		"Forwarded, escaped quote":        {forwarded, proxy, map[string]string{"Forwarded": `for="a\", host=evil.test", host=shop.test;proto=https`}, "https://shop.test/orders"},
		"Forwarded, host without quotes":  {forwarded, proxy, map[string]string{"Forwarded": "host=shop.test:8443;proto=https"}, "https://shop.test:8443/orders"},
		"Forwarded, X-Forwarded ignored":  {forwarded, proxy, map[string]string{"Forwarded": "host=shop.test;proto=https", "X-Forwarded-Host": "evil.test", "X-Forwarded-Prefix": "/evil"}, "https://shop.test/orders"},
		"Forwarded, host in last missing": {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test;proto=https, for=x;proto=https"}, ""},
		"Forwarded, proto missing":        {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test"}, ""},
		"Forwarded, repeated host":        {forwarded, proxy, map[string]string{"Forwarded": "host=shop.test;host=evil.test;proto=https"}, ""},
		"Forwarded, open quote":           {forwarded, proxy, map[string]string{"Forwarded": `for="x, host=evil.test;proto=https`}, ""},
		"Forwarded, text after a quote":   {forwarded, proxy, map[string]string{"Forwarded": `for="x"y;host=evil.test;proto=https`}, ""},
		"Forwarded, open escape":          {forwarded, proxy, map[string]string{"Forwarded": `host=evil.test;proto=https;for="x\`}, ""},
		"Forwarded, empty at the start":   {forwarded, proxy, map[string]string{"Forwarded": ", \t,host=shop.test;proto=https"}, "https://shop.test/orders"},
		"Forwarded, empty in between":     {forwarded, proxy, map[string]string{"Forwarded": "for=x,, ,host=shop.test;proto=https"}, "https://shop.test/orders"},
		"Forwarded, empty parameters":     {forwarded, proxy, map[string]string{"Forwarded": ";host=shop.test; ;proto=https;"}, "https://shop.test/orders"},
		"Forwarded, empty last element":   {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test;proto=https,"}, ""},
		"Forwarded, last element is ;":    {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test;proto=https, ;"}, ""},
		"Forwarded, only commas":          {forwarded, proxy, map[string]string{"Forwarded": ", ,"}, ""},
		"Forwarded, no value":             {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test;proto"}, ""},
		"Forwarded, space in the value":   {forwarded, proxy, map[string]string{"Forwarded": "host=evil.test x;proto=https"}, ""},
		"Forwarded, too long":             {forwarded, proxy, map[string]string{"Forwarded": "for=" + strings.Repeat("x", 5000) + ";host=evil.test;proto=https"}, ""},
		"Forwarded absent":                {forwarded, proxy, good, ""},
		"no headers":                      {xfp, proxy, nil, ""},
		"no host":                         {xfp, proxy, map[string]string{"X-Forwarded-Proto": "https"}, ""},
		"no scheme":                       {xfp, proxy, map[string]string{"X-Forwarded-Host": "evil.test"}, ""},
		"empty last value":                {xfp, proxy, with("X-Forwarded-Host", "evil.test,"), ""},
		"http":                            {xfp, proxy, with("X-Forwarded-Proto", "http"), ""},
		"a WebSocket":                     {xfp, proxy, with("X-Forwarded-Proto", "wss"), "https://shop.test/orders"},
		"a WebSocket, Forwarded":          {forwarded, proxy, map[string]string{"Forwarded": "host=shop.test;proto=WSS"}, "https://shop.test/orders"},
		"a WebSocket, loopback":           {xfp, proxy, map[string]string{"X-Forwarded-Proto": "ws", "X-Forwarded-Host": "localhost:8080"}, "http://localhost:8080/orders"},
		"a WebSocket without TLS":         {xfp, proxy, with("X-Forwarded-Proto", "ws"), ""},
		"other scheme":                    {xfp, proxy, with("X-Forwarded-Proto", "ftp"), ""},
		"host with a path":                {xfp, proxy, with("X-Forwarded-Host", "evil.test/x"), ""},
		"host with a user name":           {xfp, proxy, with("X-Forwarded-Host", "shop.test@evil.test"), ""},
		"host with a query":               {xfp, proxy, with("X-Forwarded-Host", "evil.test?"), ""},
		"host with a fragment":            {xfp, proxy, with("X-Forwarded-Host", "evil.test#"), ""},
		"host with a percent sign":        {xfp, proxy, with("X-Forwarded-Host", "evil%2etest"), ""},
		"host with a space":               {xfp, proxy, with("X-Forwarded-Host", "evil test"), ""},
		"host with a scheme":              {xfp, proxy, with("X-Forwarded-Host", "https://evil.test"), ""},
		"host with two ports":             {xfp, proxy, with("X-Forwarded-Host", "evil.test:1:2"), ""},
		"host with port 0":                {xfp, proxy, with("X-Forwarded-Host", "evil.test:0"), ""},
		"host with a large port":          {xfp, proxy, with("X-Forwarded-Host", "evil.test:65536"), ""},
		"host with leading zeros":         {xfp, proxy, with("X-Forwarded-Host", "evil.test:0443"), ""},
		"host with an empty port":         {xfp, proxy, with("X-Forwarded-Host", "evil.test:"), ""},
		"IPv6 with a zone":                {xfp, proxy, with("X-Forwarded-Host", "[fe80::1%25eth0]"), ""},
		"IPv6 without an end":             {xfp, proxy, with("X-Forwarded-Host", "[2001:db8::1"), ""},
		"IPv6, text after it":             {xfp, proxy, with("X-Forwarded-Host", "[2001:db8::1]x"), ""},
		"IPv4 in brackets":                {xfp, proxy, with("X-Forwarded-Host", "[192.0.2.1]"), ""},
		"port is a name":                  {all, proxy, with("X-Forwarded-Port", "https"), ""},
		"port with a sign":                {all, proxy, with("X-Forwarded-Port", "+443"), ""},
		"prefix without a slash":          {all, proxy, with("X-Forwarded-Prefix", "v1"), ""},
		"prefix with dots":                {all, proxy, with("X-Forwarded-Prefix", "/v1/.."), ""},
		"prefix with two slashes":         {all, proxy, with("X-Forwarded-Prefix", "//evil.test"), ""},
		"prefix with a query":             {all, proxy, with("X-Forwarded-Prefix", "/v1?"), ""},
		"prefix with percent-encoding":    {all, proxy, with("X-Forwarded-Prefix", "/%2e%2e"), ""},
		"prefix is a URL":                 {all, proxy, with("X-Forwarded-Prefix", "https://evil.test"), ""},
		"other peer":                      {xfp, other, good, ""},
		"an address without a port":       {xfp, "10.0.0.7", good, ""},
		"a Unix socket":                   {xfp, "@", good, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, url := range []string{"", "https://fixed.test"} {
				k := newKeyed(t, middleware.Config{DPoP: &middleware.DPoPConfig{
					URL: url, Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}, ProxyHeaders: test.names,
					Hosts: []string{"shop.test", "shop.test:8443", "[2001:db8::1]:8443", "localhost:8080", "evil.test"},
				}})
				build := func() *http.Request {
					r := newRequest(http.MethodGet, "/orders")
					r.RemoteAddr = test.remote
					for name, value := range test.header {
						r.Header.Set(name, value)
					}
					return r
				}
				accept := test.accept
				if url != "" && test.remote != proxy {
					accept = url + "/orders" // the URL of all other peers
				}
				for _, htu := range []string{
					accept, "https://shop.test/orders", "https://evil.test/orders", "https://fixed.test/orders",
					"https://example.com/orders", "wss://shop.test/orders", "https://shop.test/evil/orders", "https://shop.test:1/orders", "https:///orders", "/orders",
				} {
					if want := htu != "" && htu == accept; k.sendFor(build(), htu) != want {
						t.Errorf("URL %q: a proof for %q, accepted is %t", url, htu, !want)
					}
				}
			}
		})
	}
}

// FuzzForwarded checks that what a client prepends to a header of a proxy never changes the URL.
func FuzzForwarded(f *testing.F) {
	for _, seed := range []string{
		"", "host=evil.test;proto=https, ", `for="x, `, `for="x\`, "host=evil.test;", "a=b,", `x="`, `host=evil.test;proto=https;x="`, `","`,
	} {
		f.Add(seed)
	}
	k := newKeyed(f, middleware.Config{DPoP: &middleware.DPoPConfig{
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}, ProxyHeaders: []string{"Forwarded"}, Replays: unlimited{},
		Hosts: []string{"shop.test", "evil.test"},
	}})
	x := newKeyed(f, middleware.Config{DPoP: &middleware.DPoPConfig{
		Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}, Replays: unlimited{},
		Hosts: []string{"shop.test", "evil.test"},
	}})
	f.Fuzz(func(t *testing.T, prepended string) {
		k.t, x.t = t, t
		r := newRequest(http.MethodGet, "/orders")
		r.RemoteAddr = "10.0.0.7:4711"
		r.Header.Set("Forwarded", prepended+", for=192.0.2.1;host=shop.test;proto=https")
		r.Header.Set("X-Forwarded-Host", prepended+",shop.test")
		r.Header.Set("X-Forwarded-Proto", prepended+",https")
		if k.sendFor(r, "https://evil.test/orders") || x.sendFor(r, "https://evil.test/orders") {
			t.Errorf("%q: a proof for another host was accepted", prepended)
		}
		if len(prepended) < 1000 && !x.sendFor(r, "https://shop.test/orders") {
			t.Errorf("%q: a proof for the host of the proxy was rejected", prepended)
		}
	})
}

// Most proxies forward the Host header of the client. A server that has received a token and a proof could therefore use both
// at this API with its own name as Host, unless the names of the API are listed.
func TestAttack27_Attack42_HostsOfProxies(t *testing.T) {
	t.Parallel()
	hosts := []string{"Shop.test", "shop.test:8443", "*.tenants.test", "*.tenants.test:8443", "[2001:db8::1]", "192.0.2.1:443", "localhost:8080"}
	for scheme, accepted := range map[string]map[string]bool{
		"https": {
			"shop.test": true, "SHOP.test": true, "shop.test:443": true, "shop.test:8443": true, "a.tenants.test": true,
			"A.Tenants.test:8443": true, "[2001:db8::1]": true, "[2001:DB8::1]:443": true, "192.0.2.1": true, "localhost:8080": true,
			"evil.test": false, "shop.test:80": false, "shop.test:444": false, "shop.test.evil.test": false, "evil-shop.test": false,
			"x.shop.test": false, "shop.test.": false, "test": false, "tenants.test": false, ".tenants.test": false,
			"a.b.tenants.test": false, "a.tenants.test:1": false, "atenants.test": false, "a.tenants.test.evil.test": false,
			"[2001:db8::2]": false, "192.0.2.1:8443": false, "192.0.2.10": false, "localhost": false, "127.0.0.1": false,
		},
		"http": {"localhost:8080": true, "localhost": false, "127.0.0.1:8080": false, "shop.test": false, "shop.test:443": false},
	} {
		for host, want := range accepted {
			for _, header := range []string{"Forwarded", "X-Forwarded-Host"} {
				cfg := &middleware.DPoPConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}, Hosts: hosts}
				if header == "Forwarded" {
					cfg.ProxyHeaders = []string{header}
				}
				k := newKeyed(t, middleware.Config{DPoP: cfg})
				r := newRequest(http.MethodGet, "/orders")
				r.RemoteAddr = "10.0.0.7:4711"
				r.Header.Set("Forwarded", `proto=`+scheme+`;host="`+host+`"`)
				r.Header.Set("X-Forwarded-Host", host)
				r.Header.Set("X-Forwarded-Proto", scheme)
				if got := k.sendFor(r, scheme+"://"+host+"/orders"); got != want {
					t.Errorf("%s: %s://%s accepted is %t", header, scheme, host, got)
				}
				if want || scheme == "http" {
					continue
				}
				if detail := refusalIn(t, k.last).Detail; !strings.Contains(detail, "Config.DPoP.Hosts") {
					t.Errorf("%s: detail %q, want one that names Hosts", host, detail)
				}
			}
		}
	}
}
