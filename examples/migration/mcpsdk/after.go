package mcpsdk

import (
	"context"
	"errors"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// After returns the MCP server with bearerkit. It serves /mcp and the metadata document.
func After(issuer string) (http.Handler, error) {
	verifier, err := consumer.New(consumer.Config{
		Issuer:     issuer,
		Audience:   []string{"https://mcp.example.com/mcp"},
		Algorithms: []string{"RS256"},
	})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Resource: "https://mcp.example.com/mcp"})
	if err != nil {
		return nil, err
	}
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Returns the user."}, whoamiAfter)
	return mcpauth.New(mcpauth.Config{
		Guard:  guard,
		Server: server,
		Rules:  []middleware.Rule{middleware.Scopes("notes:read")},
		Tools:  map[string][]middleware.Rule{"whoami": nil}, // tools without an entry are rejected
	})
}

func whoamiAfter(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	token, ok := mcpauth.Token(ctx)
	if !ok { // never in a tool of a server that was passed to New
		return nil, nil, errors.New("no token")
	}
	return text("you are " + token.Subject()), nil, nil
}
