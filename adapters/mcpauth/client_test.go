package mcpauth_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
)

// verifier is for Guards that verify nothing.
type verifier struct{}

func (verifier) Verify(context.Context, string) (*consumer.Token, error) {
	return nil, consumer.ErrInvalidToken
}

// The client of the SDK works with and without sessions. A tool can ask the user of the client.
func TestSDKClient(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stateless bool
		revision  string
	}{"sessions": {false, "2025-11-25"}, "stateless": {true, "2026-07-28"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(nil)
			url := "http://" + server.Listener.Addr().String() + "/mcp"
			k := newKit(t, options{
				verify: func(cfg *consumer.Config) { cfg.Audience = []string{url} },
				guard:  func(cfg *middleware.Config) { cfg.Resource = url },
				config: func(cfg *mcpauth.Config) { cfg.HTTP.Stateless = test.stateless },
			})
			server.Config.Handler = k.handler
			server.Start()
			t.Cleanup(server.Close)
			t.Cleanup(k.handler.Close)
			raw := k.token("read").Set("aud", url).Sign()
			logscan.Token(raw)
			client := mcp.NewClient(&mcp.Implementation{Name: "t", Version: "1"}, &mcp.ClientOptions{
				ElicitationHandler: func(context.Context, *mcp.ElicitRequest) (*mcp.ElicitResult, error) {
					return &mcp.ElicitResult{Action: "accept"}, nil
				},
			})
			session, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{
				Endpoint: url, HTTPClient: &http.Client{Transport: bearer(raw)}, MaxRetries: -1,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = session.Close() }()
			if got := session.InitializeResult().ProtocolVersion; got != test.revision {
				t.Errorf("revision %s", got)
			}
			if tools, err := session.ListTools(t.Context(), nil); err != nil || len(tools.Tools) != 6 {
				t.Errorf("tools: %v %v", tools, err)
			}
			if read, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: "note://public"}); err != nil || len(read.Contents) != 1 {
				t.Errorf("resource: %v %v", read, err)
			}
			if result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "look"}); err != nil || result.IsError {
				t.Errorf("look: %v %v", result, err)
			}
			if !test.stateless { // servers without sessions cannot send requests
				if result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "ask"}); err != nil || result.IsError {
					t.Errorf("ask: %v %v", result, err)
				}
			}
			if _, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "erase"}); err == nil || strings.Contains(k.ran(), "erase") {
				t.Errorf("erase: %v", err)
			}
		})
	}
}

// bearer is a transport that adds a token.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}
