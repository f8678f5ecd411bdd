package doctor_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/doctor"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

const apiURL = "https://api.test/orders"

// brokenAPI is one way in which a running API is wrong.
type brokenAPI struct {
	name  string
	guard middleware.Config // its Verifier is filled in
	cfg   consumer.Config   // of the API; the fields that are zero are filled in
	rules []middleware.Rule
	wrap  func(guarded http.Handler) http.Handler // around the guarded API
	token func(issuer *bearertest.Issuer) string

	check    string // of the finding; "": there must be no problem and no warning
	severity string
	actor    string
	field    string
	settings string // Field=Value of the finding
	says     string
}

func TestBrokenAPIs(t *testing.T) {
	t.Parallel()
	for _, b := range brokenAPIs() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, b.run)
		})
	}
}

func (b brokenAPI) run(t *testing.T) {
	issuer := newIssuer(home)
	w := &world{hosts: map[string]http.Handler{home: issuer}}
	w.hosts["https://api.test"] = b.api(t, w)
	raw := issuer.AccessToken().Set("scope", "orders:read").Sign()
	if b.token != nil {
		raw = b.token(issuer)
	}
	d, output := diagnose(t, w, raw, "--issuer", home, "--audience", audience, "--api", apiURL)
	t.Logf("\n%s", output)
	if b.check == "" {
		if d.Problems+d.Warnings > 0 {
			t.Errorf("%d problems and %d warnings, want none", d.Problems, d.Warnings)
		}
		return
	}
	for _, f := range d.Findings {
		var settings []string
		for _, s := range f.Settings {
			settings = append(settings, s.Field+"="+s.Value)
		}
		if f.Check == b.check && f.Severity == b.severity && f.Actor == b.actor && f.Field == b.field &&
			strings.Join(settings, " ") == b.settings && strings.Contains(f.Found+" "+f.Change, b.says) {
			return
		}
	}
	t.Errorf("no such finding as %+v", b)
}

// api returns the running API.
func (b brokenAPI) api(t *testing.T, w *world) http.Handler {
	t.Helper()
	if b.cfg.Issuer == "" {
		b.cfg.Issuer = home
	}
	if b.cfg.Audience == nil {
		b.cfg.Audience = []string{audience}
	}
	b.cfg.HTTPClient = &http.Client{Transport: w}
	c, err := consumer.New(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	b.guard.Verifier = c
	guard, err := middleware.New(b.guard)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/orders", guard.With(b.rules...)(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	if guard.MetadataPath() != "" {
		mux.Handle(guard.MetadataPath(), guard.MetadataHandler())
	}
	if b.wrap == nil {
		return mux
	}
	return b.wrap(mux)
}

// rewrite returns a wrapper that changes the responses of the guarded API that have one of the given statuses.
func rewrite(change func(rw http.ResponseWriter, status int), statuses ...int) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			for _, status := range statuses {
				probe := &probe{header: make(http.Header)}
				next.ServeHTTP(probe, r)
				if probe.status == status || probe.status == 0 && status == http.StatusOK {
					change(rw, status)
					return
				}
			}
			next.ServeHTTP(rw, r)
		})
	}
}

// invalid returns a wrapper that responds to requests with one token that the guarded API rejects with 401. garbage is true if the
// token is not a JWT.
func invalid(respond func(rw http.ResponseWriter, garbage bool)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			probe := &probe{header: make(http.Header)}
			next.ServeHTTP(probe, r)
			values := r.Header.Values("Authorization")
			if probe.status != http.StatusUnauthorized || len(values) != 1 || !strings.HasPrefix(values[0], "Bearer ") {
				next.ServeHTTP(rw, r)
				return
			}
			respond(rw, !strings.HasPrefix(values[0], "Bearer eyJ"))
		})
	}
}

type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header { return p.header }

func (p *probe) Write(b []byte) (int, error) {
	if p.status == 0 {
		p.status = http.StatusOK
	}
	return len(b), nil
}

func (p *probe) WriteHeader(status int) { p.status = status }

// responds returns a wrapper that responds to everything in the same way.
func responds(status int) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(status) })
	}
}

