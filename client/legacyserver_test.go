package client_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
)

// An API without metadata is accepted only with the setting for it, and only if all documents are missing.
func TestDiscoverResource_Legacy(t *testing.T) {
	t.Parallel()
	legacy := client.ResourceDiscovery{InsecureLegacyServers: true}
	for name, test := range map[string]struct {
		pages     map[string]string
		cfg       client.ResourceDiscovery
		found     bool // whether DiscoverResource succeeds
		issuer    string
		tokens    string // the token endpoint
		noServers error
	}{
		"without the setting": {pages: map[string]string{apiURL + oauthPath: serving(apiURL)}},
		"metadata of the server": {
			pages: map[string]string{apiURL + oauthPath: serving(apiURL)}, cfg: legacy, found: true, issuer: apiURL, tokens: apiURL + "/token",
		},
		"another issuer with the origin": {
			pages: map[string]string{apiURL + oauthPath: serving(apiURL + "/oauth")}, cfg: legacy,
			found: true, issuer: apiURL + "/oauth", tokens: apiURL + "/oauth/token",
		},
		"no metadata": {cfg: legacy, found: true, issuer: apiURL, tokens: apiURL + "/token"},
		"another issuer": {
			pages: map[string]string{apiURL + oauthPath: serving("https://honest.test")}, cfg: legacy, found: true, noServers: client.ErrNoServer,
		},
		"an endpoint of this machine": {
			pages: map[string]string{apiURL + oauthPath: `{"issuer":"` + apiURL + `","token_endpoint":"http://localhost/t"}`},
			cfg:   legacy, found: true, noServers: client.ErrNoServer,
		},
		"an endpoint of this machine, another issuer": {
			pages: map[string]string{apiURL + oauthPath: `{"issuer":"` + apiURL + `/oauth","token_endpoint":"http://localhost/t"}`},
			cfg:   legacy, found: true, noServers: client.ErrNoServer,
		},
		"the server is unavailable": {
			pages: map[string]string{apiURL + oauthPath: "503", apiURL + openIDPath: "503"}, cfg: legacy, found: true, noServers: client.ErrUnavailable,
		},
		"a document with a fault":         {pages: map[string]string{apiMeta + "/mcp": "{"}, cfg: legacy},
		"a document of another resource":  {pages: map[string]string{apiMeta + "/mcp": described("https://evil.test/mcp")}, cfg: legacy},
		"a document that is not readable": {pages: map[string]string{apiMeta + "/mcp": "503"}, cfg: legacy},
		"a document with a redirect":      {pages: map[string]string{apiMeta: "to https://evil.test"}, cfg: legacy},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &network{pages: test.pages}
			test.cfg.HTTPClient = w.client()
			r, err := client.DiscoverResource(t.Context(), test.cfg, apiURL+"/mcp", challenged(`Bearer scope="read"`))
			if (err == nil) != test.found {
				t.Fatalf("resource %v, error %v", r, err)
			}
			if !test.found {
				return
			}
			if !r.Legacy || r.Metadata != nil || r.ID != apiURL+"/mcp" || !cmp.Equal(r.Scopes, []string{"read"}) {
				t.Errorf("resource %+v", r)
			}
			m, err := r.SelectServer(t.Context(), client.ServerSelection{})
			switch {
			case test.noServers != nil:
				if !errors.Is(err, test.noServers) {
					t.Errorf("metadata %v, error %v", m, err)
				}
			case err != nil || m.Issuer != test.issuer || m.TokenEndpoint != test.tokens:
				t.Errorf("metadata %v, error %v", m, err)
			}
		})
	}
}
