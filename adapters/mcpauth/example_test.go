package mcpauth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Every request needs the scope notes:read. One of the two tools needs another scope, too.
func ExampleNew() {
	const endpoint = "https://mcp.example.com/mcp"
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: endpoint}) // plays the authorization server
	verifier, err := consumer.New(consumer.Config{
		Issuer: issuer.URL(), Audience: []string{endpoint}, HTTPClient: issuer.Client(),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Resource: endpoint})
	if err != nil {
		fmt.Println(err)
		return
	}

	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	for _, name := range []string{"list_notes", "delete_note"} {
		mcp.AddTool(server, &mcp.Tool{Name: name}, greet)
	}
	handler, err := mcpauth.New(mcpauth.Config{
		Guard: guard, Server: server,
		Rules: []middleware.Rule{middleware.Scopes("notes:read")},
		Tools: map[string][]middleware.Rule{
			"list_notes":  nil,
			"delete_note": {middleware.Scopes("notes:admin")},
		},
		HTTP: mcp.StreamableHTTPOptions{Stateless: true, JSONResponse: true},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	for _, name := range []string{"list_notes", "delete_note"} {
		body := `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"` + name + `","arguments":{}}}`
		request := httptest.NewRequestWithContext(context.Background(), http.MethodPost, endpoint, strings.NewReader(body))
		request.Header.Set("Authorization", "Bearer "+issuer.AccessToken().Set("scope", "notes:read").Sign())
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Accept", "application/json, text/event-stream")
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		fmt.Println(name, response.Code, strings.TrimSpace(response.Body.String()))
	}
	// Output:
	// list_notes 200 {"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"hello alice"}]}}
	// delete_note 403 {"title":"Forbidden","status":403,"error":"insufficient_scope","scope":"notes:read notes:admin"}
}

// greet is a tool.
func greet(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	token, ok := mcpauth.Token(ctx)
	if !ok { // only if the server is used without the Handler
		return nil, nil, errors.New("no token")
	}
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: "hello " + token.Subject()}}}, nil, nil
}
