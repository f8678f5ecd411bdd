package mcpauth_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The token must meet the rules of the operation of each message. The challenge lists all scopes of the operation.
func TestPolicy(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	for _, test := range []struct {
		name, scopes, body string
		status             int
		scope              string // in the challenge
	}{
		{"tool with the base scope", "read", callTool("look"), 200, ""},
		{"tool without the base scope", "admin", callTool("look"), 403, "read"},
		{"tool that needs more", "read", callTool("erase"), 403, "read admin"},
		{"tool that needs more, met", "read admin", callTool("erase"), 200, ""},
		{"tool without an entry", "read admin notes", callTool("hidden"), 403, ""},
		{"tool that does not exist", "read admin notes", callTool("nothing"), 403, ""},
		{"tool with an empty name", "read admin notes", callTool(""), 403, ""},
		{"tool named like the entry for others", "read admin notes", callTool("*"), 403, ""},
		{"tool with other case", "read", callTool("Look"), 403, ""},
		{"tool with an escaped name", "read", rpc("tools/call", `{"name":"\u0065rase","arguments":{}}`), 403, "read admin"},
		{"escaped method and member", "read", `{"jsonrpc":"2.0","id":1,"\u006dethod":"tools\/call","params":{"\u006eame":"erase"}}`, 403, "read admin"},
		{"prompt", "read", rpc("prompts/get", `{"name":"greet"}`), 200, ""},
		{"prompt that needs more", "read", rpc("prompts/get", `{"name":"secret"}`), 403, "read admin"},
		{"prompt without an entry", "read admin", rpc("prompts/get", `{"name":"look"}`), 403, ""},
		{"resource", "read", rpc("resources/read", `{"uri":"note://public"}`), 200, ""},
		{"resource of a prefix", "read", rpc("resources/read", `{"uri":"note://inbox/1"}`), 403, "read notes"},
		{"resource of a longer prefix", "read notes", rpc("resources/read", `{"uri":"note://private/1"}`), 403, "read admin"},
		{"resource of a longer prefix, met", "read admin", rpc("resources/read", `{"uri":"note://private/1"}`), 200, ""},
		{"dot segments", "read notes admin", rpc("resources/read", `{"uri":"note://inbox/../private/1"}`), 403, ""},
		{"encoded dot segments", "read notes admin", rpc("resources/read", `{"uri":"note://inbox/%2e%2e/private/1"}`), 403, ""},
		{"dot segments, encoded twice", "read notes admin", rpc("resources/read", `{"uri":"note://inbox/%252e%252e/private/1"}`), 403, ""},
		{"backslash", "read notes admin", rpc("resources/read", `{"uri":"note://inbox\\..\\private"}`), 403, ""},
		{"another case of a prefix", "read notes admin", rpc("resources/read", `{"uri":"note://PRIVATE/1"}`), 403, ""},
		{"another case of the scheme", "read notes admin", rpc("resources/read", `{"uri":"NOTE://private/1"}`), 403, ""},
		{"another scheme", "read notes admin", rpc("resources/read", `{"uri":"file:///etc/passwd"}`), 403, ""},
		{"subscription", "read", rpc("resources/subscribe", `{"uri":"note://private/1"}`), 403, "read admin"},
		{"end of a subscription", "read", rpc("resources/unsubscribe", `{"uri":"note://private/1"}`), 403, "read admin"},
		{"listen to resources", "read", rpc("subscriptions/listen", `{"notifications":{"resourceSubscriptions":["note://public","note://private/1"]}}`), 403, "read admin"},
		{"complete for a prompt", "read", rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"secret"},"argument":{"name":"a","value":"b"}}`), 403, "read admin"},
		{"complete for a resource", "read", rpc("completion/complete", `{"ref":{"type":"ref/resource","uri":"note://private/{x}"},"argument":{"name":"a","value":"b"}}`), 403, "read admin"},
		{"complete, met", "read", rpc("completion/complete", `{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"a","value":"b"}}`), 200, ""},
		{"list", "read", rpc("tools/list", ""), 200, ""},
		{"list without the base scope", "", rpc("tools/list", ""), 403, "read"},
		{"ping", "read", rpc("ping", ""), 200, ""},
		{"notification", "read", `{"jsonrpc":"2.0","method":"notifications/initialized"}`, 202, ""},
		{"custom method", "read admin", rpc("acme/search", `{"name":"look"}`), 403, ""},
		{"custom notification", "read admin", `{"jsonrpc":"2.0","method":"notifications/acme"}`, 403, ""},
		{"listed method, which the server does not have", "read", rpc("acme/listed", `{}`), 403, "read special"},
		{"batch of two", "read", "[" + callTool("look") + "," + callTool("erase") + "]", 403, "read admin"},
		{"batch of three", "read", "[" + callTool("look") + "," + callTool("erase") + "," + rpc("resources/read", `{"uri":"note://x"}`) + "]", 403, "read admin notes"},
		{"batch with an unlisted tool", "read admin", "[" + callTool("look") + "," + callTool("hidden") + "]", 403, ""},
		{"batch, met", "read", "[" + callTool("look") + "]", 200, ""},
		{"a response is not an operation", "read", `{"jsonrpc":"2.0","id":1,"result":{}}`, 202, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := k.send(request{token: k.token(test.scopes).Sign(), body: test.body})
			if got.Code != test.status {
				t.Fatalf("status %d, want %d: %s", got.Code, test.status, got.Body)
			}
			challenge := got.Header().Get("WWW-Authenticate")
			if scope := parameter(challenge, "scope"); scope != test.scope {
				t.Errorf("challenge %q, want scope %q", challenge, test.scope)
			}
			if test.status == http.StatusForbidden && !strings.Contains(challenge, `resource_metadata="https://mcp.test/.well-known/oauth-protected-resource/mcp"`) {
				t.Errorf("challenge %q does not have the metadata document", challenge)
			}
		})
	}
}

func stateless(cfg *mcpauth.Config) {
	cfg.HTTP.Stateless = true
	cfg.Methods = map[string][]middleware.Rule{"acme/listed": {middleware.Scopes("special")}}
}

// parameter returns the value of a parameter of a challenge.
func parameter(challenge, name string) string {
	_, after, _ := strings.Cut(challenge, " "+name+`="`)
	value, _, _ := strings.Cut(after, `"`)
	return value
}