func brokenAPIs() []brokenAPI {
	const challenge = `Bearer realm="api"`
	return []brokenAPI{
		{name: "a correct API"},
		{name: "a correct API with metadata", guard: middleware.Config{Resource: audience}},
		{name: "a correct API with a rule", rules: []middleware.Rule{middleware.Scopes("orders:read")}},
		{
			name: "no guard", wrap: responds(http.StatusOK), check: "api.challenge", severity: "problem", actor: "api", field: "middleware.Config.Optional",
			says: "Guard this route",
		},
		{
			name: "an optional guard", guard: middleware.Config{Optional: true}, check: "api.challenge", severity: "problem", actor: "api",
			field: "middleware.Config.Optional", says: "Optional must be false",
		},
		{name: "status 500", wrap: responds(http.StatusInternalServerError), check: "api.challenge", severity: "problem", actor: "api", field: "middleware.Config.Verifier", says: "log of the API"},
		{name: "status 404", wrap: responds(http.StatusNotFound), check: "api.challenge", severity: "problem", actor: "api", says: "guarded route"},
		{name: "status 403 for everything", wrap: responds(http.StatusForbidden), check: "api.challenge", severity: "problem", actor: "api", says: "in front of the Guard"},
		{name: "status 405 for GET", wrap: responds(http.StatusMethodNotAllowed), check: "api.challenge", severity: "problem", actor: "api", says: "accepts GET"},
		{
			name: "a page for signing in", check: "api.challenge", severity: "problem", actor: "api", says: "an HTML page",
			wrap: func(http.Handler) http.Handler { return sends("text/html; charset=utf-8", "<form>") },
		},
		{
			name: "a redirect to a page for signing in", check: "api", severity: "problem", actor: "api", says: "redirects a request without a token",
			wrap: func(http.Handler) http.Handler { return redirects("https://api.test/login") },
		},
		{
			name: "no challenge", check: "api.challenge", severity: "problem", actor: "api", field: "middleware.Config.DenyHandler", says: "Bearer challenge",
			wrap: rewrite(func(rw http.ResponseWriter, status int) { rw.WriteHeader(status) }, http.StatusUnauthorized),
		},
		{
			name: "a challenge of another scheme", check: "api.challenge", severity: "problem", actor: "api", field: "middleware.Config.DenyHandler", says: "Bearer challenge",
			wrap: rewrite(func(rw http.ResponseWriter, status int) {
				rw.Header().Set("WWW-Authenticate", `Basic realm="x"`)
				rw.WriteHeader(status)
			}, http.StatusUnauthorized),
		},
		{
			name: "an error without credentials", check: "api.challenge", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "Omit error",
			wrap: rewrite(func(rw http.ResponseWriter, status int) {
				rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
				rw.WriteHeader(status)
			}, http.StatusUnauthorized),
		},
		{
			name: "no error for an invalid token", check: "api.invalid", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "Guard.Deny",
			wrap: rewrite(func(rw http.ResponseWriter, status int) {
				rw.Header().Set("WWW-Authenticate", challenge)
				rw.WriteHeader(status)
			}, http.StatusUnauthorized),
		},
		{
			name: "a response that says which check failed", check: "api.leak", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "signature",
			wrap: rewrite(func(rw http.ResponseWriter, status int) {
				rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token", error_description="the signature is invalid"`)
				rw.WriteHeader(status)
			}, http.StatusUnauthorized),
		},
		{
			name: "different challenges for invalid tokens", check: "api.leak", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "different challenges",
			wrap: invalid(func(rw http.ResponseWriter, garbage bool) {
				rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
				if garbage {
					rw.Header().Add("WWW-Authenticate", `Basic realm="api"`)
				}
				rw.WriteHeader(http.StatusUnauthorized)
			}),
		},
		{
			name: "different bodies for invalid tokens", check: "api.leak", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "different response bodies",
			wrap: invalid(func(rw http.ResponseWriter, garbage bool) {
				rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
				rw.WriteHeader(http.StatusUnauthorized)
				fmt.Fprintf(rw, "code %d", map[bool]int{true: 7, false: 8}[garbage])
			}),
		},
		{
			name: "different statuses for invalid tokens", check: "api.leak", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "status 401, and one with a forged signature 403",
			wrap: invalid(func(rw http.ResponseWriter, garbage bool) {
				rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
				rw.WriteHeader(map[bool]int{true: http.StatusUnauthorized, false: http.StatusForbidden}[garbage])
			}),
		},
		{
			name: "identifiers of requests in responses", wrap: func() func(http.Handler) http.Handler {
				var requests int
				return invalid(func(rw http.ResponseWriter, _ bool) {
					requests++
					rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
					rw.WriteHeader(http.StatusUnauthorized)
					fmt.Fprintf(rw, `{"error":"unauthorized","request":"req-%d"}`, requests)
				})
			}(),
		},
		{
			name: "identifiers of requests and a leak", check: "api.leak", severity: "warning", actor: "api", field: "middleware.Config.DenyHandler", says: "different response bodies",
			wrap: func() func(http.Handler) http.Handler {
				var requests int
				return invalid(func(rw http.ResponseWriter, garbage bool) {
					requests++
					rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
					rw.WriteHeader(http.StatusUnauthorized)
					fmt.Fprintf(rw, `{"error":"%s","request":"req-%d"}`, map[bool]string{true: "format", false: "unauthorized"}[garbage], requests)
				})
			}(),
		},
		{
			name: "signatures that are not verified", check: "api.forged", severity: "problem", actor: "api", field: "middleware.Config.Verifier", says: "forged signature gets status 200",
			wrap: invalid(func(rw http.ResponseWriter, garbage bool) {
				if garbage {
					rw.Header().Set("WWW-Authenticate", challenge+`, error="invalid_token"`)
					rw.WriteHeader(http.StatusUnauthorized)
				}
			}),
		},
		{
			name: "a proxy that turns 400 into 401", check: "api.two", severity: "warning", actor: "api", field: "middleware.Config.TokenSources", says: "proxies",
			wrap: rewrite(func(rw http.ResponseWriter, _ int) {
				rw.Header().Set("WWW-Authenticate", challenge)
				rw.WriteHeader(http.StatusUnauthorized)
			}, http.StatusBadRequest),
		},
		{
			name: "an API with another issuer", cfg: consumer.Config{Issuer: "https://other.example.com"},
			check: "api.token", severity: "problem", actor: "api", field: "consumer.Config.Audience", says: "Compare the Config",
		},
		{
			name: "an API with another audience", cfg: consumer.Config{Audience: []string{"https://other.test"}}, check: "api.token", severity: "problem",
			actor: "api", field: "consumer.Config.Audience", says: "Compare the Config",
		},
		{
			name: "an API that accepts tokens for others", cfg: consumer.Config{Audience: []string{"https://other.test"}}, check: "api.token", severity: "problem",
			actor: "api", field: "consumer.Config.Audience", says: "may accept tokens that are not for it",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("aud", "https://other.test").Sign()
			},
		},
		{
			name: "a missing scope", rules: []middleware.Rule{middleware.Scopes("orders:write")}, check: "api.token", severity: "problem", actor: "client",
			field: "middleware.Rule", says: "orders:write",
		},
		{
			name: "keys that are not available", check: "api.token", severity: "problem", actor: "api", field: "consumer.Config.Keys", says: "503",
			wrap: rewrite(func(rw http.ResponseWriter, _ int) { rw.WriteHeader(http.StatusServiceUnavailable) }, http.StatusOK),
		},
		{
			name: "a failed handler", check: "api.token", severity: "problem", actor: "api", says: "handler behind the Guard",
			wrap: rewrite(func(rw http.ResponseWriter, _ int) { rw.WriteHeader(http.StatusInternalServerError) }, http.StatusOK),
		},
		{
			name: "metadata of another resource", guard: middleware.Config{Resource: "https://other.test"}, check: "resource", severity: "problem", actor: "api",
			field: "middleware.Config.Resource", says: "does not cover", settings: `middleware.Config.Resource="https://api.test"`,
			wrap: func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
					probe := &probe{header: make(http.Header)}
					next.ServeHTTP(probe, r)
					for _, value := range probe.header.Values("WWW-Authenticate") {
						rw.Header().Set("WWW-Authenticate", strings.Replace(value, "https://other.test", "https://api.test", 1))
						rw.WriteHeader(probe.status)
						return
					}
					next.ServeHTTP(rw, r)
				})
			},
		},
		{
			name: "no metadata at the URL in the challenge", guard: middleware.Config{Resource: audience}, check: "resource", severity: "problem", actor: "api",
			field: "middleware.Config.Resource", says: "Guard.MetadataHandler",
			wrap: func(next http.Handler) http.Handler {
				return override(next, "/.well-known/oauth-protected-resource", status(http.StatusNotFound))
			},
		},
		{
			name: "metadata that names another issuer", guard: middleware.Config{Resource: audience}, check: "resource.issuer", severity: "problem", actor: "api",
			field: "consumer.Config.Issuer", says: "https://elsewhere.example.com",
			wrap: func(next http.Handler) http.Handler {
				text, _ := json.Marshal(map[string]any{"resource": audience, "authorization_servers": []string{"https://elsewhere.example.com"}})
				return override(next, "/.well-known/oauth-protected-resource", sends("application/json", string(text)))
			},
		},
		{
			name: "a token that is bound to a key", check: "token.binding", severity: "warning", actor: "api", field: "middleware.Config.DPoP",
			settings: `middleware.Config.DPoP=&middleware.DPoPConfig{URL: "https://api.test"}`, says: "proof",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().BoundTo(bearertest.NewProofKey("ES256")).Sign()
			},
		},
		{
			name: "a token that is bound to a certificate", check: "token.binding", severity: "warning", actor: "api", field: "middleware.Config.MTLS",
			settings: `middleware.Config.MTLS=&middleware.MTLSConfig{}`, says: "certificate",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().BoundToCertificate([]byte("x")).Sign()
			},
		},
		{
			name: "a token with an unknown binding", check: "token.binding", severity: "problem", actor: "issuer", says: "does not know",
			token: func(issuer *bearertest.Issuer) string {
				return issuer.AccessToken().Set("cnf", map[string]any{"kid": "x"}).Sign()
			},
		},
		{
			name: "an API that redirects", check: "api", severity: "problem", actor: "api", says: "must not follow a redirect",
			wrap: func(http.Handler) http.Handler { return redirects("https://api.test/v2") },
		},
	}
}

