// Package mcpsdk is the MCP server of docs/migrate/mcp-go-sdk.md.
package mcpsdk

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/modelcontextprotocol/go-sdk/oauthex"
)

// Before returns the MCP server with RequireBearerToken.
func Before(ctx context.Context, issuer string) (http.Handler, error) {
	keys, err := keyfunc.NewDefaultCtx(ctx, []string{issuer + "/jwks"})
	if err != nil {
		return nil, err
	}
	parser := jwt.NewParser(
		jwt.WithValidMethods([]string{"RS256"}),
		jwt.WithIssuer(issuer),
		jwt.WithAudience("https://mcp.example.com/mcp"),
	)
	verify := func(_ context.Context, raw string, _ *http.Request) (*auth.TokenInfo, error) {
		claims := new(claimsBefore)
		if _, err := parser.ParseWithClaims(raw, claims, keys.Keyfunc); err != nil {
			return nil, auth.ErrInvalidToken
		}
		info := &auth.TokenInfo{UserID: claims.Subject, Scopes: strings.Fields(claims.Scope)}
		if claims.ExpiresAt != nil {
			info.Expiration = claims.ExpiresAt.Time
		}
		return info, nil
	}
	require := auth.RequireBearerToken(verify, &auth.RequireBearerTokenOptions{
		ResourceMetadataURL: "https://mcp.example.com/.well-known/oauth-protected-resource/mcp",
		Scopes:              []string{"notes:read"},
	})
	server := mcp.NewServer(&mcp.Implementation{Name: "notes", Version: "1"}, nil)
	mcp.AddTool(server, &mcp.Tool{Name: "whoami", Description: "Returns the user."}, whoamiBefore)
	handler := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return server }, nil)

	mux := http.NewServeMux()
	mux.Handle("/mcp", require(handler))
	mux.Handle("/.well-known/oauth-protected-resource/mcp", auth.ProtectedResourceMetadataHandler(
		&oauthex.ProtectedResourceMetadata{
			Resource:             "https://mcp.example.com/mcp",
			AuthorizationServers: []string{issuer},
			ScopesSupported:      []string{"notes:read"},
		}))
	return mux, nil
}

type claimsBefore struct {
	jwt.RegisteredClaims

	Scope string `json:"scope"`
}

func whoamiBefore(_ context.Context, r *mcp.CallToolRequest, _ struct{}) (*mcp.CallToolResult, any, error) {
	if r.Extra == nil || r.Extra.TokenInfo == nil {
		return nil, nil, errors.New("no token")
	}
	return text("you are " + r.Extra.TokenInfo.UserID), nil, nil
}

func text(s string) *mcp.CallToolResult {
	return &mcp.CallToolResult{Content: []mcp.Content{&mcp.TextContent{Text: s}}}
}
