package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatalf("%s is not a PEM file", path)
	}
	return block.Bytes
}

// get returns the status and the body without its line end.
func get(t *testing.T, client *http.Client, url, token, header string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
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
