package doctor_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

const (
	home     = "https://login.example.com"
	audience = "https://api.test"
)

// broken is one way in which an issuer, a token or a Config is wrong.
type broken struct {
	name string

	// These change the correct state: an issuer at home, and a token that it has created for audience.
	issuer   string // that of the authorization server; "": home
	world    func(w *world, issuer *bearertest.Issuer)
	token    func(issuer *bearertest.Issuer) string // nil: a correct access token
	args     []string                               // more arguments
	given    string                                 // the issuer that the user gives; "": that of the authorization server
	audience string                                 // that the user gives; "": audience; "-": none
	cfg      func(cfg *consumer.Config)             // what args mean

	// This is the correct diagnosis.
	check    string            // of a finding that is a problem, or a warning if mild is true
	settings map[string]string // nil: no setting helps; then actor has to act
	actor    string
	says     string // a part of the advice of the finding
	mild     bool   // the token is accepted all the same
}

// Every suggested change is the correct one: with exactly these settings, the token is accepted. If no setting helps, the finding
// says who has to act.
func TestBrokenIssuers(t *testing.T) {
	t.Parallel()
	for _, b := range brokenIssuers() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, b.run)
		})
	}
}

func (b broken) run(t *testing.T) {
	if b.issuer == "" {
		b.issuer = home
	}
	issuer := newIssuer(b.issuer)
	w := &world{hosts: map[string]http.Handler{origin(b.issuer): issuer}}
	if b.world != nil {
		b.world(w, issuer)
	}
	raw := issuer.AccessToken().Sign()
	if b.token != nil {
		raw = b.token(issuer)
	}
	cfg := consumer.Config{Issuer: b.issuer, Audience: []string{audience}, HTTPClient: &http.Client{Transport: w}}
	if b.given != "" {
		cfg.Issuer = b.given
	}
	args := append([]string{"--issuer", cfg.Issuer}, b.args...)
	switch b.audience {
	case "":
		args = append(args, "--audience", audience)
	case "-":
		cfg.Audience = nil
	default:
		cfg.Audience = []string{b.audience}
		args = append(args, "--audience", b.audience)
	}
	if b.cfg != nil {
		b.cfg(&cfg)
	}
	d, output := diagnose(t, w, raw, args...)
	t.Logf("\n%s", output)
	b.checkFinding(t, d)
	got := make(map[string]string)
	for _, s := range d.Settings {
		got[strings.TrimPrefix(s.Field, "consumer.Config.")] = s.Value
	}
	if !maps.Equal(got, b.settings) {
		t.Errorf("settings %q, want %q", got, b.settings)
	}
	before := accepts(t, cfg, raw)
	after := accepts(t, applied(t, cfg, d), raw)
	if before != b.mild {
		t.Errorf("without changes, the token is accepted: %t, want %t", before, b.mild)
	}
	if want := b.mild || b.settings != nil && b.actor != "machine and nothing"; after != want {
		t.Errorf("with the changes, the token is accepted: %t, want %t", after, want)
	}
	if d.Token == "accepted" != after {
		t.Errorf("verdict %q, but the token is accepted: %t", d.Token, after)
	}
}

// checkFinding checks that the expected finding is there.
func (b broken) checkFinding(t *testing.T, d documented) {
	t.Helper()
	severity := "problem"
	if b.mild {
		severity = "warning"
	}
	for _, f := range d.Findings {
		if f.Check == b.check && (f.Severity == severity || b.mild && f.Severity == "problem") && strings.Contains(f.Found+" "+f.Change, b.says) && (b.actor == "" || f.Actor == b.actor) {
			return
		}
	}
	t.Errorf("no finding %s with severity %s, actor %q and the text %q in %+v", b.check, severity, b.actor, b.says, d.Findings)
}

