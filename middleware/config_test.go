package middleware_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestNew_JoinsAllFaults(t *testing.T) {
	t.Parallel()
	g, err := middleware.New(middleware.Config{
		Realm:        "line\nbreak",
		Resource:     "http://api.test",
		TokenSources: []middleware.TokenSource{middleware.QueryToken, nil},
	})
	if err == nil || g != nil {
		t.Fatalf("New = %v, %v", g, err)
	}
	for _, field := range []string{"Config.Verifier", "Config.Realm", "Config.Resource", "Config.TokenSources[1]"} {
		if strings.Count(err.Error(), field) != 1 {
			t.Errorf("the error does not name %s once:\n%v", field, err)
		}
	}
}

// pointerVerifier is a Verifier with pointer methods.
type pointerVerifier struct{}

// Verify implements [consumer.Verifier].
func (*pointerVerifier) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}

// mapVerifier is a Verifier that may be nil.
type mapVerifier map[string]*consumer.Token

// Verify implements [consumer.Verifier].
func (m mapVerifier) Verify(_ context.Context, raw string) (*consumer.Token, error) {
	return m[raw], nil
}

// A nil value in an interface is rejected like a nil interface, also by Replace.
func TestCaseX20_NilVerifier(t *testing.T) {
	t.Parallel()
	g := newGuard(t, middleware.Config{Verifier: acceptAll})
	for name, verifier := range map[string]consumer.Verifier{
		"nil": nil, "nil pointer": (*pointerVerifier)(nil), "nil Consumer": (*consumer.Consumer)(nil),
		"nil Group": (*consumer.Group)(nil), "nil func": verifierFunc(nil), "nil map": mapVerifier(nil),
	} {
		if _, err := middleware.New(middleware.Config{Verifier: verifier}); err == nil || !strings.Contains(err.Error(), "Config.Verifier") {
			t.Errorf("%s: New returned %v", name, err)
		}
		if err := g.Replace(middleware.Config{Verifier: verifier}); err == nil {
			t.Errorf("%s: Replace accepted it", name)
		}
	}
	for name, verifier := range map[string]consumer.Verifier{
		"pointer": new(pointerVerifier), "empty map": mapVerifier{}, "value": struct{ consumer.Verifier }{acceptAll},
	} {
		if _, err := middleware.New(middleware.Config{Verifier: verifier}); err != nil {
			t.Errorf("%s: New returned %v", name, err)
		}
	}
	if _, err := g.Routes(map[string][]middleware.Rule{"/": {}}, http.HandlerFunc(nil)); err == nil {
		t.Error("Routes accepted a nil HandlerFunc")
	}
}

func TestNew_CopiesTheConfig(t *testing.T) {
	t.Parallel()
	sources := []middleware.TokenSource{func(*http.Request) (string, error) { return "", nil }}
	g := newGuard(t, middleware.Config{Verifier: acceptAll, TokenSources: sources})
	sources[0] = func(*http.Request) (string, error) { return "a", nil }
	if w := serve(g.Handler(hello), request(t, "")); w.Code != 401 {
		t.Errorf("status %d", w.Code)
	}
}

func TestResource_MetadataPath(t *testing.T) {
	t.Parallel()
	const wellKnown = "/.well-known/oauth-protected-resource"
	tests := []struct{ resource, path string }{
		{"", ""},
		{"https://api.test", wellKnown},
		{"https://api.test/", wellKnown},
		{"https://api.test/v1", wellKnown + "/v1"},
		{"https://api.test/v1/", wellKnown + "/v1"},
		{"https://api.test:8443/a%2Fb/c%20d", wellKnown + "/a%2Fb/c%20d"},
		{"https://[::1]/v1", wellKnown + "/v1"},
	}
	for _, test := range tests {
		g := newGuard(t, middleware.Config{Verifier: acceptAll, Resource: test.resource})
		if got := g.MetadataPath(); got != test.path {
			t.Errorf("%q: %q, want %q", test.resource, got, test.path)
		}
		_, parameters, err := parseChallenge(challengeOf(serve(g.Handler(hello), request(t, ""))))
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		if rest, ok := strings.CutPrefix(test.resource, "https://"); ok {
			host, _, _ := strings.Cut(rest, "/")
			want = "https://" + host + test.path
		}
		if got := parameters["resource_metadata"]; got != want {
			t.Errorf("%q: resource_metadata %q, want %q", test.resource, got, want)
		}
	}
}

func TestResource_Faults(t *testing.T) {
	t.Parallel()
	for _, resource := range []string{
		"http://api.test", "api.test", "/v1", "https:///v1", "https://", "https://api.test/#f", "https://api.test/?q=1",
		"https://api.test/?", "https://user:password@api.test", "https://api.test/\r\n", "https://\x7f", "urn:api", "https:api.test",
		"https://äpi.test",
	} {
		if _, err := middleware.New(middleware.Config{Verifier: acceptAll, Resource: resource}); err == nil {
			t.Errorf("%q is taken", resource)
		} else if strings.Contains(err.Error(), "password") {
			t.Errorf("%q: the error quotes it: %v", resource, err)
		}
	}
}
