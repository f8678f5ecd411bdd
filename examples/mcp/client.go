package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// redirectURI is where the authorization server sends the user after the sign-in. Nothing listens there: signIn reads the
// redirect instead of following it.
const redirectURI = "http://127.0.0.1:3000/callback"

// tour connects a client of the Go SDK to the server, and calls both tools.
func tour(ctx context.Context, endpoint string, out io.Writer) error {
	user := &browser{out: out}
	// The handler of the SDK does the rest: it reads the challenge and the metadata documents, registers the client, signs the
	// user in, and signs in again for more scopes after a 403. client.ResourceTransport of bearerkit does the same for any API.
	oauth, err := auth.NewAuthorizationCodeHandler(&auth.AuthorizationCodeHandlerConfig{
		RedirectURL: redirectURI,
		DynamicClientRegistrationConfig: &auth.DynamicClientRegistrationConfig{
			Metadata: &oauthex.ClientRegistrationMetadata{
				// "none": a public client, which has no secret.
				ClientName: "tour", RedirectURIs: []string{redirectURI}, TokenEndpointAuthMethod: "none",
			},
		},
		AuthorizationCodeFetcher: user.signIn,
	})
	if err != nil {
		return err
	}
	client := mcp.NewClient(&mcp.Implementation{Name: "tour", Version: "1"}, nil)
	_, _ = fmt.Fprintln(out, "The client connects.")
	// The first request has no token. The server rejects it with a challenge, and the user signs in for notes:read.
	session, err := client.Connect(ctx, &mcp.StreamableClientTransport{Endpoint: endpoint, OAuthHandler: oauth}, nil)
	if err != nil {
		return err
	}
	defer func() { _ = session.Close() }()
	_, _ = fmt.Fprintf(out, "The client is connected (revision %s).\n", session.InitializeResult().ProtocolVersion)
	for _, call := range []*mcp.CallToolParams{
		{Name: "list_notes"}, // the token has the scope
		{Name: "delete_note", Arguments: map[string]any{"title": "Call Grandma"}}, // needs notes:admin: the user signs in again
		{Name: "delete_note", Arguments: map[string]any{"title": "Buy oat milk"}}, // the new token has both scopes
	} {
		_, _ = fmt.Fprintf(out, "The client calls %s.\n", call.Name)
		result, err := session.CallTool(ctx, call)
		if err != nil {
			return err
		}
		if err := show(out, result); err != nil {
			return err
		}
	}
	return nil
}

// show prints the result of a tool.
func show(out io.Writer, result *mcp.CallToolResult) error {
	text, err := json.Marshal(result.StructuredContent)
	if err != nil {
		return err
	}
	if result.IsError {
		return fmt.Errorf("the tool failed: %s", text)
	}
	_, _ = fmt.Fprintf(out, "  result: %s\n", text)
	return nil
}

// browser does what a user does with a browser.
type browser struct{ out io.Writer }

// signIn opens the URL of a sign-in. The authorization server of this program redirects at once, so there is nothing to type.
func (b *browser) signIn(ctx context.Context, args *auth.AuthorizationArgs) (*auth.AuthorizationResult, error) {
	at, err := url.Parse(args.URL)
	if err != nil {
		return nil, err
	}
	scopes := strings.Fields(at.Query().Get("scope"))
	slices.Sort(scopes) // the order of the client is random
	_, _ = fmt.Fprintf(b.out, "  The user signs in. The client requests: %s\n", strings.Join(scopes, " "))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, args.URL, nil)
	if err != nil {
		return nil, err
	}
	response, err := new(http.Transport).RoundTrip(r) // does not follow redirects
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	location, err := response.Location()
	if err != nil || !strings.HasPrefix(location.String(), redirectURI+"?") {
		return nil, fmt.Errorf("the authorization server did not redirect to the client: status %d", response.StatusCode)
	}
	// A real client receives these parameters at its redirect URI. The SDK checks state and iss before it uses the code.
	back := location.Query()
	if code := back.Get("error"); code != "" {
		return nil, errors.New("the authorization server rejected the sign-in: " + code)
	}
	return &auth.AuthorizationResult{Code: back.Get("code"), State: back.Get("state"), Iss: back.Get("iss")}, nil
}
