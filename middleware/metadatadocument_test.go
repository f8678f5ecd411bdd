package middleware_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

const wellKnownPath = "/.well-known/oauth-protected-resource"

// fetchDocument returns the response of the MetadataHandler of g.
func fetchDocument(t *testing.T, g *middleware.Guard, method, target string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	g.MetadataHandler().ServeHTTP(w, r)
	return w
}

// documentOf returns the text of the document of g.
func documentOf(t *testing.T, g *middleware.Guard) string {
	t.Helper()
	w := fetchDocument(t, g, http.MethodGet, g.MetadataPath())
	if w.Code != http.StatusOK {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	return strings.TrimSpace(w.Body.String())
}

// issuersVerifier is a Verifier of the application with several issuers.
type issuersVerifier struct {
	consumer.Verifier
	list []string
}

func (v issuersVerifier) Issuers() []string { return v.list }

// Q1, Q3: the document contains what the Config says, and no empty member.
func TestQ1_Q3_DocumentOfTheConfig(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://login.test/"})
	other := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://b.test"})
	group, err := consumer.NewGroup(consumer.GroupConfig{
		Consumers: []*consumer.Consumer{newConsumer(t, issuer), newConsumer(t, other), newConsumer(t, issuer)},
		Opaque:    issuersOnly{"https://a.test"},
	})
	if err != nil {
		t.Fatal(err)
	}
	mine := func(*http.Request) (string, error) { return "", nil }
	const bearer = `"bearer_methods_supported":["header"],`
	const resource = `"resource":"https://api.test/v1"}`
	for name, test := range map[string]struct {
		cfg  middleware.Config
		want string
	}{
		"custom Verifier": {middleware.Config{}, `{` + bearer + resource},
		"Consumer":        {middleware.Config{Verifier: newConsumer(t, issuer)}, `{"authorization_servers":["https://login.test/"],` + bearer + resource},
		"Group":           {middleware.Config{Verifier: group}, `{"authorization_servers":["https://a.test","https://b.test","https://login.test/"],` + bearer + resource},
		"issuers that are not URLs": {
			middleware.Config{Verifier: issuersVerifier{acceptAll, []string{"aws-lb", "spiffe://td", "https://x.test?a", "https://u@x.test", "https://x.test"}}},
			`{"authorization_servers":["https://x.test"],` + bearer + resource,
		},
		"too many issuers": {middleware.Config{Verifier: issuersVerifier{acceptAll, manyIssuers(101)}}, `{` + bearer + resource},
		"authorization servers of the application": {
			middleware.Config{Verifier: group, Metadata: resourcemetadata.Metadata{AuthorizationServers: []string{"https://z.test", "https://y.test"}}},
			`{"authorization_servers":["https://z.test","https://y.test"],` + bearer + resource,
		},
		"no authorization servers": {
			middleware.Config{Verifier: group, Metadata: resourcemetadata.Metadata{AuthorizationServers: []string{}}}, `{` + bearer + resource,
		},
		"DPoP": {
			middleware.Config{DPoP: &middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"ES256"}}},
			`{` + bearer + `"dpop_signing_alg_values_supported":["ES256"],` + resource,
		},
		"DPoP required": {
			middleware.Config{DPoP: &middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"ES256"}, Required: true}},
			`{"dpop_bound_access_tokens_required":true,"dpop_signing_alg_values_supported":["ES256"],` + resource,
		},
		"MTLS": {
			middleware.Config{MTLS: &middleware.MTLSConfig{}},
			`{` + bearer + resource[:len(resource)-1] + `,"tls_client_certificate_bound_access_tokens":true}`,
		},
		"all sources": {
			middleware.Config{TokenSources: []middleware.TokenSource{middleware.QueryToken, middleware.FormToken, middleware.BearerToken, middleware.QueryToken}},
			`{"bearer_methods_supported":["header","body","query"],` + resource,
		},
		"cookie":         {middleware.Config{TokenSources: []middleware.TokenSource{middleware.CookieToken("session")}}, `{` + resource},
		"header of mine": {middleware.Config{TokenSources: []middleware.TokenSource{middleware.HeaderToken("X-Token")}}, `{` + resource},
		"own source and header": {
			middleware.Config{TokenSources: []middleware.TokenSource{mine, middleware.BearerToken}}, `{` + bearer + resource,
		},
		"own source, methods set": {
			middleware.Config{
				TokenSources: []middleware.TokenSource{middleware.FirstOf(middleware.BearerToken, middleware.FormToken)},
				Metadata:     resourcemetadata.Metadata{BearerMethodsSupported: []string{"header", "body"}},
			},
			`{"bearer_methods_supported":["header","body"],` + resource,
		},
		"members of the application": {
			middleware.Config{Metadata: resourcemetadata.Metadata{
				JWKSURI: "https://api.test/keys", ResourceSigningAlgValuesSupported: []string{"ES256"}, ResourceName: "<Orders>",
				ResourceDocumentation: "https://api.test/docs", ResourcePolicyURI: "https://api.test/policy", ResourceTOSURI: "https://api.test/tos",
				Extra: map[string]any{"resource_name#de": "Aufträge", "x": []int{1}, "empty": "", "none": nil, "list": []string{}},
			}},
			`{` + bearer + `"jwks_uri":"https://api.test/keys",` + resource[:len(resource)-1] +
				`,"resource_documentation":"https://api.test/docs","resource_name":"\u003cOrders\u003e","resource_name#de":"Aufträge",` +
				`"resource_policy_uri":"https://api.test/policy","resource_signing_alg_values_supported":["ES256"],"resource_tos_uri":"https://api.test/tos","x":[1]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := test.cfg
			cfg.Resource = "https://api.test/v1"
			if cfg.Verifier == nil {
				cfg.Verifier = acceptAll
			}
			got := documentOf(t, newGuard(t, cfg))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("document (-want +got):\n%s", diff)
			}
			m, err := new(resourcemetadata.Client).Parse(cfg.Resource, []byte(got))
			if err != nil || len(m.Quirks()) > 0 {
				t.Errorf("the client reads %v, %v", m.Quirks(), err)
			}
		})
	}
}

// issuersOnly is an Opaque of a Group.
type issuersOnly struct{ issuer string }

func (v issuersOnly) Issuer() string { return v.issuer }

func (v issuersOnly) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}

func textLogger(log *strings.Builder) *slog.Logger { return slog.New(slog.NewTextHandler(log, nil)) }

func manyIssuers(n int) (issuers []string) {
	for i := range n {
		issuers = append(issuers, fmt.Sprintf("https://%d.test", i))
	}
	return issuers
}

// The document lists the scopes and the types of all rules, also of alternatives, sorted and once. Rules that are not valid and
// offline_access are left out.
func TestMetadataHandler_Rules(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test"})
	g.With(middleware.Scopes("w", "r"), middleware.AnyScope("b", "a"), middleware.Scopes("offline_access"))
	if _, err := g.Routes(map[string][]middleware.Rule{
		"GET /a": {middleware.Any(middleware.Role("roles", "x"), middleware.Any(middleware.Scopes("r", "any"), middleware.AuthorizationDetails("pay", "send")))},
		"GET /b": {middleware.AuthorizationDetails("account"), middleware.StepUp(0, "gold")},
	}, hello); err != nil {
		t.Fatal(err)
	}
	g.Declare(middleware.Scopes("declared"), middleware.Rule{}, middleware.Scopes("two words"), middleware.Any(middleware.Scopes("no"), middleware.Rule{}))
	want := `{"authorization_details_types_supported":["account","pay"],"bearer_methods_supported":["header"],"resource":"https://api.test",` +
		`"scopes_supported":["a","any","b","declared","r","w"]}`
	if got := documentOf(t, g); got != want {
		t.Errorf("document %s\nwant     %s", got, want)
	}
	// A rule that is added after the document was requested changes it, and Replace keeps all rules.
	before := fetchDocument(t, g, http.MethodGet, g.MetadataPath()).Header().Get("Etag")
	g.With(middleware.Scopes("later"))
	want = strings.Replace(want, `"later"`, ``, 1)
	want = strings.Replace(want, `"r","w"`, `"later","r","w"`, 1)
	if got := documentOf(t, g); got != want {
		t.Errorf("document %s\nwant     %s", got, want)
	}
	if after := fetchDocument(t, g, http.MethodGet, g.MetadataPath()).Header().Get("Etag"); after == before || after == "" {
		t.Errorf("ETag %s, before %s", after, before)
	}
	if err := g.Replace(middleware.Config{Verifier: acceptAll, Resource: "https://api.test/v2"}); err != nil {
		t.Fatal(err)
	}
	g.With(middleware.Scopes("replaced"))
	want = strings.Replace(strings.Replace(want, "https://api.test", "https://api.test/v2", 1), `"w"]`, `"replaced","w"]`, 1)
	want = strings.Replace(want, `"r","replaced"`, `"r","replaced"`, 1)
	if got := documentOf(t, g); got != want {
		t.Errorf("after Replace: document %s\nwant     %s", got, want)
	}
}

// Q1: New rejects members that are not valid, and those that are generated.
func TestQ1_FaultsOfMetadata(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]resourcemetadata.Metadata{
		"Metadata.Resource":                              {Resource: "https://api.test"},
		"Metadata.ScopesSupported":                       {ScopesSupported: []string{}},
		"Metadata.AuthorizationDetailsTypesSupported":    {AuthorizationDetailsTypesSupported: []string{"x"}},
		"Metadata.DPoPSigningAlgValuesSupported":         {DPoPSigningAlgValuesSupported: []string{"ES256"}},
		"Metadata.DPoPBoundAccessTokensRequired":         {DPoPBoundAccessTokensRequired: true},
		"Metadata.TLSClientCertificateBoundAccessTokens": {TLSClientCertificateBoundAccessTokens: true},
		"Metadata.BearerMethodsSupported is set":         {BearerMethodsSupported: []string{"header"}},
		`BearerMethodsSupported contains "cookie"`:       {BearerMethodsSupported: []string{"cookie"}},
		"jwks_uri":              {JWKSURI: "http://api.test/keys"},
		`"none"`:                {ResourceSigningAlgValuesSupported: []string{"ES256", "none"}},
		"authorization_servers": {AuthorizationServers: []string{"https://a.test", "http://a.test"}},
		"authorization_servers: received \"https://a?b\", expected an https URL": {AuthorizationServers: []string{"https://a?b"}},
		"resource_documentation":         {ResourceDocumentation: "javascript:alert(1)"},
		"resource_policy_uri":            {ResourcePolicyURI: "/policy"},
		"resource_tos_uri":               {ResourceTOSURI: "mailto:a@b"},
		`Metadata.Extra["f"]`:            {Extra: map[string]any{"f": func() {}}},
		`"scopes_supported" is in Extra`: {Extra: map[string]any{"scopes_supported": []string{"x"}}},
	} {
		_, err := middleware.New(middleware.Config{Verifier: acceptAll, Resource: "https://api.test", Metadata: m})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "middleware: Config.Metadata") {
			t.Errorf("%s: error %v", want, err)
		}
	}
	_, err := middleware.New(middleware.Config{Verifier: acceptAll, Metadata: resourcemetadata.Metadata{ResourceName: "x"}})
	if err == nil || !strings.Contains(err.Error(), "Config.Metadata is set, but Config.Resource is empty") {
		t.Errorf("without Resource: error %v", err)
	}
	// All faults are reported at once, with those of the other fields.
	_, err = middleware.New(middleware.Config{Resource: "https://api.test", Metadata: resourcemetadata.Metadata{Resource: "x", ScopesSupported: []string{"y"}}})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three faults: error %v", err)
	}
}

// New copies Config.Metadata.
func TestMetadataIsCopied(t *testing.T) {
	t.Parallel()
	list, servers := []string{"a"}, []string{"https://a.test"}
	extra := map[string]any{"x": list}
	g := newGuard(t, middleware.Config{
		Verifier: acceptAll, Resource: "https://api.test", Metadata: resourcemetadata.Metadata{AuthorizationServers: servers, Extra: extra},
	})
	want := documentOf(t, g)
	list[0], servers[0], extra["y"] = "b", "https://b.test", 1
	g.Declare(middleware.Scopes("s"))
	if got := documentOf(t, g); got != strings.Replace(want, `"x":["a"]`, `"scopes_supported":["s"],"x":["a"]`, 1) {
		t.Errorf("document %s, before the change %s", got, want)
	}
}

// The number of scopes in the document is bounded, and the excess is logged.
func TestMetadataScopesAreBounded(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: "https://api.test", Logger: textLogger(&log)})
	for i := range 1100 {
		g.Declare(middleware.Scopes(fmt.Sprintf("s%d", i)))
	}
	g.Declare(middleware.Scopes("s1"), middleware.AuthorizationDetails("type"))
	var document struct {
		Scopes []string `json:"scopes_supported"`
		Types  []string `json:"authorization_details_types_supported"`
	}
	if err := json.Unmarshal([]byte(documentOf(t, g)), &document); err != nil {
		t.Fatal(err)
	}
	if len(document.Scopes) != 1000 || !slices.Equal(document.Types, []string{"type"}) {
		t.Errorf("%d scopes, want 1000; types %q", len(document.Scopes), document.Types)
	}
	if n := strings.Count(log.String(), "does not list all scopes"); n != 1 {
		t.Errorf("%d log lines, want 1:\n%.300s", n, log.String())
	}
}
