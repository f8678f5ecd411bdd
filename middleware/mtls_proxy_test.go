package middleware_test

import (
	"bufio"
	"crypto/tls"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/middleware"
)

const noHeader = "the proxy sent no header Client-Cert"

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}

// newProxy starts a reverse proxy that ends mutual TLS and replaces the header Client-Cert.
func newProxy(t testing.TB, ca *authority, api string, encode func(tls.Certificate) string) *httptest.Server {
	t.Helper()
	target, err := url.Parse(api)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Header.Del("Client-Cert")
		if certificates := r.In.TLS.PeerCertificates; len(certificates) > 0 {
			r.Out.Header.Set("Client-Cert", encode(tls.Certificate{Certificate: [][]byte{certificates[0].Raw}}))
		}
	}})
	proxy.EnableHTTP2 = true
	proxy.TLS = &tls.Config{Certificates: []tls.Certificate{newCertificate(t, ca, "proxy")}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}
	proxy.StartTLS()
	t.Cleanup(proxy.Close)
	return proxy
}

func urlPEM(c tls.Certificate) string {
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})
	return url.PathEscape(string(text))
}

// TestM3_ListedProxy sends requests through a proxy, and past it with a forged header.
func TestM3_ListedProxy(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own, other := newCertificate(t, ca, "own"), newCertificate(t, nil, "other")
	token := boundTo(issuer, thumbprint(own))
	for name, test := range map[string]struct {
		encoding middleware.CertificateEncoding
		encode   func(tls.Certificate) string
	}{
		"RFC 9440":        {middleware.CertificateRFC9440, rfc9440},
		"URL-encoded PEM": {middleware.CertificateURLPEM, urlPEM},
		"base64":          {middleware.CertificateBase64, func(c tls.Certificate) string { return strings.Trim(rfc9440(c), ":") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{
				Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{Proxies: loopback, Encoding: test.encoding},
			})
			api.Start()
			proxy := newProxy(t, ca, api.URL, test.encode)
			for _, row := range []struct {
				name   string
				client *http.Client
				url    string
				forged []string // headers of the client
				want   string
			}{
				{"own certificate", mtlsClient(t, ca, own), proxy.URL, nil, ""},
				{"own certificate, forged header", mtlsClient(t, ca, own), proxy.URL, []string{test.encode(other)}, ""},
				{"other certificate", mtlsClient(t, ca, other), proxy.URL, nil, otherCertificate},
				{"other certificate, forged header", mtlsClient(t, ca, other), proxy.URL, []string{test.encode(own)}, otherCertificate},
				{"no certificate", mtlsClient(t, ca), proxy.URL, nil, noHeader},
				{"no certificate, forged header", mtlsClient(t, ca), proxy.URL, []string{test.encode(own)}, noHeader},
				{"past the proxy", clientFrom(t, "127.0.0.2"), api.URL, nil, "does not use TLS"},
				{"past the proxy, forged header", clientFrom(t, "127.0.0.2"), api.URL, []string{test.encode(own)}, "ignored: the peer of the connection is not listed (Config.MTLS.Proxies)"},
			} {
				t.Run(row.name, func(t *testing.T) {
					api.wantResult(t, getBound(t, row.client, row.url, token, row.forged...), row.want)
				})
			}
		})
	}
}

// TestM3_TLSToTheAPI checks a proxy that connects over mutual TLS itself: its own certificate never counts for a client.
func TestM3_TLSToTheAPI(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own, ofProxy := newCertificate(t, ca, "own"), newCertificate(t, ca, "proxy")
	for name, test := range map[string]struct {
		proxies []netip.Prefix
		token   string
		lines   []string
		want    string
	}{
		"the header counts":              {loopback, boundTo(issuer, thumbprint(own)), []string{rfc9440(own)}, ""},
		"not the certificate":            {loopback, boundTo(issuer, thumbprint(ofProxy)), []string{rfc9440(own)}, otherCertificate},
		"not even without a header":      {loopback, boundTo(issuer, thumbprint(ofProxy)), nil, noHeader},
		"nor with an empty header":       {loopback, boundTo(issuer, thumbprint(ofProxy)), []string{""}, "is empty"},
		"nor with a malformed header":    {loopback, boundTo(issuer, thumbprint(ofProxy)), []string{"::"}, "an empty byte sequence"},
		"a peer that is not a proxy":     {nil, boundTo(issuer, thumbprint(ofProxy)), nil, ""},
		"its header does not count":      {nil, boundTo(issuer, thumbprint(own)), []string{rfc9440(own)}, "no proxy is listed (Config.MTLS.Proxies)"},
		"its header changes nothing":     {nil, boundTo(issuer, thumbprint(ofProxy)), []string{rfc9440(own)}, ""},
		"a peer beside the listed proxy": {[]netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}, boundTo(issuer, thumbprint(own)), []string{rfc9440(own)}, "not listed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{Proxies: test.proxies}})
			api.startTLS(t, ca, tls.RequireAndVerifyClientCert, true)
			api.wantResult(t, getBound(t, mtlsClient(t, ca, ofProxy), api.URL, test.token, test.lines...), test.want)
		})
	}
}

