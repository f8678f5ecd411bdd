package doctor_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
	"github.com/bearerkit/bearerkit/consumer"
)

// With one location of the metadata, there is no problem and no warning.
func TestMetadataAtOneLocation(t *testing.T) {
	t.Parallel()
	for _, code := range []int{http.StatusNotFound, http.StatusForbidden, http.StatusGone} {
		for _, path := range []string{oauthPath, openIDPath} {
			issuer := newIssuer(home)
			w := &world{hosts: map[string]http.Handler{home: override(issuer, path, status(code))}}
			d, output := diagnose(t, w, issuer.AccessToken().Sign(), "--issuer", home, "--audience", audience)
			if d.Problems+d.Warnings+len(d.Settings) > 0 || d.Token != "accepted" || !strings.Contains(joined(output), "Not at "+home+path) {
				t.Errorf("status %d at %s:\n%s", code, path, output)
			}
		}
	}
}

// A certificate that does not verify is named as the reason, and what doctor suggests helps. It never suggests http.
func TestBadCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // failed handshakes are expected
	server.StartTLS()
	t.Cleanup(server.Close)
	trusting := server.Client()
	named := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) // the certificate does not have this name
	for _, test := range []struct {
		name, url string
		client    *http.Client
		says      string
		repaired  string // the URL, with a client that trusts the authority
	}{
		{"an unknown authority", server.URL, &http.Client{Transport: &http.Transport{}}, "RootCAs", server.URL},
		{"another host", named, trusting, "The certificate is for another host", server.URL},
	} {
		var raw string
		for _, url := range []string{test.url, test.repaired} {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Algorithms: []string{"RS256"}})
			server.Config.Handler = issuer
			raw = issuer.AccessToken().Sign()
			var out bytes.Buffer
			env := &cli.Env{Stdin: strings.NewReader(raw), Stdout: &out, HTTPClient: test.client}
			if url == test.repaired && test.url != test.repaired {
				env.HTTPClient = trusting
			}
			code := cli.Run(t.Context(), env, []string{"doctor", "--json", "--issuer", url, "--audience", audience, "--token-file", "-"}, doctor.Command)
			var d documented
			if err := json.Unmarshal(out.Bytes(), &d); err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			if url != test.url {
				if code != cli.ExitOK {
					t.Errorf("%s, repaired: exit code %d\n%s", test.name, code, &out)
				}
				continue
			}
			if code != cli.ExitFailed || d.Token != "unknown" || len(d.Settings) > 0 || !strings.Contains(out.String(), test.says) {
				t.Errorf("%s: exit code %d, want the text %q and no setting\n%s", test.name, code, test.says, &out)
			}
		}
		if !accepts(t, consumer.Config{Issuer: test.repaired, Audience: []string{audience}, HTTPClient: trusting}, raw) {
			t.Errorf("%s: with the change, the token is not accepted", test.name)
		}
	}
}
