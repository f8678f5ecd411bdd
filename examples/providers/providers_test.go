package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// providers maps the sections of docs/providers.md to their functions.
func providers() map[string]func() (admit, error) {
	return map[string]func() (admit, error){
		"Auth0":                                  verifier(auth0),
		"Auth0, tokens of RFC 9068":              verifier(auth0RFC9068),
		"Okta":                                   verifier(okta),
		"Microsoft Entra, tokens of version 2.0": verifier(entraV2),
		"Microsoft Entra, tokens of version 1.0": verifier(entraV1),
		"Microsoft Entra, several tenants":       verifier(entraTenants),
		"Azure AD B2C":                           verifier(azureADB2C),
		"Amazon Cognito":                         verifier(cognito),
		"Google":                                 verifier(google),
		"Supabase":                               verifier(supabase),
		"Firebase Authentication":                verifier(firebase),
		"Clerk":                                  verifier(clerk),
		"WorkOS AuthKit":                         verifier(workOS),
		"Logto":                                  verifier(logto),
		"FusionAuth":                             verifier(fusionAuth),
		"PingOne":                                verifier(pingOne),
		"Keycloak":                               verifier(keycloak),
		"authentik":                              verifier(authentik),
		"Authelia":                               verifier(authelia),
		"Casdoor":                                verifier(casdoor),
		"Duende IdentityServer":                  verifier(duende),
		"Spring Authorization Server":            verifier(springAS),
		"Dex":                                    verifier(dex),
		"Ory Hydra and Ory Network":              verifier(ory),
		"oidc-provider":                          verifier(oidcProvider),
		"Zitadel":                                verifier(zitadel),
		"Active Directory Federation Services":   verifier(adfs),
		"crossauth":                              verifier(crossauth),
		"Kubernetes service accounts":            verifier(kubernetes),
		"GitHub Actions":                         verifier(gitHubActions),
		"GitLab CI/CD":                           verifier(gitLabCI),
		"SPIFFE":                                 verifier(spiffe),
		"Cloudflare Access":                      guard(cloudflareAccess, "Cf-Access-Jwt-Assertion"),
		"Google Identity-Aware Proxy":            guard(googleIAP, "X-Goog-Iap-Jwt-Assertion"),
		"AWS Application Load Balancer":          guard(awsALB, "X-Amzn-Oidc-Data"),
	}
}

// admit returns nil if a token is accepted.
type admit func(ctx context.Context, raw string) error

func verifier[V consumer.Verifier](make func() (V, error)) func() (admit, error) {
	return func() (admit, error) {
		v, err := make()
		return func(ctx context.Context, raw string) error {
			_, err := v.Verify(ctx, raw)
			return err
		}, err
	}
}

// guard sends the token in the header of the proxy. A token in Authorization is not read.
func guard(make func() (*middleware.Guard, error), header string) func() (admit, error) {
	return func() (admit, error) {
		g, err := make()
		return func(ctx context.Context, raw string) error {
			request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil)
			request.Header.Set("Authorization", "Bearer "+raw)
			if _, err := g.Authenticate(request); !errors.Is(err, middleware.ErrNoToken) {
				return fmt.Errorf("the token in Authorization was read: %w", err)
			}
			request.Header.Set(header, raw)
			_, err := g.Authenticate(request)
			return err
		}, err
	}
}

// section is one section of docs/providers.md.
type section struct {
	text     string
	codes    []string // the Go blocks
	header   map[string]any
	payload  map[string]any
	rejected []map[string]any // the claims that differ; nil: absent
}

// forClients begins the names of the sections for clients. All other sections are for APIs.
const forClients = "Client: "

var (
	sectionStart = regexp.MustCompile(`(?m)^## (.+)\n`)
	block        = regexp.MustCompile("(?s)```(go|json header|json payload|json rejected)\n(.*?)```")
)

// sections reads docs/providers.md.
func sections(t *testing.T) map[string]section {
	t.Helper()
	document, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	text := string(document)
	found := make(map[string]section)
	starts := sectionStart.FindAllStringSubmatchIndex(text, -1)
	for i, start := range starts {
		end := len(text)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		found[text[start[2]:start[3]]] = parse(t, text[start[1]:end])
	}
	return found
}

func parse(t *testing.T, text string) section {
	t.Helper()
	s := section{text: text}
	for _, match := range block.FindAllStringSubmatch(text, -1) {
		if match[1] == "go" {
			s.codes = append(s.codes, match[2])
			continue
		}
		var object map[string]any
		decoder := json.NewDecoder(strings.NewReader(match[2]))
		decoder.UseNumber()
		if err := decoder.Decode(&object); err != nil {
			t.Fatalf("%v in %s", err, match[2])
		}
		switch match[1] {
		case "json header":
			s.header = object
		case "json payload":
			s.payload = object
		default:
			s.rejected = append(s.rejected, object)
		}
	}
	return s
}

// network is the transport of this test binary. It serves the metadata and the keys of the current provider at every URL
// that a configuration names, so that the functions need no parameter for the test.
type network struct {
	current atomic.Pointer[provider]
	script  atomic.Pointer[script] // serves all requests if it is not nil
}

type provider struct {
	issuer *bearertest.Issuer
	name   string // the iss of its tokens
	alg    string
}

