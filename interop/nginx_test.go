package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

const apiAudience = "https://api.test"

// TestNginx_ClientCert sends certificate-bound tokens through nginx, which ends mutual TLS and forwards the certificate, in
// two encodings. It also sends them past nginx, with a forged header.
func TestNginx_ClientCert(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: apiAudience})
	ca := newIdentity(t, nil)
	own, other, selfSigned := newIdentity(t, ca), newIdentity(t, ca), newIdentity(t, nil)
	rfc9440 := newBoundAPI(t, issuer, middleware.CertificateRFC9440)
	escaped := newBoundAPI(t, issuer, middleware.CertificateURLPEM)
	verifying := startNginx(t, ca, "optional", rfc9440, escaped)
	selfSigning := startNginx(t, ca, "optional_no_ca", rfc9440, escaped)
	for _, form := range []struct {
		path   string
		api    *boundAPI
		forged func(*identity) string
	}{{"/rfc9440", rfc9440, (*identity).rfc9440}, {"/pem", escaped, (*identity).escapedPEM}} {
		for _, row := range []struct {
			name   string
			proxy  string
			client *identity // nil: without a certificate
			bound  *identity // the certificate that the token is bound to
			forged []string  // headers of the client, as pairs
			want   string    // in the detail of the refusal; "": accepted
		}{
			{"own certificate", verifying, own, own, nil, ""},
			{"own certificate, forged header", verifying, own, own, []string{"Client-Cert", form.forged(other)}, ""},
			{"self-signed certificate", selfSigning, selfSigned, selfSigned, nil, ""},
			{"another certificate", verifying, other, own, nil, "not the thumbprint"},
			{"another certificate, forged header", verifying, other, own, []string{"Client-Cert", form.forged(own)}, "not the thumbprint"},
			{"another certificate, self-signed", selfSigning, selfSigned, own, nil, "not the thumbprint"},
			{"no certificate", verifying, nil, own, nil, "the proxy sent no header"},
			{"no certificate, forged header", verifying, nil, own, []string{"Client-Cert", form.forged(own)}, "the proxy sent no header"},
			{"no certificate, two forged headers", verifying, nil, own, []string{"Client-Cert", form.forged(own), "client-cert", form.forged(own)}, "the proxy sent no header"},
			{"no certificate, underscores", verifying, nil, own, []string{"Client_Cert", form.forged(own)}, "the proxy sent no header"},
			{"certificate of nginx", verifying, nil, ca, nil, "the proxy sent no header"},
			{"past nginx", form.api.URL, nil, own, nil, "does not use TLS"},
			{"past nginx, forged header", form.api.URL, nil, own, []string{"Client-Cert", form.forged(own)}, "the peer of the connection is not listed"},
		} {
			t.Run(form.path+": "+row.name, func(t *testing.T) {
				token := issuer.AccessToken().BoundToCertificate(row.bound.leaf.Raw).Sign()
				status := requestWith(t, clientOf(row.client, ca), row.proxy+form.path, token, row.forged)
				form.api.wantResult(t, status, row.want)
			})
		}
	}
}

// identity is a certificate and its key.
type identity struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newIdentity returns a certificate for 127.0.0.1. It is self-signed if by is nil.
func newIdentity(t *testing.T, by *identity) *identity {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial := big.NewInt(time.Now().UnixNano())
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test " + serial.String()}, // OpenSSL needs different names
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if by == nil {
		template.IsCA, template.BasicConstraintsValid = true, true
		by = &identity{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.leaf, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identity{leaf, key}
}

func (i *identity) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.leaf.Raw}))
}

func (i *identity) rfc9440() string { return ":" + base64.StdEncoding.EncodeToString(i.leaf.Raw) + ":" }

func (i *identity) escapedPEM() string { return url.PathEscape(i.pem()) }

// clientOf returns an HTTP client with the certificate of own, or without one. Its connections without TLS come from an
// address that is not the one of nginx.
func clientOf(own, server *identity) *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(server.leaf)
	cfg := &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	if own != nil {
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return &tls.Certificate{Certificate: [][]byte{own.leaf.Raw}, PrivateKey: own.key}, nil
		}
	}
	direct := &net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.2:0"))}
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
		TLSClientConfig: cfg, ForceAttemptHTTP2: true, DisableKeepAlives: true, DialContext: direct.DialContext,
	}}
}

