package fiberauth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"

	"github.com/bearerkit/bearerkit/middleware"
)

// newCertificate returns a self-signed certificate for 127.0.0.1, for servers and clients.
func newCertificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// fieldOf returns the certificate in the form of a Client-Cert field (RFC 9440).
func fieldOf(certificate tls.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(certificate.Certificate[0]) + ":"
}

// loopbackProxy lists the loopback addresses as proxies.
func loopbackProxy() *middleware.MTLSConfig {
	return &middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
}

// TestClientCertificate checks tokens that are bound to the certificate of the TLS connection.
func TestClientCertificate(t *testing.T) {
	t.Parallel()
	guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.MTLS = &middleware.MTLSConfig{} })
	server, client, other := newCertificate(t), newCertificate(t), newCertificate(t)
	address := startOn(t, guardedApp(guard), tls.NewListener(listen(t), &tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13,
	}))
	roots := x509.NewCertPool()
	parsed, err := x509.ParseCertificate(server.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(parsed)
	token := "Bearer " + issuer.AccessToken().BoundToCertificate(client.Certificate[0]).Sign()
	for name, test := range map[string]struct {
		certificates []tls.Certificate
		field        string
		status       int
	}{
		"certificate of the token":             {[]tls.Certificate{client}, "", http.StatusOK},
		"another certificate":                  {[]tls.Certificate{other}, "", http.StatusUnauthorized},
		"another certificate, a forged header": {[]tls.Certificate{other}, fieldOf(client), http.StatusUnauthorized},
		"no certificate":                       {nil, "", http.StatusUnauthorized},
		"no certificate, a forged header":      {nil, fieldOf(client), http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: test.certificates}}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/orders", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", token)
			if test.field != "" {
				r.Header.Set("Client-Cert", test.field)
			}
			response, err := transport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if response.StatusCode != test.status {
				t.Errorf("status %d, want %d", response.StatusCode, test.status)
			}
		})
	}
}

// TestCertificateInTrailer checks that a client of a listed proxy cannot send a certificate as a trailer field, which the proxy
// may forward unchanged.
func TestCertificateInTrailer(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]fiber.Config{"": {}, "streamed": {StreamRequestBody: true}} {
		guard, issuer := newGuard(t, func(cfg *middleware.Config) { cfg.MTLS = loopbackProxy() })
		client, other := newCertificate(t), newCertificate(t)
		app := fiber.New(config)
		app.Use(func(c fiber.Ctx) error { // reads the body, and so the trailer, also if it is streamed
			_ = c.Body()
			return c.Next()
		})
		app.Use(guardedApp(guard))
		address := start(t, app)
		token := issuer.AccessToken().BoundToCertificate(client.Certificate[0]).Sign()
		for _, test := range []struct {
			field, trailer string
			status         int
		}{
			{fieldOf(client), "", http.StatusOK},
			{"", fieldOf(client), http.StatusUnauthorized},
			{fieldOf(other), fieldOf(client), http.StatusUnauthorized},
			{fieldOf(client), fieldOf(other), http.StatusOK},
		} {
			for _, body := range []string{"", "3\r\nabc\r\n"} {
				raw := "POST /orders HTTP/1.1\r\nHost: api.test\r\nAuthorization: Bearer " + token + "\r\nTransfer-Encoding: chunked\r\n"
				if test.field != "" {
					raw += "Client-Cert: " + test.field + "\r\n"
				}
				raw += "\r\n" + body + "0\r\n"
				if test.trailer != "" {
					raw += "Client-Cert: " + test.trailer + "\r\n"
				}
				if got := exchange(t, address, raw+"\r\n"); got.status != test.status {
					t.Errorf("%s: field %t, trailer %t, body %q: status %d, want %d",
						name, test.field != "", test.trailer != "", body, got.status, test.status)
				}
			}
		}
	}
}