// The settings for bound tokens let a Guard accept them.
func TestBindingSettings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(home)
		w := &world{hosts: map[string]http.Handler{home: issuer}}
		key := bearertest.NewProofKey("ES256")
		raw := issuer.AccessToken().BoundTo(key).Sign()
		for _, dpop := range []*middleware.DPoPConfig{nil, {URL: "https://api.test"}} { // without and with the suggested value
			w.hosts["https://api.test"] = brokenAPI{guard: middleware.Config{DPoP: dpop}}.api(t, w)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, apiURL, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "DPoP "+raw)
			r.Header.Set("DPoP", key.Proof(http.MethodGet, apiURL, raw).Sign())
			response, err := w.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			if response.Body.Close(); (response.StatusCode == http.StatusOK) != (dpop != nil) {
				t.Errorf("DPoP %v: status %d", dpop, response.StatusCode)
			}
		}
	})
}

// The token is sent to the API only, and never without TLS.
func TestTokenIsSentToTheAPIOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(home)
		raw := issuer.AccessToken().Sign()
		w := &world{hosts: make(map[string]http.Handler)}
		seen := make(map[string]int)
		watch := func(host string, next http.Handler) {
			w.hosts[host] = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if strings.Contains(fmt.Sprint(r.Header, r.URL), raw) {
					seen[host]++
				}
				next.ServeHTTP(rw, r)
			})
		}
		watch(home, issuer)
		watch("https://api.test", brokenAPI{}.api(t, w))
		watch("http://api.test", brokenAPI{}.api(t, w))
		diagnose(t, w, raw, "--issuer", home, "--audience", audience, "--api", apiURL)
		for _, extra := range []string{"--insecure-allow-http=false", "--insecure-allow-http"} {
			diagnose(t, w, raw, "--issuer", home, "--audience", audience, "--api", "http://api.test/orders", extra)
		}
		if len(seen) != 1 || seen["https://api.test"] != 2 { // diagnose runs doctor twice
			t.Errorf("the token was sent to %v", seen)
		}
	})
}

