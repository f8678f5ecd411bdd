package mcpauth_test

import (
	"io"
	"net/http"
	"net/http/httptest"
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