// accepts reports whether an API with this Config accepts the token.
func accepts(t *testing.T, cfg consumer.Config, raw string) bool {
	t.Helper()
	c, err := consumer.New(cfg)
	if err != nil {
		t.Logf("New: %v", err)
		return false
	}
	if err := c.Warm(t.Context()); err != nil {
		t.Logf("Warm: %v", err)
		return false
	}
	_, err = c.Verify(t.Context(), raw)
	t.Logf("Verify: %v", err)
	return err == nil
}

func origin(issuer string) string {
	scheme, rest, _ := strings.Cut(issuer, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host
}

// override returns a handler that serves path itself, and everything else with next.
func override(next http.Handler, path string, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == path {
			serve(rw, r)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

func status(code int) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(code) }
}

func sends(contentType, body string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", contentType)
		fmt.Fprint(rw, body)
	}
}

func redirects(target string) http.HandlerFunc {
	return func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Location", target)
		rw.WriteHeader(http.StatusFound)
	}
}

const (
	oauthPath  = "/.well-known/oauth-authorization-server"
	openIDPath = "/.well-known/openid-configuration"
)

// both overrides the two locations of the metadata.
func both(next http.Handler, serve http.HandlerFunc) http.Handler {
	return override(override(next, oauthPath, serve), openIDPath, serve)
}

// document returns metadata of the issuer home.
func document(jwksURI string) http.HandlerFunc {
	text, _ := json.Marshal(map[string]string{"issuer": home, "jwks_uri": jwksURI})
	return sends("application/json", string(text))
}

// weakKey returns the JWK of an RSA key with 1024 bits, which Go no longer generates.
func weakKey() string {
	n := make([]byte, 128)
	_, _ = rand.Read(n)
	n[0] |= 0x80
	n[127] |= 1
	return `{"kty":"RSA","kid":"weak","e":"AQAB","n":"` + base64.RawURLEncoding.EncodeToString(n) + `"}`
}

func keysOf(issuer *bearertest.Issuer) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(string(issuer.JWKS())), `{"keys":[`), `]}`)
}

