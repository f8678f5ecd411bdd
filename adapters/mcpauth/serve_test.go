package mcpauth_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

// counted counts how often a body is read.
type counted struct{ reads int }

func (c *counted) Read([]byte) (int, error) { c.reads++; return 0, io.EOF }

func (*counted) Close() error { return nil }

func serve(k *kit, r *http.Request) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	k.handler.ServeHTTP(recorder, r)
	return recorder
}

func TestPaths(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for path, status := range map[string]int{
		"/mcp": 401, "/.well-known/oauth-protected-resource/mcp": 200, "/": 404, "/mcp/": 404, "/MCP": 404,
		"/.well-known/oauth-protected-resource": 404, "//mcp": 404,
	} {
		if got := k.send(request{method: http.MethodGet, path: path}); got.Code != status {
			t.Errorf("%s: %d, want %d", path, got.Code, status)
		}
	}
}

// The metadata document lists the scopes of all entries.
func TestMetadata(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	got := k.send(request{method: http.MethodGet, path: k.guard.MetadataPath()})
	var document struct {
		Resource string   `json:"resource"`
		Servers  []string `json:"authorization_servers"`
		Scopes   []string `json:"scopes_supported"`
	}
	if err := json.Unmarshal(got.Body.Bytes(), &document); err != nil {
		t.Fatal(err, got.Body)
	}
	slices.Sort(document.Scopes)
	if document.Resource != endpoint || !slices.Equal(document.Servers, []string{k.issuer.URL()}) ||
		!slices.Equal(document.Scopes, []string{"admin", "notes", "read", "special"}) {
		t.Errorf("%s", got.Body)
	}
}

// Endpoint serves the endpoint at every path.
func TestEndpoint(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	recorder := httptest.NewRecorder()
	k.handler.Endpoint().ServeHTTP(recorder, k.httpRequest(request{path: "/elsewhere", token: k.token("read").Sign(), body: callTool("look")}))
	if recorder.Code != http.StatusOK {
		t.Errorf("%d %s", recorder.Code, recorder.Body)
	}
}
