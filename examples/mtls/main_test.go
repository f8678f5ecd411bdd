package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func TestSmoke(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	alice, mallory, nobody := newClient(t, dir, "alice"), newClient(t, dir, "mallory"), newClient(t, dir, "")
	status, token := get(t, alice, s.token, "", "")
	if status != http.StatusOK {
		t.Fatalf("the token endpoint responds with status %d", status)
	}
	header := ":" + base64.StdEncoding.EncodeToString(readPEM(t, filepath.Join(dir, "alice.pem"))) + ":"
	for name, test := range map[string]struct {
		client        *http.Client
		token, header string
		status        int
		body          string
	}{
		"the certificate of the token":  {alice, token, "", 200, "hello alice"},
		"another certificate":           {mallory, token, "", 401, ""},
		"no certificate":                {nobody, token, "", 401, ""},
		"another certificate, header":   {mallory, token, header, 401, ""},
		"no certificate, header":        {nobody, token, header, 401, ""},
		"no token":                      {alice, "", "", 401, ""},
		"a token that is not bound":     {alice, s.issuer.Good().Sign(), "", 401, ""},
		"a header beside a certificate": {alice, token, header, 200, "hello alice"},
		"a changed token":               {alice, token[:len(token)-8] + "AAAAAAAA", "", 401, ""},
	} {
		status, body := get(t, test.client, s.api+"/me", test.token, test.header)
		if status != test.status || test.body != "" && body != test.body {
			t.Errorf("%s: %d %q, want %d %q", name, status, body, test.status, test.body)
		}
	}
	if status, _ := get(t, nobody, s.token, "", ""); status != http.StatusUnauthorized {
		t.Errorf("the token endpoint responds with status %d to a request without a certificate", status)
	}
}

// The printed commands name files that exist.
func TestCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	for _, word := range strings.Fields(try) {
		if strings.HasSuffix(word, ".pem") || strings.HasSuffix(word, ".key") {
			if _, err := os.Stat(filepath.Join(dir, word)); err != nil {
				t.Error(err)
			}
		}
	}
}

// newClient returns a client with the certificate of name, or without one if name is empty.
func newClient(t *testing.T, dir, name string) *http.Client {
	t.Helper()
	cfg := &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	authority, err := x509.ParseCertificate(readPEM(t, filepath.Join(dir, "ca.pem")))
	if err != nil {
		t.Fatal(err)
	}
	cfg.RootCAs.AddCert(authority)
	if name != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key"))
		if err != nil {
			t.Fatal(err)
		}
		cfg.Certificates = []tls.Certificate{pair}
	}
	transport := &http.Transport{TLSClientConfig: cfg, ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func readPEM(t *testing.T, path string) []byte {
	t.Helper()
	block, _ := pem.Decode([]byte(readText(t, path)))
	if block == nil {
		t.Fatalf("%s is not a PEM file", path)
	}
	return block.Bytes
}

// get returns the status and the body without its line end.
func get(t *testing.T, client *http.Client, address, token, header string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	if header != "" {
		request.Header.Set("Client-Cert", header)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(string(text))
}

// TestSettings checks the settings that docs/mutual-tls.md shows.
func TestSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	verifier, err := consumer.New(consumer.Config{Issuer: s.issuer.URL(), Audience: []string{demo.Audience}})
	if err != nil {
		t.Fatal(err)
	}
	guard, err := newGuardBehindProxy(verifier, nil)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(guard.Handler(http.HandlerFunc(greet)), x509.NewCertPool())
	_, token := get(t, newClient(t, dir, "alice"), s.token, "", "")
	header := url.PathEscape(readText(t, filepath.Join(dir, "alice.pem")))
	for peer, want := range map[string]int{"10.1.2.7:4711": 200, "10.1.2.8:4711": 401} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		request.RemoteAddr = peer
		request.Header.Set("Authorization", "Bearer "+token)
		request.Header.Set("Client-Cert", header)
		recorder := httptest.NewRecorder()
		server.Handler.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("%s: status %d, want %d", peer, recorder.Code, want)
		}
	}
	if server.TLSConfig.ClientAuth == tls.NoClientCert {
		t.Error("the server does not request a certificate")
	}
}

const document = "../../docs/mutual-tls.md"

// blocks matches the code blocks of a document.
var blocks = regexp.MustCompile("(?s)```([a-z]+)\n(.*?)```\n")

// TestBlocks checks the code blocks of docs/mutual-tls.md. The Go blocks are functions of this folder, so that they compile.
// Each line of the blocks for nginx is in the configuration that the tests of interop run.
func TestBlocks(t *testing.T) {
	t.Parallel()
	tested := map[string]string{
		"go": readText(t, "settings.go"), "js": readText(t, "../../interop/nginx/certificate.js"),
		"nginx": strings.NewReplacer("{dir}/", "", "{conf}/", "", "{verify}", "optional").Replace(readText(t, "../../interop/nginx/nginx.conf")),
	}
	found := 0
	for _, block := range blocks.FindAllStringSubmatch(readText(t, document), -1) {
		source, isTested := tested[block[1]]
		if !isTested {
			continue
		}
		found++
		parts := []string{block[2]}
		if block[1] == "nginx" {
			parts = slices.Collect(strings.Lines(block[2]))
		}
		for _, part := range parts {
			if !strings.Contains(source, part) {
				t.Errorf("not tested:\n%s", part)
			}
		}
	}
	if found != 5 {
		t.Errorf("%d blocks, want 5", found)
	}
}

func readText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