// The key "*" is for names without an entry, and Methods has additional rules.
func TestPolicyFallback(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: func(cfg *mcpauth.Config) {
		cfg.HTTP.Stateless = true
		cfg.Tools = map[string][]middleware.Rule{"look": nil, "*": {middleware.Scopes("any")}}
		cfg.Resources, cfg.Prompts = map[string][]middleware.Rule{"*": nil}, nil
		cfg.Methods = map[string][]middleware.Rule{"tools/list": {middleware.Scopes("list")}, "tools/call": {middleware.Scopes("call")}}
	}})
	for name, test := range map[string]struct {
		scopes, body string
		status       int
	}{
		"fallback":           {"read call", callTool("erase"), 403},
		"fallback, met":      {"read call any", callTool("erase"), 200},
		"own entry":          {"read call", callTool("look"), 200},
		"rule of the method": {"read any", callTool("look"), 403},
		"list":               {"read", rpc("tools/list", ""), 403},
		"list, met":          {"read list", rpc("tools/list", ""), 200},
		"resource":           {"read", rpc("resources/read", `{"uri":"note://x"}`), 200},
		"dots":               {"read", rpc("resources/read", `{"uri":"note://x/../y"}`), 403},
		"prompt":             {"read", rpc("prompts/get", `{"name":"greet"}`), 403},
	} {
		if got := k.send(request{token: k.token(test.scopes).Sign(), body: test.body}); got.Code != test.status {
			t.Errorf("%s: status %d, want %d: %s", name, got.Code, test.status, got.Body)
		}
	}
}

// The middleware of the server decides about the operation that the SDK has parsed, even if the HTTP layer has read another one.
func TestSecondLayer(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{config: stateless})
	k.server.AddReceivingMiddleware(func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
			switch p := r.GetParams().(type) {
			case *mcp.CallToolParamsRaw:
				p.Name = "erase" // as a parser that reads another name
			case *mcp.GetPromptParams:
				method = "acme/other"
			case *mcp.ReadResourceParams:
				p.URI = "note://private/1"
			case *mcp.PingParams:
				method = "tools/call"
			}
			return next(ctx, method, r)
		}
	})
	for name, body := range map[string]string{
		"tool": callTool("look"), "method": rpc("prompts/get", `{"name":"greet"}`),
		"resource": rpc("resources/read", `{"uri":"note://public"}`), "parameters": rpc("ping", "{}"),
	} {
		got := k.send(request{token: k.token("read").Sign(), body: body})
		if !strings.Contains(got.Body.String(), "mcpauth: request rejected") || strings.Contains(got.Body.String(), "did ") {
			t.Errorf("%s: %d %s", name, got.Code, got.Body)
		}
	}
	if ran := k.ran(); ran != "" {
		t.Errorf("ran %s", ran)
	}
	if got := k.send(request{token: k.token("read admin").Sign(), body: callTool("look")}); !strings.Contains(got.Body.String(), "did erase") {
		t.Errorf("with the scope of what runs: %d %s", got.Code, got.Body)
	}
}