// TestM3_RewrittenRemoteAddr checks middlewares that replace RemoteAddr with an address that the client claims.
func TestM3_RewrittenRemoteAddr(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	own := newCertificate(t, nil, "own")
	for claimed, detail := range map[string]string{
		"127.0.0.1":            "RemoteAddr has no port, so a middleware (such as RealIP) has replaced the address of the connection",
		"127.0.0.1:0":          "RemoteAddr has port 0",
		"::ffff:127.0.0.1":     "RemoteAddr has no port",
		"":                     "RemoteAddr is not an IP address with a port",
		"127.0.0.1, 127.0.0.1": "RemoteAddr is not an IP address with a port",
	} {
		api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{Proxies: loopback}})
		guarded := api.Config.Handler
		api.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.RemoteAddr = claimed
			guarded.ServeHTTP(w, r)
		})
		api.Start()
		api.wantResult(t, getBound(t, clientFrom(t, "127.0.0.2"), api.URL, boundTo(issuer, thumbprint(own)), rfc9440(own)), detail)
	}
}

// TestM3_SmuggledHeader sends what a proxy could pass on if it does not remove every spelling of the header. The peer is a
// listed proxy. Only one header with the exact name and one certificate may count.
func TestM3_SmuggledHeader(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	own, other := newCertificate(t, nil, "own"), newCertificate(t, nil, "other")
	token := boundTo(issuer, thumbprint(own))
	api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{Proxies: loopback}})
	api.Start()
	const server = "rejected by net/http"
	for name, test := range map[string]struct{ lines, want string }{
		"the header":                    {"Client-Cert: " + rfc9440(own), ""},
		"other case":                    {"client-CERT: " + rfc9440(own), ""},
		"spaces around the value":       {"Client-Cert: \t " + rfc9440(own) + " \t", ""}, // which are not part of it (RFC 9110 section 5.5)
		"underscore":                    {"Client_Cert: " + rfc9440(own), noHeader},
		"underscore beside the header":  {"Client_Cert: " + rfc9440(own) + "\r\nClient-Cert: " + rfc9440(other), otherCertificate},
		"other names":                   {"X-Client-Cert: " + rfc9440(own) + "\r\nClient-Cert-Chain: " + rfc9440(own), noHeader},
		"two lines":                     {"Client-Cert: " + rfc9440(own) + "\r\nClient-Cert: " + rfc9440(own), "several headers"},
		"two lines, different":          {"Client-Cert: " + rfc9440(own) + "\r\nclient-cert: " + rfc9440(other), "several headers"},
		"two lines, one empty":          {"Client-Cert: \r\nClient-Cert: " + rfc9440(own), "several headers"},
		"two lines, the first is last":  {"Client-Cert: " + rfc9440(other) + "\r\nX-A: b\r\nClient-Cert: " + rfc9440(own), "several headers"},
		"a list":                        {"Client-Cert: " + rfc9440(own) + ", " + rfc9440(other), "another form"},
		"a list of one":                 {"Client-Cert: " + rfc9440(own) + ",", "another form"},
		"a parameter":                   {"Client-Cert: " + rfc9440(own) + ";v=1", "another form"},
		"empty":                         {"Client-Cert:", "is empty"},
		"the word null":                 {"Client-Cert: (null)", "another form"},
		"a space before the colon":      {"Client-Cert : " + rfc9440(own), server},
		"a space before the name":       {"X-A: b\r\n Client-Cert: " + rfc9440(own), noHeader}, // it continues the line before
		"a value that continues":        {"Client-Cert: " + rfc9440(own)[:40] + "\r\n " + rfc9440(own)[40:], "another form"},
		"a NUL in the name":             {"Client-Cert\x00: " + rfc9440(own), server},
		"a NUL in the value":            {"Client-Cert: " + rfc9440(own) + "\x00", server},
		"a bare CR in the value":        {"Client-Cert: " + rfc9440(own) + "\rX: y", server},
		"bare line feeds between lines": {"X-A: b\nClient-Cert: " + rfc9440(own), ""}, // RFC 9112 section 2.2 allows this
		"Connection names the header":   {"Connection: Client-Cert\r\nClient-Cert: " + rfc9440(own), ""},
	} {
		t.Run(name, func(t *testing.T) {
			response := sendRaw(t, api.Listener.Addr().String(), token, test.lines)
			if test.want == server {
				if response.status != http.StatusBadRequest {
					t.Errorf("status %d, want 400", response.status)
				}
				return
			}
			api.wantResult(t, response, test.want)
		})
	}
}

// sendRaw sends a request with header lines that http.Client would not send.
func sendRaw(t *testing.T, addr, token, lines string) mtlsResult {
	t.Helper()
	var dialer net.Dialer
	conn, err := dialer.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_, err = conn.Write([]byte("GET / HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + token + "\r\n" + lines + "\r\n\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return resultOf(t, response)
}