// privateKey returns the JWK of a key pair.
func privateKey() string {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return ""
	}
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"RSA","kid":"leaked","e":"AQAB","n":%q,"d":%q}`, encode(key.N.Bytes()), encode(key.D.Bytes()))
}

func set(field, value string) map[string]string { return map[string]string{field: value} }

func quoted(s string) string { return `"` + s + `"` }

func brokenIssuers() []broken {
	return append(append(brokenMetadata(), brokenKeys()...), brokenTokens()...)
}

func brokenMetadata() []broken {
	return []broken{
		{name: "the user adds a slash", given: home + "/", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "trailing slash"},
		{name: "the user forgets a slash", issuer: home + "/", given: home, check: "issuer", settings: set("Issuer", quoted(home+"/")), actor: "api", says: "trailing slash"},
		{name: "http in place of https", given: "http://login.example.com", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api"},
		{name: "upper case in the host", given: "https://Login.example.com", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", world: func(w *world, issuer *bearertest.Issuer) {
			w.hosts["https://Login.example.com"] = issuer
		}},
		{name: "a port that is the default", given: home + ":443", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api"},
		{name: "another case in the path", issuer: home + "/realms/Shop", given: home + "/realms/shop", check: "issuer", settings: set("Issuer", quoted(home+"/realms/Shop")), actor: "api", says: "case", world: func(w *world, issuer *bearertest.Issuer) {
			w.hosts[home] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				r.URL.Path = strings.ReplaceAll(r.URL.Path, "shop", "Shop")
				issuer.ServeHTTP(rw, r)
			})
		}},
		{name: "no scheme", given: "login.example.com", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "no scheme"},
		{name: "white space and quotation marks", given: ` "` + home + `" `, check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "white space"},
		{name: "a query", given: home + "?client=1", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "query"},
		{name: "the URL of the metadata", given: home + openIDPath, check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "metadata document"},
		{name: "the URL of the metadata of RFC 8414", issuer: home + "/a", given: home + oauthPath + "/a", check: "issuer", settings: set("Issuer", quoted(home+"/a")), actor: "api", says: "metadata document"},
		{name: "no scheme and a slash", given: "login.example.com/", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api", says: "trailing slash"},
		{
			name: "an internal address", given: "https://keycloak.internal", check: "issuer", actor: "api",
			settings: map[string]string{"Issuer": quoted(home), "MetadataURL": quoted("https://keycloak.internal" + oauthPath)},
			world: func(w *world, issuer *bearertest.Issuer) {
				serve := document("https://keycloak.internal/jwks")
				w.hosts["https://keycloak.internal"] = both(issuer, serve)
				delete(w.hosts, home)
			},
		},
		{
			name: "the wrong host of a known issuer", given: "https://alias.example.com", check: "issuer", settings: set("Issuer", quoted(home)), actor: "api",
			world: func(w *world, issuer *bearertest.Issuer) { w.hosts["https://alias.example.com"] = issuer },
		},
		{
			name: "status 500 in one place", check: "metadata", mild: true, settings: map[string]string{}, says: "status 500", actor: "issuer",
			world: func(w *world, issuer *bearertest.Issuer) { w.hosts[home] = override(issuer, openIDPath, status(500)) },
		},
		{
			name: "HTML with status 200 in one place", check: "metadata", mild: true, settings: map[string]string{}, says: "HTML", actor: "issuer",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = override(issuer, oauthPath, sends("text/html; charset=utf-8", "<html>"))
			},
		},
		{
			name: "HTML with status 200 everywhere", check: "issuer", actor: "api", says: "Check the issuer",
			world: func(w *world, issuer *bearertest.Issuer) { w.hosts[home] = both(issuer, sends("text/html", "<html>")) },
		},
		{
			name: "no metadata", check: "issuer", actor: "api", says: "Check the issuer",
			world: func(w *world, issuer *bearertest.Issuer) { w.hosts[home] = both(issuer, status(404)) },
		},
		{
			name: "the server is down", check: "issuer", actor: "issuer", says: "is running",
			world: func(w *world, _ *bearertest.Issuer) { delete(w.hosts, home) },
		},
		{
			name: "a redirect of the metadata", check: "issuer", actor: "api", says: "redirects", settings: set("MetadataURL", quoted("https://id.example.com/metadata")),
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, redirects("https://id.example.com/metadata"))
				w.hosts["https://id.example.com"] = document(home + "/jwks")
			},
		},
		{
			name: "the issuer has moved", given: "https://old.example.com", check: "issuer", actor: "api", says: "redirects", settings: set("Issuer", quoted(home)),
			world: func(w *world, _ *bearertest.Issuer) {
				w.hosts["https://old.example.com"] = both(http.NotFoundHandler(), redirects(home+openIDPath))
			},
		},
		{
			name: "a redirect to the metadata of another issuer, and a token of this one", check: "issuer", actor: "api", says: "cannot be read",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, redirects("https://other.example.net"+openIDPath))
				w.hosts["https://other.example.net"] = newIssuer("https://other.example.net")
			},
		},
		{
			name: "metadata of another issuer, and a token of this one", check: "issuer", actor: "issuer", says: "the iss of the tokens",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, sends("application/json", `{"issuer":"https://other.example.net","jwks_uri":"`+home+`/jwks"}`))
			},
		},
		{
			name: "the document of all tenants", check: "issuer", actor: "api", says: "Set Issuer to that of your tenant",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, sends("application/json", `{"issuer":"`+home+`/{tenantid}/v2.0","jwks_uri":"`+home+`/jwks"}`))
			},
		},
		{
			name: "metadata that is too large", check: "issuer", actor: "issuer", says: "shorter document",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, sends("application/json", `{"issuer":"`+home+`","filler":"`+strings.Repeat("x", 5<<20)+`"}`))
			},
		},
		{
			name: "a MetadataURL that is not needed", check: "issuer", actor: "api", says: home + "/wrong", settings: set("MetadataURL", `""`),
			args: []string{"--metadata-url", home + "/wrong"}, cfg: func(cfg *consumer.Config) { cfg.MetadataURL = home + "/wrong" },
		},
		{
			name: "a slow server", check: "issuer", actor: "api", says: "within 3s", settings: set("DiscoveryTimeout", "10 * time.Second"),
			world: func(w *world, _ *bearertest.Issuer) { w.slow = 5 * time.Second },
		},
		{
			name: "an issuer without TLS", issuer: "http://keycloak.internal", check: "issuer", actor: "issuer", says: "development only", settings: set("InsecureAllowHTTP", "true"),
		},
		{
			name: "different documents", check: "metadata.conflict", mild: true, actor: "issuer", says: "jwks_uri", settings: map[string]string{},
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = override(issuer, openIDPath, document(home+"/other"))
			},
		},
	}
}

func brokenKeys() []broken {
	return []broken{
		{
			name: "jwks 404", check: "keys", actor: "issuer", says: "404",
			world: func(w *world, issuer *bearertest.Issuer) { w.hosts[home] = override(issuer, "/jwks", status(404)) },
		},
		{
			name: "jwks 404, and another document names the right one", check: "keys", actor: "issuer", says: "other document", settings: set("MetadataURL", quoted(home+openIDPath)),
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = override(issuer, oauthPath, document(home+"/none"))
			},
		},
		{
			name: "no jwks_uri", check: "keys", actor: "issuer", says: "no jwks_uri",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, sends("application/json", `{"issuer":"`+home+`"}`))
			},
		},
		{
			name: "an empty key set", check: "keys", actor: "issuer", says: "no usable key",
			world: func(_ *world, issuer *bearertest.Issuer) { issuer.SetJWKS([]byte(`{"keys":[]}`)) },
		},
		{
			name: "a private key", check: "keys.private", mild: true, actor: "issuer", says: "Replace this key at once", settings: map[string]string{},
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,` + privateKey() + `]}`))
			},
		},
		{
			name: "a shared secret", check: "keys.symmetric", mild: true, actor: "issuer", says: "Replace this key at once", settings: map[string]string{},
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,{"kty":"oct","k":"c2VjcmV0","kid":"s"}]}`))
			},
		},
		{
			name: "a weak RSA key", check: "keys.weak", mild: true, actor: "issuer", says: "2048", settings: map[string]string{},
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,` + weakKey() + `]}`))
			},
		},
		{
			name: "a token that is signed with a weak RSA key", check: "token.key", actor: "issuer", says: "cannot be used",
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,` + weakKey() + `]}`))
			},
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().SetHeader("kid", "weak").Sign() },
		},
		{
			name: "a redirect of the keys", check: "keys", actor: "issuer", says: "redirects",
			settings: set("Metadata", `&oidcdiscovery.Metadata{Issuer: "`+home+`", JWKSURI: "https://keys.example.com/jwks"}`),
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts["https://keys.example.com"] = issuer
				w.hosts[home] = override(issuer, "/jwks", redirects("https://keys.example.com/jwks"))
			},
		},
		{
			name: "keys with http", check: "keys", actor: "issuer", says: "https",
			settings: set("Metadata", `&oidcdiscovery.Metadata{Issuer: "`+home+`", JWKSURI: "`+home+`/jwks"}`),
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = both(issuer, document("http://login.example.com/jwks"))
			},
		},
		{
			name: "a key set that is too large", check: "keys", actor: "issuer", says: "MaxBytes", settings: set("KeyCache.MaxBytes", "1 << 20"),
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"filler":"` + strings.Repeat("x", 600<<10) + `","keys":[` + keysOf(issuer) + `]}`))
			},
		},
		{
			name: "a key set that is not JSON", check: "keys", actor: "issuer", says: "not a JWK Set",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = override(issuer, "/jwks", sends("text/html", "<html>"))
			},
		},
	}
}

