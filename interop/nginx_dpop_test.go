package interop_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestG1_BehindNginx sends proofs through nginx, which changes the path and says in headers which URL the client used.
func TestG1_BehindNginx(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: apiAudience})
	address := freeAddress(t)
	x := newForwardedAPI(t, issuer, address, "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Prefix")
	same := newForwardedAPI(t, issuer, address, "Forwarded")
	proxy := startNginxForDPoP(t, address, x, same)
	const evil = "https://evil.example"
	for _, row := range []struct {
		name, url, htu string // htu empty: the URL
		header         http.Header
		want           int
	}{
		{name: "prefix removed", url: proxy + "/shop/orders", want: 200},
		{name: "prefix removed, query", url: proxy + "/shop/orders?page=2#top", want: 200},
		{name: "prefix removed, encoded space", url: proxy + "/shop/a%20b", want: 200},
		{name: "prefix removed, encoded letter", url: proxy + "/shop/%6Frders", want: 200},
		{name: "prefix removed, encoded slash, which nginx decodes", url: proxy + "/shop/a%2Fb", want: 401},
		{name: "same path", url: proxy + "/same/orders", want: 200},
		{name: "same path, encoded slash", url: proxy + "/same/a%2Fb", want: 200},
		{name: "same path, lower-case encoding", url: proxy + "/same/%c3%a4", htu: proxy + "/same/%C3%A4", want: 200},
		{name: "appended", url: proxy + "/appended/orders", want: 200},
		{name: "another name of the proxy", url: strings.Replace(proxy, "127.0.0.1", "localhost", 1) + "/same/orders", want: 200},
		{name: "without the prefix", url: proxy + "/shop/orders", htu: proxy + "/orders", want: 401},
		{name: "internal URL", url: proxy + "/shop/orders", htu: x.URL + "/orders", want: 401},
		{
			name: "forged X-Forwarded-Host", url: proxy + "/shop/orders", htu: evil + "/shop/orders",
			header: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}}, want: 401,
		},
		{
			name: "forged Forwarded", url: proxy + "/same/orders", htu: evil + "/same/orders",
			header: http.Header{"Forwarded": {"proto=https;host=evil.example"}}, want: 401,
		},
		{
			name: "forged Forwarded, appended", url: proxy + "/appended/orders", htu: evil + "/appended/orders",
			header: http.Header{"Forwarded": {"proto=https;host=evil.example"}}, want: 401,
		},
		{
			name: "forged Forwarded with an open quote, appended", url: proxy + "/appended/orders", htu: evil + "/appended/orders",
			header: http.Header{"Forwarded": {`proto=https;host=evil.example;for="x`}}, want: 401,
		},
		{
			name: "Host of another server", url: proxy + "/same/orders", htu: "http://evil.example/same/orders",
			header: http.Header{"Host": {"evil.example"}}, want: http.StatusMisdirectedRequest,
		},
		{
			name: "Host of another server, which nginx forwards", url: proxy + "/any/orders", htu: evil + "/any/orders",
			header: http.Header{"Host": {"evil.example"}}, want: 401,
		},
		{
			name: "past nginx, forged", url: x.URL + "/orders", htu: proxy + "/shop/orders",
			header: http.Header{"X-Forwarded-Host": {strings.TrimPrefix(proxy, "http://")}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Prefix": {"/shop"}},
			want:   401,
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			key := bearertest.NewProofKey("ES256")
			token := issuer.AccessToken().BoundTo(key).Sign()
			htu := row.htu
			if htu == "" {
				htu = row.url
			}
			proof := key.Proof(http.MethodGet, htu, token).Sign()
			if got := sendDPoP(t, row.url, token, proof, row.header); got != row.want {
				t.Errorf("got %d, want %d", got, row.want)
			}
		})
	}
	t.Run("oauth4webapi", func(t *testing.T) {
		t.Parallel()
		key := startNodeClient(t).newKey(t, "ES256")
		token := issuer.AccessToken().Set("cnf", map[string]string{"jkt": key.thumbprint}).Sign()
		for _, path := range []string{"/shop/orders?page=2", "/shop/a%20b", "/same/a%2Fb", "/appended/orders"} {
			if got := key.node.call(t, key, proxy+path, token); got.Status != http.StatusOK {
				t.Errorf("%s: %+v", path, got)
			}
		}
	})
}

// sendDPoP sends a request from 127.0.0.2 if it does not go through nginx.
func sendDPoP(t *testing.T, url, token, proof string, header http.Header) int {
	t.Helper()
	r := newRequest(t, http.MethodGet, url, "")
	for name, values := range header {
		r.Header[name] = values
	}
	r.Host = header.Get("Host")
	r.Header.Set("Authorization", "DPoP "+token)
	r.Header.Set("DPoP", proof)
	resp, err := clientOf(nil, newIdentity(t, nil)).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// newForwardedAPI returns an API whose proxies, on 127.0.0.1, set the headers. address is that of nginx.
func newForwardedAPI(t *testing.T, issuer *bearertest.Issuer, address string, headers ...string) *httptest.Server {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{apiAudience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, DPoP: &middleware.DPoPConfig{
		Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, ProxyHeaders: headers,
		Hosts: []string{address, strings.Replace(address, "127.0.0.1", "localhost", 1)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.URL.Path)
	})))
	t.Cleanup(api.Close)
	return api
}

// startNginxForDPoP runs nginx at address without TLS, and returns its URL.
func startNginxForDPoP(t *testing.T, address string, x, same *httptest.Server) string {
	t.Helper()
	binary := findNginx(t)
	template, err := os.ReadFile("nginx/dpop.conf")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := filepath.Join(dir, "nginx.conf")
	names := strings.NewReplacer("{dir}", dir, "{listen}", address, "{x}", x.URL, "{same}", same.URL)
	if err := os.WriteFile(config, []byte(names.Replace(string(template))), 0o600); err != nil {
		t.Fatal(err)
	}
	runNginx(t, binary, config, address)
	return "http://" + address
}
