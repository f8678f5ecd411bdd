package main

import (
	"crypto/rand"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/examples/internal/demo"
	"github.com/bearerkit/bearerkit/examples/internal/demotest"
)

// base contains the required variables.
func base(issuer string) map[string]string {
	return map[string]string{"AUTH_SERVER_BASE_URL": issuer, "OAUTH_AUDIENCE": demo.Audience}
}

func with(vars map[string]string, more ...string) map[string]string {
	vars = maps.Clone(vars)
	for i := 0; i < len(more); i += 2 {
		vars[more[i]] = more[i+1]
	}
	return vars
}

// apiOf returns the API that the variables describe. Their names have no prefix.
func apiOf(t *testing.T, vars map[string]string) (http.Handler, error) {
	t.Helper()
	for name, value := range vars {
		t.Setenv("CROSSAUTH_"+name, value)
	}
	return newAPI()
}

// accessToken returns a token like those of a crossauth server: with a `type` claim, without a client, and with the `kid` "1".
func accessToken(issuer *bearertest.Issuer) *bearertest.Token {
	return issuer.AccessToken().SetHeader("typ", "JWT").SetHeader("kid", "1").
		Set("type", "access").Set("client_id", bearertest.Absent).Set("scope", []string{"orders:read"})
}

func TestSmoke(t *testing.T) { //nolint:paralleltest // the environment is that of the process
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	secret := rand.Text() + rand.Text()
	vars := base(issuer.URL())
	publicKey := string(issuer.PEM("ES256"))

	signed := accessToken(issuer.Issuer).Sign()
	shared := accessToken(issuer.Issuer).SignWith("HS256", []byte(secret)).Sign()
	discovered := accessToken(issuer.Issuer).SetHeader("kid", "es256-1").Sign()
	tests := []struct {
		name string
		env  map[string]string
		good string
		bad  string
	}{
		{"discovery", with(vars), discovered, shared},
		{"discovery and algorithm", with(vars, "JWT_KEY_TYPE", "ES256"), discovered, shared},
		{"public key", with(vars, "JWT_KEY_TYPE", "ES256", "JWT_PUBLIC_KEY", publicKey), signed, shared},
		{"public key file", with(vars, "JWT_KEY_TYPE", "ES256", "JWT_PUBLIC_KEY_FILE", file(t, publicKey)), signed, shared},
		{"public key alone", with(vars, "JWT_PUBLIC_KEY", publicKey), signed, shared},
		{"secret", with(vars, "JWT_KEY_TYPE", "HS256", "JWT_SECRET_KEY", secret), shared, signed},
		{"secret file", with(vars, "JWT_KEY_TYPE", "HS256", "JWT_SECRET_KEY_FILE", file(t, secret)), shared, signed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api, err := apiOf(t, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if got := demotest.Get(t.Context(), api, "/orders", test.good); got.Code != 200 || got.Body.String() != "hello alice\n" {
				t.Errorf("good token: %d %q", got.Code, got.Body)
			}
			if got := demotest.Get(t.Context(), api, "/me", test.bad); got.Code != 401 {
				t.Errorf("bad token: %d", got.Code)
			}
		})
	}
}

func TestTokens(t *testing.T) { //nolint:paralleltest // the environment is that of the process
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: demo.Audience})
	vars := base(issuer.URL())
	vars["JWT_KEY_TYPE"], vars["JWT_PUBLIC_KEY"] = "RS256", string(issuer.PEM("RS256"))
	endedFor := func(d time.Duration) string {
		return accessToken(issuer).Set("exp", time.Now().Add(-d).Unix()).Sign()
	}
	tests := []struct {
		name, token string
		env         map[string]string
		status      int
	}{
		{"refresh token", accessToken(issuer).Set("type", "refresh").Sign(), with(vars), 401},
		{"no type", accessToken(issuer).Set("type", bearertest.Absent).Sign(), with(vars), 401},
		{"another audience", accessToken(issuer).Set("aud", "other").Sign(), with(vars), 401},
		{"without the scope", accessToken(issuer).Set("scope", []string{"other"}).Sign(), with(vars), 403},
		{"ended, within the default tolerance", endedFor(5 * time.Second), with(vars), 200},
		{"ended, beyond it", endedFor(30 * time.Second), with(vars), 401},
		{"ended, within a tolerance of a minute", endedFor(30 * time.Second), with(vars, "OAUTH_CLOCK_TOLERANCE", "60"), 200},
		{"ended, no tolerance", endedFor(5 * time.Second), with(vars, "OAUTH_CLOCK_TOLERANCE", "0"), 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			api, err := apiOf(t, test.env)
			if err != nil {
				t.Fatal(err)
			}
			if got := demotest.Get(t.Context(), api, "/orders", test.token); got.Code != test.status {
				t.Errorf("status %d, want %d", got.Code, test.status)
			}
		})
	}
}

func TestAccessDeniedBody(t *testing.T) { //nolint:paralleltest // the environment is that of the process
	const body = `{"ok":false,"message":"access denied"}`
	api, err := apiOf(t, with(base("https://issuer.test"), "OAUTH_RESSERVER_ACCESS_DENIED_BODY", body))
	if err != nil {
		t.Fatal(err)
	}
	got := demotest.Get(t.Context(), api, "/me", "")
	if got.Code != 401 || got.Body.String() != body || got.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %q %q", got.Code, got.Body, got.Header().Get("Content-Type"))
	}
	if challenge := got.Header().Get("WWW-Authenticate"); challenge != `Bearer realm="api"` {
		t.Errorf("challenge %q", challenge)
	}
}

// TestFaults checks that the program reports all configuration errors together at the start.
func TestFaults(t *testing.T) { //nolint:paralleltest // the environment is that of the process
	vars := base("https://issuer.test")
	tests := []struct {
		name string
		env  map[string]string
		want []string
	}{
		{"nothing", nil, []string{"CROSSAUTH_AUTH_SERVER_BASE_URL is required", "CROSSAUTH_OAUTH_AUDIENCE is required"}},
		{
			"secret and public key", with(vars, "JWT_KEY_TYPE", "HS256", "JWT_SECRET_KEY", "s", "JWT_PUBLIC_KEY", "p"),
			[]string{"CROSSAUTH_JWT_PUBLIC_KEY and CROSSAUTH_JWT_SECRET_KEY must not be set together"},
		},
		{"stored tokens", with(vars, "OAUTH_PERSIST_ACCESS_TOKEN", "true"), []string{"Config.Status is required because CROSSAUTH_OAUTH_PERSIST_ACCESS_TOKEN"}},
		{"body", with(vars, "OAUTH_RESSERVER_ACCESS_DENIED_BODY", "{"), []string{"OAUTH_RESSERVER_ACCESS_DENIED_BODY is not JSON"}},
		{
			"several", with(vars, "OAUTH_CLOCK_TOLERANCE", "ten", "OAUTH_RESSERVER_ACCESS_DENIED_BODY", "{"),
			[]string{`CROSSAUTH_OAUTH_CLOCK_TOLERANCE is "ten"`, "OAUTH_RESSERVER_ACCESS_DENIED_BODY is not JSON"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := apiOf(t, test.env)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
