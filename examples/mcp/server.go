package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/adapters/mcpauth"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The scopes of the server.
const (
	readScope  = "notes:read"
	adminScope = "notes:admin"
)

// newServer returns the handler of the MCP server. endpoint is its URL, which is also the audience of the tokens.
func newServer(issuer, endpoint string, stateless bool) (*mcpauth.Handler, error) {
	// Only tokens whose aud is the endpoint are accepted. Resource makes clients request such tokens.
	verifier, err := consumer.New(consumer.Config{Issuer: issuer, Audience: []string{endpoint}})
	if err != nil {
		return nil, err
	}
	guard, err := middleware.New(middleware.Config{Verifier: verifier, Resource: endpoint})
	if err != nil {
		return nil, err
	}
	return mcpauth.New(mcpauth.Config{
		Guard:  guard,
		Server: newNotes(),
		// Every request needs them, and the challenge to a request without a token lists them. Clients request these scopes when they sign in.
		Rules: []middleware.Rule{middleware.Scopes(readScope)},
		Tools: map[string][]middleware.Rule{
			"list_notes":  nil, // needs no more than Rules; without an entry, all calls would be rejected
			"delete_note": {middleware.Scopes(adminScope)},
		},
		HTTP: mcp.StreamableHTTPOptions{Stateless: stateless},
	})
}

// newNotes returns the MCP server with its tools.
func newNotes() *mcp.Server {
	all := &notes{titles: []string{"Buy oat milk", "Call Grandma", "Water the plants"}}
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "list_notes", Description: "Lists all notes."}, all.list)
	mcp.AddTool(server, &mcp.Tool{Name: "delete_note", Description: "Deletes a note."}, all.delete)
	return server
}

// notes are shared by all users of this demonstration.
type notes struct {
	mu     sync.Mutex // guards titles
	titles []string
}

// listed is the result of both tools.
type listed struct {
	User  string   `json:"user"`
	Notes []string `json:"notes"`
}

// deletion is the input of delete_note.
type deletion struct {
	Title string `json:"title"`
}

// list is the tool list_notes. The policy has admitted the token.
func (n *notes) list(ctx context.Context, _ *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, listed, error) {
	token, ok := mcpauth.Token(ctx)
	if !ok { // this happens only if the server is used without the handler of mcpauth
		return nil, listed{}, errors.New("no token")
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return nil, listed{token.Subject(), slices.Clone(n.titles)}, nil
}

// delete is the tool delete_note.
func (n *notes) delete(ctx context.Context, r *mcp.CallToolRequest, in deletion) (*mcp.CallToolResult, listed, error) {
	n.mu.Lock()
	at := slices.Index(n.titles, in.Title)
	if at >= 0 {
		n.titles = slices.Delete(n.titles, at, at+1)
	}
	n.mu.Unlock()
	if at < 0 { // the SDK sends this error as the result of the tool
		return nil, listed{}, errors.New("there is no such note")
	}
	return n.list(ctx, r, struct{}{})
}

// streaming returns a handler whose responses may take longer than the WriteTimeout of the HTTP server. They still end when
// the token expires.
func streaming(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // an error means that there is no deadline
		next.ServeHTTP(w, r)
	})
}
