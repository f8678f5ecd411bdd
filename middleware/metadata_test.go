package middleware_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/middleware"
)

// An API under development has an http Resource on a loopback host. Its metadata document then has an http URL too.
func TestCaseQ8_LoopbackResource(t *testing.T) {
	t.Parallel()
	const wellKnown = "/.well-known/oauth-protected-resource"
	for resource, want := range map[string]string{
		"http://localhost:8000/mcp":    "http://localhost:8000" + wellKnown + "/mcp",
		"http://localhost":             "http://localhost" + wellKnown,
		"http://LocalHost:8000/":       "http://LocalHost:8000" + wellKnown,
		"HTTP://localhost/":            "http://localhost" + wellKnown,
		"http://127.0.0.1:8000/mcp":    "http://127.0.0.1:8000" + wellKnown + "/mcp",
		"http://127.1.2.3/a%2Fb":       "http://127.1.2.3" + wellKnown + "/a%2Fb",
		"http://[::1]:8000/mcp/":       "http://[::1]:8000" + wellKnown + "/mcp",
		"https://localhost:8443/mcp":   "https://localhost:8443" + wellKnown + "/mcp",
		"https://api.test/v1":          "https://api.test" + wellKnown + "/v1",
		"https://192.168.0.1:8000/mcp": "https://192.168.0.1:8000" + wellKnown + "/mcp",
	} {
		g, err := middleware.New(middleware.Config{Verifier: acceptAll, Resource: resource})
		if err != nil {
			t.Errorf("%q: %v", resource, err)
			continue
		}
		_, parameters, err := parseChallenge(challengeOf(serve(g.Handler(hello), request(t, ""))))
		if got := parameters["resource_metadata"]; err != nil || got != want {
			t.Errorf("%q: resource_metadata %q, %v, want %q", resource, got, err, want)
		}
	}
}

// http is rejected for all other hosts, also for those that only look like a loopback host.
func TestCaseQ8_HTTPResourceElsewhere(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{
		"http://api.test", "http://api.test:8000/mcp", "http://localhost.api.test/mcp", "http://localhost./mcp",
		"http://api.localhost/mcp", "http://127.0.0.1.api.test/", "http://127.1/mcp", "http://2130706433/mcp",
		"http://0.0.0.0:8000/mcp", "http://[::]:8000/mcp", "http://192.168.0.1/mcp", "http://[fe80::1]/mcp",
		"http://user:password@localhost/mcp", "http://localhost/mcp?a=b", "http://localhost/mcp#f", "http:///mcp", "http:localhost",
		"ftp://localhost/mcp", "ws://localhost/mcp", "http://[::1%25lo]/mcp", "https://[fe80::1%25eth0]/mcp", "http://local%68ost/mcp",
	} {
		_, err := middleware.New(middleware.Config{Verifier: acceptAll, Resource: resource})
		if err == nil {
			t.Errorf("%q is accepted", resource)
			continue
		}
		if !strings.HasPrefix(err.Error(), "middleware: Config.Resource ") || strings.Contains(err.Error(), "password") {
			t.Errorf("%q: error %q", resource, err)
		}
	}
}
