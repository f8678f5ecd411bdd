package mcpauth_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

func TestMain(m *testing.M) { os.Exit(logscan.Main(m)) }

const endpoint = "https://mcp.test/mcp"

// kit is a guarded server with its issuer.
type kit struct {
	t        *testing.T
	issuer   *bearertest.Issuer
	guard    *middleware.Guard
	server   *mcp.Server
	handler  *mcpauth.Handler
	revoked  sync.Map // jti of revoked tokens
	mu       sync.Mutex
	calls    []seen        // of the tools
	endings  []error       // the causes with which the contexts of the tool wait ended
	released chan struct{} // closing it lets the tool stubborn return
}

// seen is what a tool has received.
type seen struct {
	tool, subject, client, user string
	header                      http.Header
	printed                     string
}

// options change a kit before its handler is made.
type options struct {
	guard  func(*middleware.Config)
	config func(*mcpauth.Config)
	newID  func() string // of sessions
	verify func(*consumer.Config)
}

func newKit(t *testing.T, o options) *kit {
	t.Helper()
	k := &kit{t: t, released: make(chan struct{})}
	k.issuer = bearertest.NewIssuer(bearertest.IssuerConfig{Audience: endpoint, Algorithms: []string{"ES256"}})
	settings := consumer.Config{
		Issuer: k.issuer.URL(), Audience: []string{endpoint, "https://other.test", "https://mcp.test", "https://mcp.test/"},
		HTTPClient: k.issuer.Client(), Status: status{k}, Logger: logscan.Logger(),
	}
	if o.verify != nil {
		o.verify(&settings)
	}
	verifier, err := consumer.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	guarded := middleware.Config{Verifier: verifier, Resource: endpoint, Logger: logscan.Logger()}
	if o.guard != nil {
		o.guard(&guarded)
	}
	if k.guard, err = middleware.New(guarded); err != nil {
		t.Fatal(err)
	}
	k.server = k.newServer(o.newID)
	cfg := mcpauth.Config{
		Guard: k.guard, Server: k.server, Rules: []middleware.Rule{middleware.Scopes("read")},
		Tools: map[string][]middleware.Rule{
			"look": nil, "wait": nil, "stubborn": nil, "ask": nil, "erase": {middleware.Scopes("admin")},
		},
		Prompts: map[string][]middleware.Rule{"greet": nil, "secret": {middleware.Scopes("admin")}},
		Resources: map[string][]middleware.Rule{
			"note://public": nil, "note://private/*": {middleware.Scopes("admin")}, "note://*": {middleware.Scopes("notes")},
		},
	}
	if o.config != nil {
		o.config(&cfg)
	}
	if k.handler, err = mcpauth.New(cfg); err != nil {
		t.Fatal(err)
	}
	return k
}

// status is the TokenStatus of a kit.
type status struct{ k *kit }

// Active implements [consumer.TokenStatus].
func (s status) Active(_ context.Context, t consumer.StatusToken) (bool, error) {
	_, revoked := s.k.revoked.Load(t.ID())
	return !revoked, nil
}

func (k *kit) newServer(newID func() string) *mcp.Server {
	server := mcp.NewServer(&mcp.Implementation{Name: "test", Version: "1"}, &mcp.ServerOptions{
		GetSessionID:       newID,
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
		CompletionHandler: func(context.Context, *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
			return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: []string{"x"}}}, nil
		},
	})
	for name, handle := range map[string]func(context.Context, *mcp.CallToolRequest) error{
		"look": nil, "erase": nil, "hidden": nil,
		"wait": func(ctx context.Context, _ *mcp.CallToolRequest) error {
			<-ctx.Done()
			k.mu.Lock()
			defer k.mu.Unlock()
			k.endings = append(k.endings, context.Cause(ctx))
			return ctx.Err()
		},
		"stubborn": func(context.Context, *mcp.CallToolRequest) error { <-k.released; return nil },
		"ask": func(ctx context.Context, r *mcp.CallToolRequest) error {
			chosen, err := r.Session.Elicit(ctx, &mcp.ElicitParams{Message: "sure?", RequestedSchema: map[string]any{"type": "object"}})
			if err == nil && chosen.Action != "accept" {
				err = errors.New("declined")
			}
			return err
		},
	} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, func(ctx context.Context, r *mcp.CallToolRequest, _ map[string]any) (*mcp.CallToolResult, any, error) {
			k.record(ctx, name, r)
			if handle != nil {
				if err := handle(ctx, r); err != nil {
					return nil, nil, err
				}
			}
			return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "did " + name}}}, nil, nil
		})
	}
	for _, name := range []string{"greet", "secret"} {
		server.AddPrompt(&mcp.Prompt{Name: name}, func(context.Context, *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
			return &mcp.GetPromptResult{Description: "did " + name}, nil
		})
	}
	read := func(_ context.Context, r *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
		return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: r.Params.URI, Text: "did read"}}}, nil
	}
	server.AddResource(&mcp.Resource{Name: "public", URI: "note://public"}, read)
	server.AddResourceTemplate(&mcp.ResourceTemplate{Name: "all", URITemplate: "note://{+path}"}, read)
	return server
}

