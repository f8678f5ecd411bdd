package doctor_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
)

// The setting for issuers without TLS does not send the token to an API without TLS on another machine.
func TestNoTokenWithoutTLS(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "api.example.com" {
			t.Errorf("a request to %s", r.URL)
		}
		return issuer.Client().Transport.RoundTrip(r)
	})
	env := &cli.Env{Stdin: strings.NewReader(issuer.AccessToken().Sign()), HTTPClient: &http.Client{Transport: transport}}
	args := []string{
		"doctor", "--issuer", issuer.URL(), "--audience", "https://api.test", "--insecure-allow-http", "--token-file", "-",
		"--api", "http://api.example.com/orders",
	}
	if code := cli.Run(t.Context(), env, args, doctor.Command); code != cli.ExitFailed {
		t.Errorf("exit code %d, want %d", code, cli.ExitFailed)
	}
}
