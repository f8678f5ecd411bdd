package token_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/token"
	"github.com/bearerkit/bearerkit/consumer"
)

// newIssuer returns the issuer of bearertest with some clients.
func newIssuer(url string) *bearertest.Issuer {
	return bearertest.NewIssuer(bearertest.IssuerConfig{URL: url, Algorithms: []string{"ES256"}, Clients: []bearertest.Client{
		{ID: "batch", Secret: "hush-hush", Scopes: []string{"orders:read"}},
		{ID: "tool", RedirectURIs: []string{"http://127.0.0.1/callback"}},
		{ID: "web", Secret: "hush-hush", GrantTypes: []string{"authorization_code"}},
	}})
}

// issuerCase is a call of the command for an issuer of bearertest.
type issuerCase struct {
	name string
	args string
	act  func(t *testing.T, stderr *lines) // plays the user; nil: there is none
	want string                            // in stderr, if the command fails; empty: it succeeds
}

// run runs the command, and checks that a consumer accepts the token. client reaches the issuer; nil: over the network.
func (test issuerCase) run(t *testing.T, issuer *bearertest.Issuer, client *http.Client) {
	t.Helper()
	environ := []string{"BEARERKIT_ISSUER=" + issuer.URL()}
	if test.act == nil {
		environ = append(environ, "BEARERKIT_CLIENT_SECRET=hush-hush")
		test.act = func(*testing.T, *lines) {}
	}
	stdout, stderr, acted := new(bytes.Buffer), newLines(), make(chan struct{})
	go func() {
		defer close(acted)
		test.act(t, stderr)
	}()
	env := &cli.Env{Stdout: stdout, Stderr: stderr, Environ: func() []string { return environ }, HTTPClient: client}
	code := cli.Run(t.Context(), env, append([]string{"token"}, strings.Fields(test.args)...), token.Command)
	<-acted
	if test.want != "" {
		if code != cli.ExitFailed || !strings.Contains(stderr.text(), test.want) || stdout.Len() > 0 {
			t.Errorf("exit code %d, stdout %q, want %q in stderr:\n%s", code, stdout, test.want, stderr.text())
		}
		return
	}
	verifier, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, HTTPClient: client})
	if err != nil {
		t.Fatal(err)
	}
	raw, found := strings.CutSuffix(stdout.String(), "\n")
	if code != cli.ExitOK || !found {
		t.Fatalf("exit code %d, stderr %q", code, stderr.text())
	}
	if _, err := verifier.Verify(t.Context(), raw); err != nil {
		t.Errorf("the token is not accepted: %v", err)
	}
}

// TestIssuer gets tokens from the issuer of bearertest, over the network.
func TestIssuer(t *testing.T) {
	t.Parallel()
	var issuer *bearertest.Issuer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { issuer.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	issuer = newIssuer(server.URL)
	for _, test := range []issuerCase{
		{"client credentials", "--client-id batch --scope orders:read", nil, ""},
		{"a scope that is not allowed", "--client-id batch --scope orders:write", nil, `The requested scopes are "orders:write"`},
		{"a grant that is not allowed", "--client-id web", nil, "allow the client credentials grant"},
		{"an unknown client", "--client-id nobody", nil, "does not accept the client \"nobody\""},
		{"browser", "--client-id tool --flow browser --no-browser --scope openid", func(t *testing.T, stderr *lines) {
			t.Helper()
			if err := visit(t.Context(), stderr.wait(t, `(?m)^  (http.*)$`)); err != nil {
				t.Error(err)
			}
		}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(t, issuer, nil)
		})
	}
}

// TestIssuerDevice gets tokens with a code from the issuer of bearertest, in virtual time.
func TestIssuerDevice(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		decide func(issuer *bearertest.Issuer, code string) bool
		want   string
	}{
		{"the user accepts", (*bearertest.Issuer).ApproveDevice, ""},
		{"the user declines", (*bearertest.Issuer).DenyDevice, "Run the command again, and accept the request."},
		{"the user does nothing", func(*bearertest.Issuer, string) bool { return true }, "not completed in time (--timeout).\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				issuer := newIssuer("https://issuer.test")
				act := func(t *testing.T, stderr *lines) {
					t.Helper()
					if code := stderr.wait(t, `(?m)and type\n\n  (\S+)$`); !test.decide(issuer, code) {
						t.Errorf("no device waits with the code %q", code)
					}
				}
				// The timeout must not be a multiple of the polling interval: then it is not certain which of the two ends first.
				issuerCase{args: "--client-id tool --flow device --timeout 298s", act: act, want: test.want}.run(t, issuer, issuer.Client())
			})
		})
	}
}
