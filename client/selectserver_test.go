package client_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

const (
	apiURL  = "https://api.test"
	apiMeta = apiURL + wellKnown
)

// listing returns the metadata of a resource with these authorization servers.
func listing(resource string, issuers ...string) string {
	return `{"resource":"` + resource + `","authorization_servers":["` + strings.Join(issuers, `","`) + `"]}`
}

// serving returns the metadata of an authorization server, and further members.
func serving(issuer string, members ...string) string {
	members = append([]string{
		`"issuer":"` + issuer + `"`, `"authorization_endpoint":"` + issuer + `/authorize"`, `"token_endpoint":"` + issuer + `/token"`,
	}, members...)
	return "{" + strings.Join(members, ",") + "}"
}

func discover(t *testing.T, w *network, target string) *client.Resource {
	t.Helper()
	r, err := client.DiscoverResource(t.Context(), client.ResourceDiscovery{HTTPClient: w.client()}, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.requests()
	return r
}

func TestSelectServer(t *testing.T) {
	t.Parallel()
	const as, other = "https://as.test", "https://other.test"
	noDocuments := func(m *oidcdiscovery.Metadata) error {
		if m.ClientIDMetadataDocumentSupported {
			return nil
		}
		return errors.New("no documents")
	}
	for name, test := range map[string]struct {
		issuers  []string // that the resource lists
		pages    map[string]string
		accepted client.ServerSelection
		want     string // the issuer; empty: an error
		class    error
		requests []string
	}{
		"the first one": {
			issuers: []string{as, other}, pages: map[string]string{as + oauthPath: serving(as), other + oauthPath: serving(other)},
			want: as, requests: []string{as + oauthPath},
		},
		"the order of the program": {
			issuers: []string{as, other}, pages: map[string]string{as + oauthPath: serving(as), other + oauthPath: serving(other)},
			accepted: client.ServerSelection{Issuers: []string{"https://third.test", other, as}},
			want:     other, requests: []string{other + oauthPath},
		},
		"none accepted": {
			issuers: []string{as}, pages: map[string]string{as + oauthPath: serving(as)},
			accepted: client.ServerSelection{Issuers: []string{other}}, class: client.ErrNoServer,
		},
		"an empty list accepts none": {
			issuers: []string{as}, pages: map[string]string{as + oauthPath: serving(as)},
			accepted: client.ServerSelection{Issuers: []string{}}, class: client.ErrNoServer,
		},
		"accepted, but with a slash": {
			issuers: []string{as + "/"}, pages: map[string]string{as + oauthPath: serving(as + "/")},
			accepted: client.ServerSelection{Issuers: []string{as}}, class: client.ErrNoServer,
		},
		"none listed": {class: client.ErrNoServer},
		"OpenID Connect": {
			issuers: []string{as}, pages: map[string]string{as + openIDPath: serving(as)},
			want: as, requests: []string{as + oauthPath, as + openIDPath},
		},
		"path inserted": {
			issuers: []string{as + "/t1"}, pages: map[string]string{as + oauthPath + "/t1": serving(as + "/t1")},
			want: as + "/t1", requests: []string{as + oauthPath + "/t1"},
		},
		"OpenID Connect, inserted before appended": {
			issuers: []string{as + "/t1"},
			pages: map[string]string{
				as + openIDPath + "/t1": serving(as+"/t1", `"scopes_supported":["inserted"]`), as + "/t1" + openIDPath: serving(as + "/t1"),
			},
			want: as + "/t1", requests: []string{as + oauthPath + "/t1", as + openIDPath + "/t1"},
		},
		"OpenID Connect, appended": {
			issuers: []string{as + "/t1"}, pages: map[string]string{as + "/t1" + openIDPath: serving(as + "/t1")},
			want: as + "/t1", requests: []string{as + oauthPath + "/t1", as + openIDPath + "/t1", as + "/t1" + openIDPath},
		},
		"another issuer": {
			issuers: []string{as}, pages: map[string]string{as + oauthPath: serving("https://honest.test")},
			class: client.ErrNoServer, requests: []string{as + oauthPath, as + openIDPath},
		},
		"another issuer, then a good server": {
			issuers: []string{as, other}, pages: map[string]string{as + oauthPath: serving(as + "/"), other + oauthPath: serving(other)},
			want: other, requests: []string{as + oauthPath, as + openIDPath, other + oauthPath},
		},
		"not usable, then usable": {
			issuers:  []string{as, other},
			pages:    map[string]string{as + oauthPath: serving(as), other + oauthPath: serving(other, `"client_id_metadata_document_supported":true`)},
			accepted: client.ServerSelection{Usable: noDocuments},
			want:     other, requests: []string{as + oauthPath, other + oauthPath},
		},
		"unavailable": {
			issuers: []string{as, other}, pages: map[string]string{as + oauthPath: "503", as + openIDPath: "503", other + oauthPath: serving(other)},
			class: client.ErrUnavailable, requests: []string{as + oauthPath, as + openIDPath},
		},
		"redirect": {
			issuers: []string{as}, pages: map[string]string{as + oauthPath: "to https://other.test/m", "https://other.test/m": serving(as)},
			class: client.ErrNoServer, requests: []string{as + oauthPath, as + openIDPath},
		},
		"too many": {
			issuers: []string{"https://a.test", "https://b.test", "https://c.test", "https://d.test", as}, pages: map[string]string{as + oauthPath: serving(as)},
			class: client.ErrNoServer, requests: []string{
				"https://a.test" + oauthPath, "https://a.test" + openIDPath, "https://b.test" + oauthPath, "https://b.test" + openIDPath,
				"https://c.test" + oauthPath, "https://c.test" + openIDPath, "https://d.test" + oauthPath, "https://d.test" + openIDPath,
			},
		},
		"endpoints of other origins": {
			issuers: []string{as}, pages: map[string]string{as + oauthPath: `{"issuer":"https://as.test","token_endpoint":"https://tokens.test/"}`},
			want: as, requests: []string{as + oauthPath},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &network{pages: map[string]string{apiMeta: listing(apiURL, test.issuers...)}}
			if test.issuers == nil {
				w.pages[apiMeta] = `{"resource":"` + apiURL + `"}`
			}
			r := discover(t, w, apiURL)
			w.pages = test.pages
			m, err := r.SelectServer(t.Context(), test.accepted)
			if test.want == "" && !errors.Is(err, test.class) || test.want != "" && (err != nil || m.Issuer != test.want) {
				t.Errorf("metadata %v, error %v", m, err)
			}
			if diff := cmp.Diff(test.requests, w.requests()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A remote server must not lead the client to the machine of the client, or to a connection without encryption.
func TestSelectServer_HostileURLs(t *testing.T) {
	t.Parallel()
	for _, hostile := range []string{
		"https://localhost", "https://LOCALHOST", "https://localhost.", "https://api.localhost", "https://127.0.0.1", "https://127.8.8.8",
		"https://[::1]", "https://[::ffff:127.0.0.1]", "https://0.0.0.0", "https://[::]", "https://[::ffff:0.0.0.0]", "https://127.1", "https://2130706433",
		"https://0x7f.1", "https://0177.0.0.1", "https://a.0x1", "http://127.0.0.1", "http://as.test", "http://10.0.0.1",
		"https://ｌocalhost", "https://%EF%BD%8Cocalhost", "https://a.ｌocalhost", "https://１２７.０.０.１", "https://127。0。0。1", "https://loc\u00adalhost",
		"https://u:p@as.test", "ftp://as.test", "javascript:alert(1)//", "//as.test", "file:///etc/passwd", "https://as.test#x", "https://as.test?x",
	} {
		w := &network{pages: map[string]string{apiMeta: listing(apiURL, hostile), hostile + oauthPath: serving(hostile)}}
		r := discover(t, w, apiURL)
		if m, err := r.SelectServer(t.Context(), client.ServerSelection{}); !errors.Is(err, client.ErrNoServer) || len(w.requests()) > 0 {
			t.Errorf("issuer %s: metadata %v, error %v", hostile, m, err)
		}
	}
	for _, hostile := range []string{
		"https://localhost/x", "http://127.0.0.1:8080/x", "http://as.test/x", "javascript:alert(1)", "data:text/html,x", "https://[::1]/x", "/x",
		"https://u:p@as.test/x", "https://127.1/x", "https://ｌocalhost/x", "https://127.0.0。1/x",
	} {
		for _, member := range []string{
			"authorization_endpoint", "token_endpoint", "registration_endpoint", "jwks_uri", "revocation_endpoint", "introspection_endpoint",
			"userinfo_endpoint", "pushed_authorization_request_endpoint", "device_authorization_endpoint", "end_session_endpoint", "mtls",
		} {
			const as = "https://as.test"
			pair := `"` + member + `":"` + hostile + `"`
			if member == "mtls" {
				pair = `"mtls_endpoint_aliases":{"token_endpoint":"` + hostile + `"}`
			}
			w := &network{pages: map[string]string{apiMeta: listing(apiURL, as), as + oauthPath: `{"issuer":"` + as + `",` + pair + `}`}}
			r := discover(t, w, apiURL)
			if m, err := r.SelectServer(t.Context(), client.ServerSelection{}); !errors.Is(err, client.ErrNoServer) {
				t.Errorf("%s %s: metadata %v, error %v", member, hostile, m, err)
			}
		}
	}
}

// A resource on the machine itself may use http and servers of the machine.
func TestSelectServer_Loopback(t *testing.T) {
	t.Parallel()
	const api, as = "http://localhost:8080", "http://127.0.0.1:9090"
	w := &network{pages: map[string]string{api + wellKnown: listing(api, as), as + oauthPath: serving(as)}}
	r := discover(t, w, api)
	if m, err := r.SelectServer(t.Context(), client.ServerSelection{}); err != nil || m.Issuer != as {
		t.Error(m, err)
	}
	// A remote authorization server of a local resource must not name local endpoints.
	const remote = "https://as.test"
	w = &network{pages: map[string]string{api + wellKnown: listing(api, remote), remote + oauthPath: `{"issuer":"` + remote + `","token_endpoint":"` + as + `/token"}`}}
	r = discover(t, w, api)
	if m, err := r.SelectServer(t.Context(), client.ServerSelection{}); !errors.Is(err, client.ErrNoServer) {
		t.Error(m, err)
	}
}

func TestSelectServer_Canceled(t *testing.T) {
	t.Parallel()
	w := &network{pages: map[string]string{apiMeta: listing(apiURL, "https://as.test")}}
	r := discover(t, w, apiURL)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := r.SelectServer(ctx, client.ServerSelection{}); !errors.Is(err, context.Canceled) || errors.Is(err, client.ErrNoServer) {
		t.Error(m, err)
	}
	if r, err := client.DiscoverResource(ctx, client.ResourceDiscovery{HTTPClient: w.client()}, apiURL, nil); !errors.Is(err, context.Canceled) {
		t.Error(r, err)
	}
}

// The credentials of one authorization server are never used at another one.
func TestClientConfig(t *testing.T) {
	t.Parallel()
	const as, document = "https://as.test", "https://app.test/client.json"
	w := &network{pages: map[string]string{
		apiMeta:        `{"resource":"` + apiURL + `","authorization_servers":["` + as + `"],"scopes_supported":["read","write"]}`,
		as + oauthPath: serving(as, `"client_id_metadata_document_supported":true`),
	}}
	r := discover(t, w, apiURL)
	m, err := r.SelectServer(t.Context(), client.ServerSelection{})
	if err != nil {
		t.Fatal(err)
	}
	key := newKey(t)
	assertion := func(context.Context) (string, error) { return "", nil }
	for name, test := range map[string]struct {
		cfg client.Config
		ok  bool
	}{
		"registered here":               {client.Config{Issuer: as, ClientID: "app", ClientSecret: "s"}, true},
		"registered elsewhere":          {client.Config{Issuer: "https://other.test", ClientID: "app", ClientSecret: "s"}, false},
		"registered here, with a slash": {client.Config{Issuer: as + "/", ClientID: "app", ClientSecret: "s"}, false},
		"registered somewhere":          {client.Config{ClientID: "app", ClientSecret: "s"}, false},
		"public, registered somewhere":  {client.Config{ClientID: "app"}, false},
		"only a secret":                 {client.Config{ClientSecret: "s"}, false},
		"only a certificate":            {client.Config{MutualTLS: true}, false},
		"document":                      {client.Config{ClientID: document, ClientMetadataDocument: true}, true},
		"document, key":                 {client.Config{ClientID: document, ClientMetadataDocument: true, Key: key}, true},
		"document, elsewhere":           {client.Config{Issuer: "https://other.test", ClientID: document, ClientMetadataDocument: true}, false},
		"document, secret":              {client.Config{ClientID: document, ClientMetadataDocument: true, ClientSecret: "s"}, false},
		"document, assertions of others": {
			client.Config{ClientID: document, ClientMetadataDocument: true, AssertionSource: assertion}, false,
		},
		"document, another audience": {
			client.Config{ClientID: document, ClientMetadataDocument: true, Key: key, AssertionAudience: "https://other.test"}, false,
		},
		"document, endpoints of some server": {
			client.Config{ClientID: document, ClientMetadataDocument: true, Endpoints: map[string]string{"userinfo_endpoint": "https://other.test/me"}}, false,
		},
		"document, page of some server": {client.Config{ClientID: document, ClientMetadataDocument: true, AuthorizeURL: "https://other.test/auth"}, false},
		"only an endpoint":              {client.Config{Endpoints: map[string]string{"registration_endpoint": "https://other.test/reg"}}, false},
		"endpoints of the server":       {client.Config{Issuer: as, ClientID: "app", Endpoints: map[string]string{"userinfo_endpoint": as + "/me"}}, true},
		"other metadata":                {client.Config{Issuer: as, ClientID: "app", Metadata: &oidcdiscovery.Metadata{Issuer: as}}, false},
		"other metadata URL":            {client.Config{Issuer: as, ClientID: "app", MetadataURL: "https://other.test/m"}, false},
	} {
		cfg, err := r.ClientConfig(test.cfg, m)
		if (err == nil) != test.ok {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if !test.ok {
			continue
		}
		if _, err := client.New(cfg); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if cfg.Issuer != as || cfg.Metadata != m || cfg.HTTPClient == nil || !cmp.Equal(cfg.Resource, []string{apiURL}) || !cmp.Equal(cfg.Scopes, []string{"read", "write"}) {
			t.Errorf("%s: %v", name, cfg)
		}
	}
	if _, err := r.ClientConfig(client.Config{}, nil); err == nil {
		t.Error("metadata that is nil is accepted")
	}
	if _, err := r.ClientConfig(client.Config{}, m); err != nil {
		t.Errorf("a config for a registration: %v", err)
	}
	cfg, err := r.ClientConfig(client.Config{Issuer: as, ClientID: "app", Scopes: []string{"read"}, Resource: []string{}, HTTPClient: &http.Client{}}, m)
	if err != nil || len(cfg.Scopes) != 1 || len(cfg.Resource) != 0 || cfg.HTTPClient.Transport != nil {
		t.Errorf("own values are replaced: %v, %v", cfg, err)
	}
}

// PublicAddressesOnly rejects addresses when it connects, and transports that it cannot check.
func TestDiscoverResource_PublicAddressesOnly(t *testing.T) {
	t.Parallel()
	cfg := client.ResourceDiscovery{PublicAddressesOnly: true, HTTPClient: (&network{}).client()}
	if r, err := client.DiscoverResource(t.Context(), cfg, apiURL, nil); err == nil || !strings.Contains(err.Error(), "PublicAddressesOnly") {
		t.Errorf("a transport whose addresses cannot be checked: %v, %v", r, err)
	}
	cfg.HTTPClient = nil
	for _, target := range []string{"https://127.0.0.1:1/mcp", "https://localhost:1", "http://[::1]:1"} {
		if r, err := client.DiscoverResource(t.Context(), cfg, target, nil); err == nil || !strings.Contains(err.Error(), "is not public") {
			t.Errorf("%s: %v, %v", target, r, err)
		}
	}
}
