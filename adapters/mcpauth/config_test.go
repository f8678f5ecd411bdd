package mcpauth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/middleware"
)

// New joins all faults, and each names its field.
func TestNewFaults(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{})
	unnamed := newKit(t, options{}).guard
	current := middleware.Config{Verifier: verifier{}}
	if err := unnamed.Replace(current); err != nil {
		t.Fatal(err)
	}
	rules := func(keys ...string) map[string][]middleware.Rule {
		all := make(map[string][]middleware.Rule)
		for _, key := range keys {
			all[key] = nil
		}
		return all
	}
	invalid := []middleware.Rule{middleware.Scopes()}
	for name, test := range map[string]struct {
		cfg  mcpauth.Config
		want []string
	}{
		"empty":       {mcpauth.Config{}, []string{"Config.Guard is nil", "Config.Server is nil"}},
		"no resource": {mcpauth.Config{Guard: unnamed, Server: k.server}, []string{"middleware.Config.Resource"}},
		"invalid rules": {mcpauth.Config{
			Guard: k.guard, Server: k.server, Rules: invalid, Tools: map[string][]middleware.Rule{"a": invalid},
			Prompts: map[string][]middleware.Rule{"b": invalid}, Resources: map[string][]middleware.Rule{"c": invalid},
			Methods: map[string][]middleware.Rule{"d": {{}}},
		}, []string{"Config.Rules: ", `Config.Tools["a"]: `, `Config.Prompts["b"]: `, `Config.Resources["c"]: `, `Config.Methods["d"]: `}},
		"invalid keys": {mcpauth.Config{
			Guard: k.guard, Server: k.server, Tools: rules("", "delete_*", "*"), Prompts: rules("a*"), Methods: rules("*", "tools/*", "tools/list"),
			Resources: rules("note://*/x", "a**", "", "note://*", "*"),
		}, []string{
			`Config.Tools has the key ""`, `Config.Tools has the key "delete_*"`, `Config.Prompts has the key "a*"`,
			`Config.Methods has the key "*"`, `Config.Methods has the key "tools/*"`, `Config.Resources has the key "note://*/x"`, `Config.Resources has the key "a**"`, `Config.Resources has the key ""`,
		}},
		"values": {mcpauth.Config{
			Guard: k.guard, Server: k.server, MaxSessions: -1, RecheckInterval: -time.Second, Audience: []string{""},
			ForwardHeaders: []string{"authorization", "cookie", "X-Tenant", "dpop"}, HTTP: mcp.StreamableHTTPOptions{MaxRequestBodyBytes: -1},
		}, []string{
			"Config.MaxSessions", "Config.RecheckInterval", "Config.HTTP.MaxRequestBodyBytes", "Config.Audience",
			`"authorization"`, `"cookie"`, `"dpop"`,
		}},
		"no audience": {mcpauth.Config{Guard: k.guard, Server: k.server, Audience: []string{}}, []string{"Config.Audience"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, err := mcpauth.New(test.cfg)
			if err == nil || handler != nil {
				t.Fatal("no error")
			}
			faults := strings.Split(err.Error(), "\n")
			if len(faults) != len(test.want) {
				t.Errorf("%d faults, want %d: %q", len(faults), len(test.want), faults)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is missing in %q", want, faults)
				}
			}
		})
	}
}

// New copies the maps and lists of its Config.
func TestNewCopies(t *testing.T) {
	t.Parallel()
	var tools map[string][]middleware.Rule
	var base []middleware.Rule
	k := newKit(t, options{config: func(cfg *mcpauth.Config) { stateless(cfg); tools, base = cfg.Tools, cfg.Rules }})
	tools["hidden"], base[0] = nil, middleware.Scopes("other")
	if got := k.send(request{token: k.token("read").Sign(), body: callTool("hidden")}); got.Code != 403 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if got := k.send(request{token: k.token("read").Sign(), body: callTool("look")}); got.Code != 200 {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}