// Secrets in URLs do not appear in the output, a long response is a response, and a token without dates is not called valid now.
func TestSecretURLsAndLongResponses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := newIssuer(home)
		w := &world{hosts: map[string]http.Handler{home: issuer}}
		long := func(rw http.ResponseWriter, _ int) { fmt.Fprint(rw, strings.Repeat("order ", 100_000)) }
		w.hosts["https://api.test"] = brokenAPI{wrap: rewrite(long, http.StatusOK)}.api(t, w)
		d, output := diagnose(t, w, issuer.AccessToken().Sign(), "--issuer", home, "--audience", audience, "--api", apiURL+"?access_token=s3cret")
		if d.Problems > 0 || !strings.Contains(output, "accepts the token (status 200)") {
			t.Errorf("a long response is a problem:\n%s", output)
		}
		for _, args := range [][]string{
			{"--issuer", home, "--api", apiURL + "?access_token=s3cret"},
			{"--issuer", home, "--api", "https://user:s3cret@api.test/orders"},
			{"--issuer", strings.Replace(home, "://", "://user:s3cret@", 1)},
			{"--issuer", home + "?key=s3cret"},
		} {
			for _, form := range []string{"--json=true", "--json=false"} {
				var output bytes.Buffer
				env := &cli.Env{Stdout: &output, Stderr: &output, HTTPClient: &http.Client{Transport: w}}
				cli.Run(t.Context(), env, append([]string{"doctor", "--audience", audience, form}, args...), doctor.Command)
				if output.Len() == 0 || strings.Contains(output.String(), "s3cret") {
					t.Errorf("%q, %s: the output is empty or contains a secret:\n%s", args, form, &output)
				}
			}
		}
		raw := issuer.AccessToken().Set("exp", bearertest.Absent).Set("iat", bearertest.Absent).Set("nbf", bearertest.Absent).Sign()
		if _, output := diagnose(t, w, raw, "--issuer", home, "--audience", audience); strings.Contains(output, "valid now: .") {
			t.Errorf("a token without dates is called valid now:\n%s", output)
		}
	})
}
