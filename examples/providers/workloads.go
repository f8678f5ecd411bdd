package providers

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func kubernetes() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileKubernetes,
	})
}

// podClient returns a client for an issuer that only pods can reach. folder is
// /var/run/secrets/kubernetes.io/serviceaccount.
func podClient(folder string) (*http.Client, error) {
	ca, err := fs.ReadFile(os.DirFS(folder), "ca.crt")
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		return nil, errors.New("ca.crt has no certificate")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return &http.Client{Transport: podTransport{transport, filepath.Join(folder, "token")}}, nil
}

// podTransport adds the token of the pod to each request. It reads the file each time, because Kubernetes renews the token.
type podTransport struct {
	next http.RoundTripper
	file string
}

func (t podTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := os.ReadFile(t.file)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	return t.next.RoundTrip(r)
}

func gitHubActions() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:    "https://token.actions.githubusercontent.com",
		Audience:  []string{"https://api.example.com"},
		Profile:   consumer.ProfileGitHubActions,
		ClientIDs: []string{"octo-org/octo-repo"},
	})
}

func gitLabCI() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:    "https://gitlab.com",
		Audience:  []string{"https://api.example.com"},
		Profile:   consumer.ProfileGitLabCI,
		ClientIDs: []string{"my-group/my-project"},
	})
}

func spiffe() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://spire.example.org/bundle"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "spiffe://example.org",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileSPIFFE,
		Keys:     keys,
	})
}