func brokenTokens() []broken {
	return []broken{
		{
			name: "no kid", check: "token.key", actor: "issuer", says: "kid", mild: false,
			world: func(_ *world, issuer *bearertest.Issuer) { issuer.Rotate() },
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().SetHeader("kid", "gone").Sign() },
		},
		{
			name: "a forged signature", check: "token.signature", actor: "client", says: "unchanged",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().EditSignature(func(s []byte) []byte { s[0] ^= 1; return s }).Sign()
			},
		},
		{
			name: "an expired token", check: "token.time", actor: "client", says: "Request a new token",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(-2*time.Hour).Unix()).Set("exp", time.Now().Add(-time.Hour).Unix()).Sign()
			},
		},
		{
			name: "a clock that is 1 hour off", check: "clock", actor: "machine", says: "No setting helps",
			world: func(w *world, _ *bearertest.Issuer) { w.ahead = time.Hour },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(time.Hour).Unix()).Set("exp", time.Now().Add(2*time.Hour).Unix()).Sign()
			},
		},
		{
			name: "a clock that is 2 minutes behind", check: "token.time", actor: "machine", says: "NTP", settings: set("ClockSkew", "130 * time.Second"),
			world: func(w *world, _ *bearertest.Issuer) { w.ahead = 2 * time.Minute },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(2*time.Minute).Unix()).Sign()
			},
		},
		{
			name: "a clock that is 2 minutes ahead", check: "token.time", actor: "machine", says: "still valid by the clock of the issuer", settings: set("ClockSkew", "120 * time.Second"),
			world: func(w *world, _ *bearertest.Issuer) { w.ahead = -2 * time.Minute },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(-7*time.Minute).Unix()).Set("exp", time.Now().Add(-time.Minute).Unix()).Sign()
			},
		},
		{
			name: "an expired token, no accepted difference, and equal clocks", check: "token.time", actor: "client", says: "Request a new token",
			args: []string{"--clock-skew", "0s"}, cfg: func(cfg *consumer.Config) { cfg.ClockSkew = -1 },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(-time.Minute).Unix()).Set("exp", time.Now().Add(-5*time.Second).Unix()).Sign()
			},
		},
		{
			name: "a token that has expired by both clocks", check: "clock", actor: "machine", says: "would also accept this token",
			world: func(w *world, _ *bearertest.Issuer) { w.ahead = 5 * time.Second },
			args:  []string{"--clock-skew", "0s"}, cfg: func(cfg *consumer.Config) { cfg.ClockSkew = -1 },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(-time.Minute).Unix()).Set("exp", time.Now().Add(-5*time.Second).Unix()).Sign()
			},
		},
		{
			name: "no accepted difference, and equal clocks", check: "keys.weak", mild: true, actor: "issuer", says: "2048", settings: map[string]string{},
			args: []string{"--clock-skew", "0s"}, cfg: func(cfg *consumer.Config) { cfg.ClockSkew = -1 },
			world: func(_ *world, issuer *bearertest.Issuer) {
				issuer.SetJWKS([]byte(`{"keys":[` + keysOf(issuer) + `,` + weakKey() + `]}`))
			},
		},
		{
			name: "an audience with a character that looks like an ASCII letter", audience: "api-kit", check: "token.audience", actor: "client", says: "must request a token for this API",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Set("aud", "api-\u212ait").Sign() },
		},
		{
			name: "an empty audience", check: "token.audience", actor: "issuer", says: "has no aud",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Set("aud", "").Sign() },
		},
		{
			name: "a token for the future, with equal clocks", check: "token.time", actor: "issuer", says: "does not explain the difference",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("nbf", time.Now().Add(2*time.Minute).Unix()).Sign()
			},
		},
		{
			name: "a token for the future, with a small difference of the clocks", check: "token.time", actor: "issuer", says: "ahead of this machine, which does not explain",
			world: func(w *world, _ *bearertest.Issuer) { w.ahead = time.Minute },
			args:  []string{"--clock-skew", "2m"}, cfg: func(cfg *consumer.Config) { cfg.ClockSkew = 2 * time.Minute },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("iat", time.Now().Add(4*time.Minute).Unix()).Sign()
			},
		},
		{
			name: "a token for the future, with an unknown clock", check: "token.time", actor: "issuer", says: "Compare the clocks",
			world: func(w *world, issuer *bearertest.Issuer) {
				w.hosts[home] = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Del("Date")
					issuer.ServeHTTP(w, r)
				})
			},
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("nbf", time.Now().Add(3*time.Minute).Unix()).Sign()
			},
		},
		{
			name: "an ID token", check: "token.kind", actor: "client", says: "access_token",
			token: func(issuer *bearertest.Issuer) string { return issuer.IDToken().Set("aud", audience).Sign() },
		},
		{
			name: "an ID token for the client", check: "token.kind", actor: "client", says: "access_token",
			token: func(issuer *bearertest.Issuer) string { return issuer.IDToken().Sign() },
		},
		{
			name: "a logout token", check: "token.kind", actor: "client", says: "not an access token",
			token: func(issuer *bearertest.Issuer) string { return issuer.LogoutToken().Sign() },
		},
		{
			name: "a DPoP proof", check: "token.kind", actor: "client", says: "DPoP proof",
			token: func(*bearertest.Issuer) string {
				return bearertest.NewProofKey("ES256").Proof("GET", audience, "").Sign()
			},
		},
		{
			name: "another audience", check: "token.audience", actor: "client", says: "must request a token for this API",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("aud", "https://billing.test").Sign()
			},
		},
		{
			name: "an audience with a slash", check: "token.audience", actor: "api", settings: set("Audience", `[]string{"https://api.test/"}`),
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("aud", []string{"x", audience + "/"}).Sign()
			},
		},
		{name: "the user gives no audience", audience: "-", check: "token.audience", actor: "api", settings: set("Audience", `[]string{"https://api.test"}`), says: "No audience was given"},
		{
			name: "no aud", check: "token.audience", actor: "issuer", says: "Register the API",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("aud", bearertest.Absent).Sign()
			},
		},
		{
			name: "the audience of all clients of Keycloak", issuer: home + "/realms/shop", check: "token.audience", actor: "issuer", says: "mapper",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Set("aud", "account").Sign() },
		},
		{
			name: "an algorithm with a shared secret", check: "token.algorithm", actor: "issuer", says: "shared secret",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Algorithm("HS256").Sign() },
		},
		{
			name: "no signature", check: "token.algorithm", actor: "issuer", says: "no signature",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().SignWith("none", nil).Sign() },
		},
		{
			name: "an algorithm that is not in the list", check: "token.algorithm", actor: "api", settings: set("Algorithms", `[]string{"RS256", "ES256"}`),
			args: []string{"--algorithms", "RS256"}, cfg: func(cfg *consumer.Config) { cfg.Algorithms = []string{"RS256"} },
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Algorithm("ES256").Sign() },
		},
		{
			name: "an algorithm whose key is not published", check: "token.key", actor: "issuer", says: "Publish the key",
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Algorithm("PS256").Sign() },
		},
		{
			name: "an opaque token", check: "token.kind", actor: "issuer", says: "opaque",
			token: func(*bearertest.Issuer) string { return "mF_9.B5f-4.1JqM" },
		},
		{
			name: "an encrypted token", check: "token.kind", actor: "issuer", says: "JWE",
			token: func(*bearertest.Issuer) string {
				return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"dir","enc":"A256GCM"}`)) + "..AAAA.BBBB.CCCC"
			},
		},
		{
			name: "half of a token", check: "token.form", actor: "client", says: "Copy the whole token",
			token: func(*bearertest.Issuer) string { return "eyJhbGciOi.e30.x" },
		},
		{
			name: "a token of another issuer", check: "token.issuer", actor: "client", says: "another authorization server",
			token: func(*bearertest.Issuer) string { return newIssuer("https://other.example.com").AccessToken().Sign() },
		},
		{
			name: "an iss with a slash that the metadata does not have", check: "token.issuer", actor: "api", says: "Set Issuer",
			settings: map[string]string{
				"Issuer": quoted(home + "/"), "Metadata": `&oidcdiscovery.Metadata{Issuer: "` + home + `/", JWKSURI: "` + home + `/jwks"}`,
			},
			token: func(issuer *bearertest.Issuer) string { return issuer.AccessToken().Set("iss", home+"/").Sign() },
		},
		entra("a token of Entra version 1 at an API for version 2", "https://login.microsoftonline.com/t1/v2.0", "https://sts.windows.net/t1/", "1.0", "appid", "entra-v2", map[string]string{
			"Issuer": quoted("https://sts.windows.net/t1/"), "Profile": "consumer.ProfileEntraV1", "Audience": `[]string{"api://orders"}`,
		}),
		entra("a token of Entra version 2 at an API for version 1", "https://sts.windows.net/t1/", "https://login.microsoftonline.com/t1/v2.0", "2.0", "azp", "entra-v1", map[string]string{
			"Issuer": quoted("https://login.microsoftonline.com/t1/v2.0"), "Profile": "consumer.ProfileEntraV2",
		}),
		{
			name: "a profile that is too strict", check: "token.profile", actor: "api", settings: set("Profile", "consumer.ProfileDefault"),
			args: []string{"--profile", "rfc9068"}, cfg: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileRFC9068 },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().SetHeader("typ", "JWT").Set("jti", bearertest.Absent).Sign()
			},
		},
		{
			name: "a profile of another product", issuer: home + "/realms/shop", check: "token.profile", actor: "api", settings: set("Profile", "consumer.ProfileKeycloak"),
			args: []string{"--profile", "okta"}, cfg: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileOkta },
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().SetHeader("typ", "JWT").Set("typ", "Bearer").Set("client_id", bearertest.Absent).Set("azp", "web").Sign()
			},
		},
		{
			name: "a token that is too long", check: "token.size", actor: "api", settings: set("MaxTokenBytes", "1 << 15"),
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("groups", strings.Repeat("g", 14000)).Sign()
			},
		},
		{
			name: "a header with a certificate chain", check: "token.form", actor: "api", settings: set("MaxHeaderBytes", "1 << 12"),
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().SetHeader("x5c", []string{strings.Repeat("M", 2000)}).Sign()
			},
		},
		{
			name: "a client that is not accepted", check: "token.client", actor: "client", says: "add it to ClientIDs",
			args: []string{"--client-ids", "other"}, cfg: func(cfg *consumer.Config) { cfg.ClientIDs = []string{"other"} },
		},
		{
			name: "an access token of Cognito without aud", check: "token.audience", actor: "api", issuer: "https://cognito-idp.eu-central-1.amazonaws.com/pool",
			args: []string{"--profile", "cognito"}, cfg: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileCognito },
			settings: map[string]string{"InsecureNoAudience": "true", "ClientIDs": `[]string{"client"}`},
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().SetHeader("typ", bearertest.Absent).Set("token_use", "access").Set("aud", bearertest.Absent).Sign()
			},
		},
	}
}

// entra is a token of one version of Microsoft Entra at an API that is configured for the other.
func entra(name, given, iss, version, client, profile string, settings map[string]string) broken {
	return broken{
		name: name, issuer: iss, given: given, check: "token.issuer", actor: "api", says: "version 1 and version 2", settings: settings,
		audience: "orders", args: []string{"--profile", profile},
		cfg: func(cfg *consumer.Config) {
			cfg.Profile = consumer.ProfileEntraV1
			if profile == "entra-v2" {
				cfg.Profile = consumer.ProfileEntraV2
			}
		},
		world: func(w *world, _ *bearertest.Issuer) { w.hosts[origin(given)] = newIssuer(given) },
		token: func(issuer *bearertest.Issuer) string {
			aud := "orders"
			if version == "1.0" {
				aud = "api://orders"
			}
			return issuer.AccessToken().SetHeader("typ", "JWT").Set("ver", version).Set("client_id", bearertest.Absent).Set(client, "web").Set("aud", aud).Sign()
		},
	}
}