// requestWith sends a request with header fields, and returns the status.
func requestWith(t *testing.T, client *http.Client, url, token string, fields []string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(fields); i += 2 {
		r.Header[fields[i]] = []string{fields[i+1]} // not Add, which would change the name
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	return response.StatusCode
}

// boundAPI is an API without TLS. It accepts the header of 127.0.0.1.
type boundAPI struct {
	*httptest.Server

	refusals chan *middleware.Refusal // one for each request
}

func newBoundAPI(t *testing.T, issuer *bearertest.Issuer, encoding middleware.CertificateEncoding) *boundAPI {
	t.Helper()
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{apiAudience}, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	api := &boundAPI{refusals: make(chan *middleware.Refusal, 1)}
	guard, err := middleware.New(middleware.Config{
		Verifier: verifier,
		MTLS:     &middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Encoding: encoding},
		OnDecision: func(_ context.Context, d middleware.Decision) {
			refusal, _ := errors.AsType[*middleware.Refusal](d.Err)
			api.refusals <- refusal
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	api.Server = httptest.NewServer(guard.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	t.Cleanup(api.Close)
	return api
}

// wantResult expects that the API decided once, with a refusal whose detail contains want, or without one.
func (api *boundAPI) wantResult(t *testing.T, status int, want string) {
	t.Helper()
	select {
	case refusal := <-api.refusals:
		switch {
		case want == "" && (status != http.StatusOK || refusal != nil):
			t.Errorf("status %d, %v, want 200", status, refusal)
		case want != "" && (status != http.StatusUnauthorized || refusal == nil || !strings.Contains(refusal.Detail, want)):
			t.Errorf("status %d, %v, want 401 and the detail %q", status, refusal, want)
		}
	default:
		t.Errorf("status %d, and the request did not reach the API", status)
	}
}

// startNginx runs nginx until the test ends, and returns its URL. verify is the value of ssl_verify_client.
func startNginx(t *testing.T, ca *identity, verify string, rfc9440, escaped *boundAPI) string {
	t.Helper()
	binary, address := findNginx(t), freeAddress(t)
	config := nginxConfig(t, ca, strings.NewReplacer("{listen}", address, "{verify}", verify,
		"{rfc9440}", rfc9440.URL, "{pem}", escaped.URL))
	runNginx(t, binary, config, address)
	return "https://" + address
}

// runNginx runs nginx until the test ends, and waits until it listens at address.
func runNginx(t *testing.T, binary, config, address string) {
	t.Helper()
	// The shell ends nginx when its stdin is closed, so nginx also ends if this program is killed.
	cmd := exec.CommandContext(t.Context(), "sh", "-c",
		`exec 3<&0; "$0" -c "$1" -p "$2" & pid=$!; (read -r _ <&3; kill "$pid") >/dev/null 2>&1 & wait "$pid"`,
		binary, config, filepath.Dir(config))
	stderr := new(output)
	cmd.Stderr, cmd.WaitDelay = stderr, 5*time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Cancel = stdin.Close
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Wait() // its context has ended
		if t.Failed() {
			t.Logf("nginx wrote to stderr:\n%s", stderr)
		}
	})
	waitUntilListening(t, address)
}

// waitUntilListening returns as soon as a program accepts connections at address.
func waitUntilListening(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	retry := time.NewTicker(20 * time.Millisecond)
	defer retry.Stop()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-retry.C:
		}
	}
}

// nginxModules is where Debian keeps modules of nginx.
const nginxModules = "/usr/lib/nginx/modules"

// findNginx returns the path of nginx. It skips the test if nginx or its JavaScript module is not installed.
func findNginx(t *testing.T) string {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		binary, err = exec.LookPath("/usr/sbin/nginx") // which is not in the PATH of every user
	}
	if err != nil {
		unavailable(t, "interop: nginx is not installed")
	}
	if _, err := os.Stat(filepath.Join(nginxModules, "ngx_http_js_module.so")); err != nil {
		unavailable(t, "interop: the module libnginx-mod-http-js is not installed")
	}
	return binary
}

// nginxConfig writes the configuration and the certificates into a folder of the test, and returns the path of nginx.conf.
func nginxConfig(t *testing.T, ca *identity, names *strings.Replacer) string {
	t.Helper()
	template, err := os.ReadFile("nginx/nginx.conf")
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := filepath.Abs("nginx")
	if err != nil {
		t.Fatal(err)
	}
	server := newIdentity(t, ca)
	key, err := x509.MarshalPKCS8PrivateKey(server.key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text := strings.NewReplacer("{dir}", dir, "{conf}", scripts, "modules/", nginxModules+"/").Replace(string(template))
	for name, content := range map[string]string{
		"nginx.conf": names.Replace(text), "server.pem": server.pem(), "clients.pem": ca.pem(),
		"server.key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "nginx.conf")
}
