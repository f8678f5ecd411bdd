package middleware_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// authority is a certification authority of one test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	issued := newCertificate(t, nil, "test authority")
	return &authority{cert: issued.Leaf, key: issued.PrivateKey.(*ecdsa.PrivateKey)}
}

// newCertificate returns a certificate for 127.0.0.1. It is self-signed if by is nil. change changes its template.
func newCertificate(t testing.TB, by *authority, name string, change ...func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, apply := range change {
		apply(template)
	}
	parent, signer := template, key
	if by == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
	} else {
		parent, signer = by.cert, by.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// thumbprint returns x5t#S256 (RFC 8705 section 3.1). internal/clientcert compares it with the result of OpenSSL.
func thumbprint(c tls.Certificate) string {
	sum := sha256.Sum256(c.Certificate[0])
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func rfc9440(c tls.Certificate) string {
	return ":" + base64.StdEncoding.EncodeToString(c.Certificate[0]) + ":"
}

// boundTo returns a token that is bound to a certificate.
func boundTo(issuer *bearertest.Issuer, thumbprint any) string {
	raw := issuer.AccessToken().Set("cnf", map[string]any{"x5t#S256": thumbprint}).Sign()
	logscan.Token(raw)
	return raw
}

// mtlsAPI is a server whose handler is behind a Guard.
type mtlsAPI struct {
	*httptest.Server

	mu      sync.Mutex // guards refusal
	refusal middleware.Refusal
}

// newMTLSAPI returns a server that has not started. cfg has no OnDecision.
func newMTLSAPI(t testing.TB, cfg middleware.Config) *mtlsAPI {
	t.Helper()
	api := new(mtlsAPI)
	cfg.OnDecision = func(_ context.Context, decision middleware.Decision) {
		if refusal, ok := errors.AsType[*middleware.Refusal](decision.Err); ok {
			api.mu.Lock()
			defer api.mu.Unlock()
			api.refusal = *refusal
		}
	}
	api.Server = httptest.NewUnstartedServer(newGuard(t, cfg).Handler(hello))
	api.Config.ErrorLog = log.New(io.Discard, "", 0) // rejected handshakes
	t.Cleanup(api.Close)
	return api
}

// take returns the last refusal since the previous call. The zero Refusal means that there was none.
func (api *mtlsAPI) take() middleware.Refusal {
	api.mu.Lock()
	defer api.mu.Unlock()
	defer func() { api.refusal = middleware.Refusal{} }()
	return api.refusal
}

// startTLS starts the server with a certificate of ca.
func (api *mtlsAPI) startTLS(t testing.TB, ca *authority, clients tls.ClientAuthType, http2 bool) {
	t.Helper()
	api.EnableHTTP2 = http2
	api.TLS = &tls.Config{
		Certificates: []tls.Certificate{newCertificate(t, ca, "api")}, ClientAuth: clients, ClientCAs: ca.pool(), MinVersion: tls.VersionTLS12,
	}
	api.StartTLS()
}

// mtlsClient returns an HTTP client that has the certificates in chain, or none.
func mtlsClient(t testing.TB, ca *authority, chain ...tls.Certificate) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: ca.pool(), MinVersion: tls.VersionTLS12}
	if len(chain) > 0 {
		own := chain[0]
		for _, further := range chain[1:] {
			own.Certificate = append(own.Certificate, further.Certificate...)
		}
		// Unlike Certificates, this also sends a certificate whose issuer the server does not list.
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// clientFrom returns an HTTP client whose connections come from the loopback address addr.
func clientFrom(t testing.TB, addr string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0))}
	transport := &http.Transport{DialContext: dialer.DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// getBound sends a request with token, and with a header Client-Cert for each of lines.
func getBound(t testing.TB, client *http.Client, url, token string, lines ...string) mtlsResult {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header["Client-Cert"] = lines
	return roundTrip(t, client, r)
}

// mtlsResult is what a client sees of a response.
type mtlsResult struct {
	status           int
	proto, challenge string
	tls              *tls.ConnectionState
}

func roundTrip(t testing.TB, client *http.Client, r *http.Request) mtlsResult {
	t.Helper()
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	return resultOf(t, response)
}

func resultOf(t testing.TB, response *http.Response) mtlsResult {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	logscan.Response(response, string(body))
	return mtlsResult{response.StatusCode, response.Proto, response.Header.Get("WWW-Authenticate"), response.TLS}
}

// wantResult expects status 200 if detail is empty. Otherwise it expects 401, the challenge of every invalid token, and a
// refusal with detail, which the Guard logs.
func (api *mtlsAPI) wantResult(t testing.TB, got mtlsResult, detail string) {
	t.Helper()
	refusal := api.take()
	if detail == "" {
		if got.status != http.StatusOK || got.challenge != "" || refusal.Status != 0 {
			t.Errorf("status %d, challenge %q, want 200: %s", got.status, got.challenge, refusal.Detail)
		}
		return
	}
	if got.status != http.StatusUnauthorized || !strings.Contains(got.challenge, `error="invalid_token"`) ||
		strings.Contains(got.challenge, "certificate") {
		t.Errorf("status %d, challenge %q, want 401 and invalid_token", got.status, got.challenge)
	}
	if refusal.Reason != consumer.ReasonBinding || !strings.Contains(refusal.Detail, detail) {
		t.Errorf("reason %s, detail %q, want the reason binding and %q", refusal.Reason, refusal.Detail, detail)
	}
}
