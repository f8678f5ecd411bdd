package providers

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// An issuer inside a cluster has a certificate of the cluster and rejects requests without the token of a pod.
func TestPodClient(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://" + server.Listener.Addr().String()})
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer pod" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		issuer.ServeHTTP(w, r)
	})
	server.StartTLS()
	t.Cleanup(server.Close)

	folder := t.TempDir()
	if _, err := podClient(folder); err == nil {
		t.Error("a folder without ca.crt was accepted")
	}
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.crt", "not a certificate")
	if _, err := podClient(folder); err == nil {
		t.Error("a ca.crt without a certificate was accepted")
	}
	write("ca.crt", string(ca))
	client, err := podClient(folder)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	if verifier.Warm(t.Context()) == nil {
		t.Error("metadata was fetched without the token of the pod")
	}
	write("token", "pod\n") // the token is read again for each request
	if err := verifier.Refresh(t.Context()); err != nil {
		t.Errorf("Refresh: %v", err)
	}
	if _, err := verifier.Verify(t.Context(), issuer.AccessToken().Sign()); err != nil {
		t.Errorf("Verify: %v", err)
	}
}
