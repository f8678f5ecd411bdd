package serve_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
)

// SIGTERM makes the readiness probe fail first. Then the running requests end, and so does the process.
func TestDrain(t *testing.T) {
	t.Parallel()
	release, reached := make(chan struct{}), make(chan struct{}, 1)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case reached <- struct{}{}:
		default:
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(slow.Close)
	r := startWith(t, newIssuer(), nil, `
proxy: nginx
listen: {http: "127.0.0.1:0", admin: "127.0.0.1:0"}
issuers: [{issuer: "`+slow.URL+`", audience: ["https://api.test"]}]
routes: {/x: {}}
timeouts: {drain: 2s, warm: 1ms}
`)
	if response, _ := send(t, "GET", "http://"+r.Admin+"/livez", nil); response.status != 200 {
		t.Fatalf("livez: status %d", response.status)
	}
	foreign := bearertest.NewIssuer(bearertest.IssuerConfig{URL: slow.URL, Audience: audience})
	done := make(chan int, 1)
	request := fields(describe("nginx", "GET", "/x")).with(bearer(foreign.AccessToken())...)
	go func() {
		response, _ := send(t, "GET", "http://"+r.HTTP+"/auth", request)
		done <- response.status
	}()
	<-reached
	r.cancel()
	r.await(t, "serve: draining")
	if response, body := send(t, "GET", "http://"+r.Admin+"/readyz", nil); response.status != 503 || body != "draining\n" {
		t.Errorf("readyz: status %d, %q", response.status, body)
	}
	if response, _ := send(t, "GET", "http://"+r.Admin+"/livez", nil); response.status != 200 {
		t.Errorf("livez: status %d", response.status)
	}
	close(release)
	if status := <-done; status != 503 {
		t.Errorf("status of the running request %d, want 503", status)
	}
	if code := r.stop(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, r.log)
	}
}

// Connections on which nothing was sent do not delay the end of the process beyond the time shutdown.
func TestDrain_UnusedConnections(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: envoy
listen: {http: "127.0.0.1:0", grpc: "127.0.0.1:0", admin: "127.0.0.1:0"}
routes: {/x: {}}
timeouts: {drain: 1ms, shutdown: 2s}
`)
	for _, address := range []string{r.HTTP, r.GRPC, r.Admin} {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	r.cancel()
	select {
	case <-r.gone:
	case <-time.After(30 * time.Second): // without a limit, a handshake of gRPC takes 2 minutes
		t.Fatal("serve does not end")
	}
	if code := r.end(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, r.log)
	}
}

// An address that is in use ends the process.
func TestListenFails(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	again := strings.Replace("proxy: nginx"+common, `http: "127.0.0.1:0"`, `http: "`+r.HTTP+`"`, 1)
	code, log := runOnce(t, again)
	if code != 1 || !strings.Contains(log, "listen.http: ") {
		t.Errorf("exit code %d: %s", code, log)
	}
}

// A Unix domain socket needs no trusted network, and one that a killed process has left is replaced.
func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	var cfg net.ListenConfig
	abandoned, err := cfg.Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	abandoned.(*net.UnixListener).SetUnlinkOnClose(false) //nolint:forcetypeassert // the network is unix
	_ = abandoned.Close()
	configuration := strings.Replace("proxy: nginx"+common, `http: "127.0.0.1:0"`, `http: "unix:`+path+`"`, 1)
	r := start(t, configuration)
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", path)
	}}}
	request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://serve/auth", nil)
	for f, i := describe("nginx", "GET", "/public/x"), 0; i < 8; i += 2 {
		request.Header.Set(f[i], f[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("status %d", response.StatusCode)
	}
	if code, log := runOnce(t, configuration); code != 1 || !strings.Contains(log, "address already in use") {
		t.Errorf("a socket in use: exit code %d: %s", code, log)
	}
	_ = r
}

// With client_ca, only a proxy with a certificate of that CA can connect.
func TestTLS(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	certificate, key := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	pair := newCertificate(t, certificate, key)
	r := start(t, strings.Replace("proxy: nginx"+common, "listen: {", "listen: {tls: {certificate: "+certificate+", key: "+key+", client_ca: "+certificate+"}, ", 1))
	for name, own := range map[string][]tls.Certificate{"with": {pair}, "without": nil} {
		roots := x509.NewCertPool()
		roots.AddCert(pair.Leaf)
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: own, MinVersion: tls.VersionTLS12}}}
		request, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+r.HTTP+"/auth", nil)
		for f, i := describe("nginx", "GET", "/public/x"), 0; i < 8; i += 2 {
			request.Header.Set(f[i], f[i+1])
		}
		response, err := client.Do(request)
		if (err == nil) != (own != nil) {
			t.Errorf("%s a certificate: %v", name, err)
		}
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("status %d", response.StatusCode)
			}
		}
	}
}

// newCertificate writes a self-signed certificate for 127.0.0.1 and its key into files.
func newCertificate(t *testing.T, certificate, key string) tls.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: public}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pair, err := tls.LoadX509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}
