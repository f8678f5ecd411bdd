package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// network is a network of servers in memory: the body of each URL, or a status such as "503".
type network struct {
	pages map[string]string

	mu   sync.Mutex // guards the field below
	urls []string   // that were requested
}

func (w *network) RoundTrip(r *http.Request) (*http.Response, error) {
	w.mu.Lock()
	w.urls = append(w.urls, r.URL.String())
	w.mu.Unlock()
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Content-Type", "application/json")
	body, ok := w.pages[r.URL.String()]
	switch {
	case !ok:
		recorder.WriteHeader(http.StatusNotFound)
	case body == "503":
		recorder.WriteHeader(http.StatusServiceUnavailable)
	case strings.HasPrefix(body, "to "):
		recorder.Header().Set("Location", strings.TrimPrefix(body, "to "))
		recorder.WriteHeader(http.StatusFound)
	default:
		_, _ = recorder.WriteString(body)
	}
	return recorder.Result(), r.Context().Err()
}

// requests returns the URLs that were requested since the last call.
func (w *network) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	urls := w.urls
	w.urls = nil
	return urls
}

func (w *network) client() *http.Client { return &http.Client{Transport: w} }

// challenged returns the header of a response with these challenges.
func challenged(challenges ...string) http.Header {
	return http.Header{"Www-Authenticate": challenges}
}

// described returns the metadata of a resource with one authorization server, and further members.
func described(resource string, members ...string) string {
	members = append([]string{`"resource":"` + resource + `","authorization_servers":["https://as.test"]`}, members...)
	return "{" + strings.Join(members, ",") + "}"
}

const wellKnown = "/.well-known/oauth-protected-resource"