// A server that New has guarded accepts no messages without a Handler.
func TestOtherTransports(t *testing.T) {
	t.Parallel()
	k := newKit(t, options{})
	theirs, ours := mcp.NewInMemoryTransports()
	session, err := k.server.Connect(t.Context(), ours, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = session.Close() }()
	client := mcp.NewClient(&mcp.Implementation{Name: "t", Version: "1"}, nil)
	if _, err := client.Connect(t.Context(), theirs, nil); err == nil || !strings.Contains(err.Error(), "mcpauth: request rejected") {
		t.Errorf("connected without a token: %v", err)
	}
}

// Two Handlers may share a server. Each applies its own policy.
func TestTwoHandlers(t *testing.T) {
	t.Parallel()
	strict := newKit(t, options{config: stateless})
	open, err := mcpauth.New(mcpauth.Config{
		Guard: strict.guard, Server: strict.server, Tools: map[string][]middleware.Rule{"erase": nil},
		HTTP: mcp.StreamableHTTPOptions{Stateless: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	first := strict.handler
	if got := strict.send(request{token: strict.token("read").Sign(), body: callTool("erase")}); got.Code != http.StatusForbidden {
		t.Errorf("strict: %d %s", got.Code, got.Body)
	}
	strict.handler = open
	if got := strict.send(request{token: strict.token("").Sign(), body: callTool("erase")}); !strings.Contains(got.Body.String(), "did erase") {
		t.Errorf("open: %d %s", got.Code, got.Body)
	}
	if got := strict.send(request{token: strict.token("read").Sign(), body: callTool("look")}); got.Code != http.StatusForbidden {
		t.Errorf("open, for a tool of the strict policy: %d %s", got.Code, got.Body)
	}
	strict.handler = first
}

// A rule that panics rejects the message. It does not end the process, although the SDK handles messages in goroutines of its
// own.
func TestRulePanics(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]string{"call": callTool("look"), "list": rpc("tools/list", "")} {
		calls := 0
		k := newKit(t, options{config: func(cfg *mcpauth.Config) {
			stateless(cfg)
			cfg.ListAllowedOnly = true
			cfg.Tools = map[string][]middleware.Rule{"look": {middleware.Check("mine", func(context.Context, *consumer.Token) error {
				if calls++; calls == 2 || name == "list" {
					panic("out of shirts")
				}
				return nil
			})}}
		}})
		got := k.send(request{token: k.token("read").Sign(), body: method})
		if got.Code != http.StatusOK || strings.Contains(got.Body.String(), "shirts") || strings.Contains(got.Body.String(), "look") || calls == 0 || k.ran() != "" {
			t.Errorf("%s: %d %s, %d calls", name, got.Code, got.Body, calls)
		}
	}
}

// The refusal says which entry is missing, or which audience was received. It quotes at most 100 bytes.
func TestDetails(t *testing.T) {
	t.Parallel()
	var details []string
	k := newKit(t, options{config: stateless, guard: func(cfg *middleware.Config) {
		cfg.DenyHandler = func(w http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
			details = append(details, refusal.Detail)
			w.WriteHeader(refusal.Status)
		}
	}, verify: func(cfg *consumer.Config) { cfg.Audience = append(cfg.Audience, strings.Repeat("a", 300)) }})
	for name, test := range map[string]struct {
		audience any
		body     string
		want     string
	}{
		"tool":      {endpoint, callTool("hidden"), `Config.Tools has no entry for "hidden"`},
		"long name": {endpoint, callTool(strings.Repeat("x", 1000)), `Config.Tools has no entry for "` + strings.Repeat("x", 100) + `"`},
		"prompt":    {endpoint, rpc("prompts/get", `{"name":"p"}`), `Config.Prompts has no entry for "p"`},
		"resource":  {endpoint, rpc("resources/read", `{"uri":"file:///x"}`), `Config.Resources has no entry for "file:///x"`},
		"method":    {endpoint, rpc("acme/search", ""), `Config.Methods has no entry for "acme/search"`},
		"audience":  {"https://other.test", callTool("look"), `aud ["https://other.test"] does not contain any of ["https://mcp.test/mcp"] (Config.Audience)`},
		"long aud":  {strings.Repeat("a", 300), callTool("look"), `aud ["` + strings.Repeat("a", 98) + ` does not contain`},
		"no owner":  {endpoint, "", "neither a subject nor a client"},
	} {
		token := k.token("read").Set("aud", test.audience)
		if test.body == "" {
			token.Set("sub", bearertest.Absent).Set("client_id", bearertest.Absent)
		}
		details = nil
		got := k.send(request{token: token.Sign(), body: test.body})
		if len(details) == 0 || !strings.Contains(details[len(details)-1], test.want) {
			t.Errorf("%s: %q, want %q", name, details, test.want)
		}
		if strings.Contains(got.Body.String()+got.Header().Get("WWW-Authenticate"), "mcpauth") {
			t.Errorf("%s: the client receives the detail: %s", name, got.Body)
		}
	}
}
