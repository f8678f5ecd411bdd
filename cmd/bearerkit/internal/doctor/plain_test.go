package doctor_test

import (
	"net/http"
	"regexp"
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

// A finding names each profile once.
func TestProfilesAreListedOnce(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ given, typ string }{{"default", "at+jwt"}, {"okta", "at+jwt"}, {"rfc9068", "at+jwt"}, {"rfc9068", "JWT"}, {"default", "JWT"}} {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		w := &world{hosts: map[string]http.Handler{origin(issuer.URL()): issuer}}
		raw := issuer.AccessToken().SetHeader("typ", test.typ).Set("cid", "c").Set("aud", "https://api.test").Sign()
		d, _ := diagnose(t, w, raw, "--issuer", issuer.URL(), "--audience", "https://api.test", "--profile", test.given)
		found := false
		for _, f := range d.Findings {
			if f.Check != "token.profile" {
				continue
			}
			found = true
			text := strings.ToLower(f.Found + " " + f.Change)
			for _, name := range []string{"rfc9068", "default", "okta", "keycloak"} {
				if n := len(regexp.MustCompile(`(^|[^a-z0-9-])(consumer\.profile)?`+name+`([^a-z0-9-]|$)`).FindAllString(text, -1)); n > 1 {
					t.Errorf("%+v: %s is named %d times: %s", test, name, n, text)
				}
			}
		}
		if !found {
			t.Errorf("%+v: no finding about the profile", test)
		}
	}
}
