package resourcemetadata_test

import (
	"testing"

	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// The well-known path is inserted between host and path, and a slash at the end is removed.
func TestQ2_URL(t *testing.T) {
	t.Parallel()
	const wellKnown = "/.well-known/oauth-protected-resource"
	for resource, want := range map[string]string{
		"https://api.test":             "https://api.test" + wellKnown,
		"https://api.test/":            "https://api.test" + wellKnown,
		"https://api.test/v1":          "https://api.test" + wellKnown + "/v1",
		"https://api.test/v1/":         "https://api.test" + wellKnown + "/v1",
		"https://api.test:8443/v1/a":   "https://api.test:8443" + wellKnown + "/v1/a",
		"https://api.test/a%2Fb":       "https://api.test" + wellKnown + "/a%2Fb",
		"https://api.test?tenant=a":    "https://api.test" + wellKnown + "?tenant=a",
		"https://api.test/v1/?a=b/":    "https://api.test" + wellKnown + "/v1?a=b/",
		"http://localhost:8000/mcp":    "http://localhost:8000" + wellKnown + "/mcp",
		"http://127.0.0.1:8000/":       "http://127.0.0.1:8000" + wellKnown,
		"http://[::1]:8000/mcp":        "http://[::1]:8000" + wellKnown + "/mcp",
		"HTTPS://API.test/v1":          "https://API.test" + wellKnown + "/v1",
		"https://xn--mller-kva.test/ü": "https://xn--mller-kva.test" + wellKnown + "/%C3%BC",
	} {
		if got, err := resourcemetadata.URL(resource); err != nil || got != want {
			t.Errorf("URL(%q) = %q, %v, want %q", resource, got, err, want)
		}
	}
}

// An identifier that is not an https URL, or that has a fragment, has no document.
func TestQ1_URLOfOtherIdentifiers(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{
		"", "api", "api.test/v1", "//api.test/v1", "http://api.test", "http://localhost.api.test", "ftp://api.test", "https://",
		"https:///v1", "https://api.test/v1#a", "https://api.test/v1#", "https://user@api.test", "https://user:password@api.test",
		"https:api.test", "urn:example:api", "https://api.test/%zz", "https://api.test\n",
	} {
		if got, err := resourcemetadata.URL(resource); err == nil {
			t.Errorf("URL(%q) = %q, want an error", resource, got)
		}
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		resource, target string
		want             bool
	}{
		{"https://api.test", "https://api.test", true},
		{"https://api.test", "https://api.test/mcp", true},
		{"https://api.test/", "https://api.test/mcp/a", true},
		{"https://api.test:443/mcp", "https://API.test/mcp?a=b", true},
		{"https://api.test/mcp", "https://api.test/mcp/tools", true},
		{"https://api.test/mcp/", "https://api.test/mcp", true},
		{"https://api.test/mcp?a=b", "https://api.test/mcp?a=b", true},
		{"https://api.test/mcp", "https://api.test/mcp2", false},
		{"https://api.test/mcp", "https://api.test", false},
		{"https://api.test/mcp", "https://api.test/MCP", false},
		{"https://api.test/mcp?a=b", "https://api.test/mcp?a=c", false},
		{"https://api.test/mcp#a", "https://api.test/mcp", false},
		{"https://api.test", "http://api.test/mcp", false},
		{"https://api.test", "https://api.test:8443/mcp", false},
		{"https://test", "https://api.test", false},
		{"https://user@api.test", "https://api.test/mcp", false},
		{"https://api.test", "https://api.test@evil.test/mcp", false},
		{"https://api.test/mcp", "https://api.test/mcp/../admin", false},
		{"https://api.test/mcp", "https://api.test/mcp/..;/admin", false},
		{"https://api.test/mcp", "https://api.test/mcp/%2e%2e/admin", false},
		{"https://api.test/mcp", "https://api.test/mcp/..%2Fadmin", false},
		{"https://api.test/mcp", "https://api.test/mcp//admin", false},
		{"https://api.test/mcp/..", "https://api.test/mcp/../admin", false},
		{"", "https://api.test", false},
		{"/mcp", "/mcp/a", false},
		{"https://api.test", "", false},
		{"https://api.test/%zz", "https://api.test/%zz/a", false},
	}
	for _, tt := range tests {
		if got := resourcemetadata.Covers(tt.resource, tt.target); got != tt.want {
			t.Errorf("Covers(%q, %q) = %v, want %v", tt.resource, tt.target, got, tt.want)
		}
	}
}
