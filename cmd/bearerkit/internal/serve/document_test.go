package serve_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	extauthzv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/http/ext_authz/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// blocks returns the code blocks of docs/forward-auth.md in a language.
func blocks(t *testing.T, language string) []string {
	t.Helper()
	page, err := os.ReadFile("../../../../docs/forward-auth.md")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, match := range regexp.MustCompile("(?s)\n```"+language+"\n(.*?)```\n").FindAllSubmatch(page, -1) {
		texts = append(texts, string(match[1]))
	}
	return texts
}

// The configuration of the document is valid for each proxy. Tests in interop run it behind nginx and Caddy.
func TestDocument(t *testing.T) {
	t.Parallel()
	example := blocks(t, "yaml")[0]
	for _, proxy := range []string{"nginx", "caddy", "traefik", "envoy"} {
		code, _, stderr := check(t, strings.Replace(example, "proxy: nginx", "proxy: "+proxy, 1), nil)
		if code != cli.ExitOK {
			t.Errorf("%s: %s", proxy, stderr)
		}
	}
}

// The middleware for Traefik sends requests to the path of serve, and copies all header fields of the example.
func TestDocumentTraefik(t *testing.T) {
	t.Parallel()
	var example struct{ Headers map[string]string }
	var traefik struct {
		HTTP struct {
			Middlewares map[string]struct {
				ForwardAuth struct {
					Address             string
					TrustForwardHeader  *bool    `yaml:"trustForwardHeader"`
					AuthResponseHeaders []string `yaml:"authResponseHeaders"`
				} `yaml:"forwardAuth"`
			}
		}
	}
	all := blocks(t, "yaml")
	if err := yaml.Unmarshal([]byte(all[0]), &example); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(all[1]), &traefik); err != nil {
		t.Fatal(err)
	}
	got := traefik.HTTP.Middlewares["bearerkit"].ForwardAuth
	copied := make(map[string]bool)
	for _, name := range got.AuthResponseHeaders {
		copied[name] = true
	}
	for name := range example.Headers {
		if !copied[name] {
			t.Errorf("authResponseHeaders does not list %s", name)
		}
	}
	if got.Address != "http://127.0.0.1:9123/auth" || got.TrustForwardHeader == nil || *got.TrustForwardHeader {
		t.Errorf("forwardAuth: %+v", got)
	}
}

// The blocks for Envoy are valid messages of go-control-plane, and fail closed.
func TestDocumentEnvoy(t *testing.T) {
	t.Parallel()
	all := blocks(t, "yaml")
	if len(all) != 4 {
		t.Fatalf("%d blocks of YAML, want 4", len(all))
	}
	for _, block := range all[2:] {
		var filter struct {
			Config map[string]any `yaml:"typed_config"`
		}
		if err := yaml.Unmarshal([]byte(block), &filter); err != nil {
			t.Fatal(err)
		}
		delete(filter.Config, "@type")
		text, err := json.Marshal(filter.Config)
		if err != nil {
			t.Fatal(err)
		}
		var message extauthzv3.ExtAuthz
		if err := protojson.Unmarshal(text, &message); err != nil {
			t.Fatalf("%v:\n%s", err, block)
		}
		if err := message.ValidateAll(); err != nil {
			t.Errorf("%v:\n%s", err, block)
		}
		if message.GetFailureModeAllow() || message.GetStatusOnError().GetCode() != typev3.StatusCode_ServiceUnavailable || message.GetTransportApiVersion() != corev3.ApiVersion_V3 {
			t.Errorf("failure_mode_allow %t, status_on_error %v, version %v", message.GetFailureModeAllow(), message.GetStatusOnError(), message.GetTransportApiVersion())
		}
		if service := message.GetHttpService(); service != nil {
			var names []string
			for _, pattern := range service.GetAuthorizationResponse().GetAllowedUpstreamHeaders().GetPatterns() {
				names = append(names, pattern.GetExact())
			}
			if diff := cmp.Diff([]string{"x-auth-subject", "x-auth-issuer", "x-auth-scopes"}, names); diff != "" || service.GetPathPrefix() != "/auth" {
				t.Errorf("path_prefix %q, headers (-want +got):\n%s", service.GetPathPrefix(), diff)
			}
		}
	}
}