func TestQ4_Q5_Q7_DiscoverResource(t *testing.T) {
	t.Parallel()
	const api = "https://api.test"
	for name, test := range map[string]struct {
		target    string // empty: https://api.test/mcp
		challenge string
		pages     map[string]string
		cfg       client.ResourceDiscovery
		id        string // empty: an error
		requests  []string
	}{
		"path": {
			pages: map[string]string{api + wellKnown + "/mcp": described(api + "/mcp")},
			id:    api + "/mcp", requests: []string{api + wellKnown + "/mcp"},
		},
		"root": {
			pages: map[string]string{api + wellKnown: described(api)},
			id:    api, requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"root, with a slash": {
			pages: map[string]string{api + wellKnown: described(api + "/")},
			id:    api + "/", requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"challenge": {
			challenge: `Bearer resource_metadata="https://api.test/custom.json"`,
			pages:     map[string]string{api + "/custom.json": described(api + "/mcp"), api + wellKnown + "/mcp": described(api + "/other")},
			id:        api + "/mcp", requests: []string{api + "/custom.json"},
		},
		"challenge of another scheme": {
			challenge: `Custom x="y", DPoP algs="ES256", resource_metadata="https://api.test/custom.json"`,
			pages:     map[string]string{api + "/custom.json": described(api + "/mcp")},
			id:        api + "/mcp", requests: []string{api + "/custom.json"},
		},
		"challenge that cannot be parsed": {
			challenge: `Bearer resource_metadata="https://api.test/custom.json`,
			pages:     map[string]string{api + "/custom.json": described(api + "/mcp"), api + wellKnown + "/mcp": described(api + "/mcp")},
			id:        api + "/mcp", requests: []string{api + wellKnown + "/mcp"},
		},
		"challenge that leads nowhere": {
			challenge: `Bearer resource_metadata="https://api.test/custom.json"`,
			pages:     map[string]string{api + wellKnown + "/mcp": described(api + "/mcp")},
			id:        api + "/mcp", requests: []string{api + "/custom.json", api + wellKnown + "/mcp"},
		},
		"challenge with another origin": {
			challenge: `Bearer resource_metadata="https://evil.test/custom.json"`,
			pages:     map[string]string{"https://evil.test/custom.json": described(api + "/mcp"), api + wellKnown: described(api)},
			id:        api, requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"challenge with an accepted origin": {
			challenge: `Bearer resource_metadata="https://gateway.test/custom.json"`,
			pages:     map[string]string{"https://gateway.test/custom.json": described(api + "/mcp")},
			cfg:       client.ResourceDiscovery{MetadataOrigins: []string{"https://gateway.test"}},
			id:        api + "/mcp", requests: []string{"https://gateway.test/custom.json"},
		},
		"challenge with http": {
			challenge: `Bearer resource_metadata="http://api.test/custom.json"`,
			requests:  []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"challenge with a loopback host": {
			challenge: `Bearer resource_metadata="http://127.0.0.1:8080/custom.json"`,
			cfg:       client.ResourceDiscovery{MetadataOrigins: []string{"http://127.0.0.1:8080"}},
			requests:  []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"challenge with a loopback host and https": {
			challenge: `Bearer resource_metadata="https://localhost:8443/custom.json"`,
			cfg:       client.ResourceDiscovery{MetadataOrigins: []string{"https://localhost:8443"}},
			requests:  []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"a parent, but not at its location": {
			challenge: `Bearer resource_metadata="https://api.test/mcp/custom.json"`,
			pages:     map[string]string{api + "/mcp/custom.json": described(api, `"scopes_supported":["all"]`), api + wellKnown: described(api)},
			id:        api, requests: []string{api + "/mcp/custom.json", api + wellKnown},
		},
		"a parent without a document": {
			challenge: `Bearer resource_metadata="https://api.test/mcp/custom.json"`,
			pages:     map[string]string{api + "/mcp/custom.json": described(api)},
			requests:  []string{api + "/mcp/custom.json", api + wellKnown, api + wellKnown + "/mcp", api + wellKnown},
		},
		"a parent, with ExactResource": {
			pages:    map[string]string{api + wellKnown: described(api)},
			cfg:      client.ResourceDiscovery{ExactResource: true},
			requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"another resource": {
			pages:    map[string]string{api + wellKnown + "/mcp": described("https://evil.test/mcp")},
			requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"a sibling": {
			pages:    map[string]string{api + wellKnown + "/mcp": described(api + "/mc")},
			requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"a child": {
			pages:    map[string]string{api + wellKnown + "/mcp": described(api + "/mcp/x")},
			requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"redirect": {
			pages:    map[string]string{api + wellKnown + "/mcp": "to https://api.test/moved", api + "/moved": described(api + "/mcp")},
			requests: []string{api + wellKnown + "/mcp", api + wellKnown},
		},
		"unavailable": {
			pages:    map[string]string{api + wellKnown + "/mcp": "503", api + wellKnown: described(api)},
			requests: []string{api + wellKnown + "/mcp"},
		},
		"query": {
			target: api + "/mcp?tenant=1",
			pages:  map[string]string{api + wellKnown + "/mcp": described(api + "/mcp")},
			id:     api + "/mcp", requests: []string{api + wellKnown + "/mcp?tenant=1", api + wellKnown + "/mcp"},
		},
		"slash": {
			target: api + "/mcp/",
			pages:  map[string]string{api + wellKnown + "/mcp/": described(api + "/mcp/")},
			id:     api + "/mcp/", requests: []string{api + wellKnown + "/mcp", api + wellKnown + "/mcp/"},
		},
		"dot segment":     {target: api + "/a/%2e./mcp"},
		"fragment":        {target: api + "/mcp#x"},
		"http":            {target: "http://api.test/mcp"},
		"user":            {target: "https://u:p@api.test/mcp"},
		"loopback target": {target: "http://localhost:1/mcp", pages: map[string]string{"http://localhost:1" + wellKnown: described("http://localhost:1")}, id: "http://localhost:1", requests: []string{"http://localhost:1" + wellKnown + "/mcp", "http://localhost:1" + wellKnown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &network{pages: test.pages}
			test.cfg.HTTPClient = w.client()
			target := test.target
			if target == "" {
				target = api + "/mcp"
			}
			r, err := client.DiscoverResource(t.Context(), test.cfg, target, challenged(test.challenge))
			if (err == nil) != (test.id != "") || err == nil && r.ID != test.id {
				t.Fatalf("resource %+v, error %v", r, err)
			}
			if diff := cmp.Diff(test.requests, w.requests()); diff != "" {
				t.Error(diff)
			}
			if got := errors.Is(err, client.ErrUnavailable); got != (name == "unavailable") {
				t.Errorf("unavailable: %v", err)
			}
			if mismatch, ok := errors.AsType[*resourcemetadata.MismatchError](err); strings.HasPrefix(name, "another") && (!ok || mismatch.Got != "https://evil.test/mcp") {
				t.Errorf("error %v", err)
			}
		})
	}
}

// However many documents lead to others, the number of requests is bounded: two for each of at most five locations.
func TestDiscoverResource_RequestsAreBounded(t *testing.T) {
	t.Parallel()
	const target = apiURL + "/a/b/?q"
	w := &network{pages: map[string]string{apiURL + "/x": described(apiURL + "/a")}}
	for _, path := range []string{"/a/b?q", "/a/b", "/a/b/", ""} { // each names a parent that has no document
		w.pages[apiMeta+path] = described(apiURL + "/a")
	}
	header := challenged(`Bearer resource_metadata="` + apiURL + `/x"`)
	r, err := client.DiscoverResource(t.Context(), client.ResourceDiscovery{HTTPClient: w.client()}, target, header)
	if requests := w.requests(); err == nil || len(requests) != 10 {
		t.Errorf("resource %v, error %v, %d requests: %v", r, err, len(requests), requests)
	}
}