var internet network

func TestMain(m *testing.M) {
	http.DefaultTransport = &internet
	os.Exit(m.Run())
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if s := n.script.Load(); s != nil {
		return s.RoundTrip(r)
	}
	p := n.current.Load()
	body := p.issuer.JWKS()
	switch {
	case strings.Contains(r.URL.Path, "/.well-known/o"): // openid-configuration, oauth-authorization-server
		body = fmt.Appendf(nil, `{"issuer":%q,"jwks_uri":"https://%s/keys"}`, p.name, r.URL.Host)
	case strings.HasPrefix(r.URL.Host, "public-keys.auth.elb."):
		body = p.issuer.PEM(p.alg)
	}
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r,
		ContentLength: -1, Body: io.NopCloser(strings.NewReader(string(body))),
	}, nil
}

// sign signs the payload of the section with the changes. isPadded adds the padding that load balancers of AWS send.
func (s section) sign(p *provider, changes map[string]any, isPadded bool) string {
	claims := maps.Clone(s.payload)
	for name, value := range changes {
		claims[name] = value
		if value == nil {
			delete(claims, name)
		}
	}
	token := p.issuer.Token("JWT", claims).Algorithm(p.alg)
	for name, value := range s.header {
		token.SetHeader(name, value)
	}
	if !isPadded {
		return token.Sign()
	}
	raw := token.EditInput(func(input []byte) []byte { return []byte(pad(string(input))) }).Sign()
	end := strings.LastIndex(raw, ".") + 1
	return raw[:end] + pad(raw[end:])
}

// pad pads all segments of text.
func pad(text string) string {
	segments := strings.Split(text, ".")
	for i, segment := range segments {
		segments[i] += strings.Repeat("=", (4-len(segment)%4)%4)
	}
	return strings.Join(segments, ".")
}

// TestProviders runs the configuration of each section with its payload and with its rejected tokens.
//
//nolint:paralleltest,tparallel // the sections share the default transport
func TestProviders(t *testing.T) {
	found := sections(t)
	maps.DeleteFunc(found, func(name string, _ section) bool { return strings.HasPrefix(name, forClients) })
	known := providers()
	if a, b := slices.Sorted(maps.Keys(found)), slices.Sorted(maps.Keys(known)); !slices.Equal(a, b) {
		t.Fatalf("docs/providers.md has the sections\n%q\nand this test has\n%q", a, b)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		t.Run(name, func(t *testing.T) {
			s := found[name]
			if s.payload == nil || len(s.rejected) == 0 || strings.Count(s.text, "\n- ") == 0 {
				t.Fatal("the section has no payload, no rejected token, or no remarks")
			}
			p := &provider{alg: "RS256"}
			p.name, _ = s.payload["iss"].(string)
			if alg, ok := s.header["alg"].(string); ok {
				p.alg = alg
			}
			p.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://issuer.test", Algorithms: []string{p.alg}})
			_, _ = p.issuer.Key(p.alg) // made outside of the bubble
			internet.current.Store(p)
			synctest.Test(t, func(t *testing.T) { s.run(t, p, known[name]) })
		})
	}
}

// run checks the section a minute after its tokens were issued.
func (s section) run(t *testing.T, p *provider, make func() (admit, error)) {
	t.Helper()
	const issued = 1767225600
	time.Sleep(time.Until(time.Unix(issued+60, 0)))
	verify, err := make()
	if err != nil {
		t.Fatal(err)
	}
	isPadded := s.header["signer"] != nil
	if err := verify(t.Context(), s.sign(p, nil, isPadded)); err != nil {
		t.Errorf("the payload is rejected: %v", err)
	}
	for _, changes := range s.rejected {
		if err := verify(t.Context(), s.sign(p, changes, isPadded)); !errors.Is(err, consumer.ErrInvalidToken) {
			t.Errorf("the token with %v is not rejected: %v", changes, err)
		}
	}
	stranger := &provider{alg: p.alg, issuer: bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{p.alg}})}
	if err := verify(t.Context(), s.sign(stranger, nil, isPadded)); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("a token with the signature of another key is not rejected: %v", err)
	}
	if err := verify(t.Context(), s.sign(p, map[string]any{"exp": issued - 3600}, isPadded)); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("an expired token is not rejected: %v", err)
	}
}

// TestGoBlocks checks that the Go blocks of each section are functions of this folder, so that they compile.
func TestGoBlocks(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, string(text)+"\n")
	}
	for name, s := range sections(t) {
		if len(s.codes) == 0 {
			t.Errorf("%s has no Go block", name)
		}
		for _, code := range s.codes {
			isWhole := func(source string) bool { return strings.Contains(source, "\n\n"+code+"\n") }
			if !slices.ContainsFunc(sources, isWhole) {
				t.Errorf("%s: no file of this folder contains this block:\n%s", name, code)
			}
		}
	}
}

// TestEveryProfileIsDocumented checks that docs/providers.md names every profile of a product.
func TestEveryProfileIsDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/providers.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../../consumer/profiles_*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`(?m)^\t(Profile\w+) += named`).FindAllStringSubmatch(string(source), -1) {
			if !strings.Contains(string(document), "consumer."+match[1]+",") {
				t.Errorf("docs/providers.md does not show %s", match[1])
			}
		}
	}
}