func (k *kit) record(ctx context.Context, tool string, r *mcp.CallToolRequest) {
	one := seen{tool: tool, header: r.Extra.Header.Clone(), user: r.Extra.TokenInfo.UserID}
	if token, ok := mcpauth.Token(ctx); ok {
		one.subject, one.client = token.Subject(), token.ClientID()
	}
	one.printed = fmt.Sprintf("%v %+v %#v %v %+v %#v %v", ctx, ctx, r.Extra.Header, r.Extra.TokenInfo, *r.Extra.TokenInfo, *r.Extra.TokenInfo, r)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, one)
}

// ran returns the names of the tools that have run.
func (k *kit) ran() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	var names []string
	for _, one := range k.calls {
		names = append(names, one.tool)
	}
	return strings.Join(names, " ")
}

// token returns a token for alice with these scopes, which expires in ten minutes.
func (k *kit) token(scopes string) *bearertest.Token {
	return k.issuer.AccessToken().Set("scope", scopes).Set("exp", time.Now().Add(10*time.Minute).Unix())
}

// request is one HTTP request to the endpoint.
type request struct {
	method, path, body string
	token              string // of the scheme Bearer; empty: none
	header             map[string]string
}

func (k *kit) send(r request) *httptest.ResponseRecorder {
	k.t.Helper()
	recorder := httptest.NewRecorder()
	k.handler.ServeHTTP(recorder, k.httpRequest(r))
	logscan.Response(recorder.Result(), recorder.Body.String())
	return recorder
}

func (k *kit) httpRequest(r request) *http.Request {
	if r.method == "" {
		r.method = http.MethodPost
	}
	if r.path == "" {
		r.path = "/mcp"
	}
	made := httptest.NewRequestWithContext(k.t.Context(), r.method, "https://mcp.test"+r.path, strings.NewReader(r.body))
	made.Header.Set("Accept", "application/json, text/event-stream")
	made.Header.Set("Content-Type", "application/json")
	if r.token != "" {
		logscan.Token(r.token)
		made.Header.Set("Authorization", "Bearer "+r.token)
	}
	for name, value := range r.header {
		made.Header.Set(name, value)
	}
	return made
}

// initialize opens a session and returns its id.
func (k *kit) initialize(token string) string {
	k.t.Helper()
	got := k.send(request{token: token, body: rpc("initialize", `{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}},"clientInfo":{"name":"t","version":"1"}}`)})
	id := got.Header().Get("Mcp-Session-Id")
	if got.Code != http.StatusOK || id == "" {
		k.t.Fatalf("initialize: %d %s", got.Code, got.Body)
	}
	done := k.send(request{token: token, body: `{"jsonrpc":"2.0","method":"notifications/initialized"}`, header: inSession(id)})
	if done.Code != http.StatusAccepted {
		k.t.Fatalf("initialized: %d %s", done.Code, done.Body)
	}
	return id
}

func inSession(id string) map[string]string {
	return map[string]string{"Mcp-Session-Id": id, "Mcp-Protocol-Version": "2025-11-25"}
}

// rpc returns a call. Without params, it has none.
func rpc(method, params string) string {
	if params != "" {
		params = `,"params":` + params
	}
	return `{"jsonrpc":"2.0","id":7,"method":` + quoted(method) + params + `}`
}

func quoted(text string) string {
	data, err := json.Marshal(text)
	if err != nil {
		return `""`
	}
	return string(data)
}

func callTool(name string) string {
	return rpc("tools/call", `{"name":`+quoted(name)+`,"arguments":{}}`)
}
