// Package mcpauth guards a Model Context Protocol (MCP) server of the official Go SDK with a [middleware.Guard]. Clients reach
// the server over streamable HTTP.
//
//	guard, err := middleware.New(middleware.Config{Verifier: verifier, Resource: "https://mcp.example.com/mcp"})
//
//	handler, err := mcpauth.New(mcpauth.Config{
//		Guard:  guard,
//		Server: server, // an *mcp.Server
//		Rules:  []middleware.Rule{middleware.Scopes("notes:read")}, // every request
//		Tools: map[string][]middleware.Rule{
//			"list_notes":  nil, // a valid token that meets Rules
//			"delete_note": {middleware.Scopes("notes:admin")},
//		},
//	})
//
//	http.ListenAndServe(":8080", handler) // the endpoint /mcp, and the metadata document
//
//	func deleteNote(ctx context.Context, r *mcp.CallToolRequest, in input) (*mcp.CallToolResult, output, error) {
//		token, ok := mcpauth.Token(ctx)
//		if !ok { // never in a tool of a server that was passed to New
//			return nil, output{}, errors.New("no token")
//		}
//		…
//	}
//
// # Policy
//
// Each message of a client is an operation. [Config] says which rules the token must meet for it:
//
//   - Rules apply to every request.
//   - tools/call needs an entry for the tool in Tools.
//   - prompts/get needs an entry for the prompt in Prompts.
//   - resources/read, resources/subscribe and resources/unsubscribe need an entry for the URI in Resources.
//     subscriptions/listen needs one for each URI that it names.
//   - completion/complete needs the entry of the prompt or resource that it completes.
//   - initialize, ping, server/discover, logging/setLevel, subscriptions/listen, the list methods, and the notifications
//     of the specification need no entry.
//   - All other methods need an entry in Methods.
//
// An operation without a required entry is rejected with 403. An empty or nil list of rules is an entry. The key "*" is the
// entry for all names without their own entry. In Resources, every key that ends in "*" is a prefix.
//
// # Where the rules are applied
//
// The Handler reads the body of each POST and applies the rules before the SDK sees the request. So a missing scope results
// in 403 and a challenge with the scopes of the operation, and the client can sign in for them (step-up). A receiving
// middleware of the server then applies the rules again, to the message that the SDK has parsed. So the rules of the tool that
// the SDK calls always apply, even if the two parsers read a message in different ways.
//
// # Tokens, sessions and streams
//
// A token must have the resource of the Guard as audience ([Config.Audience]). A session can only be used with tokens of the
// principal that created it: the same issuer and subject, or the same issuer and client if the token has no subject. The
// session ends one minute after all tokens that were used in it have expired. When a token expires or is revoked, its streams
// end, and so do the contexts of the tools that were called with it. Tools never see the raw token.
package mcpauth
