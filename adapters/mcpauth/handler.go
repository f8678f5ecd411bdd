package mcpauth

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// Handler serves a guarded MCP server, and the metadata document of its Guard. Make one with [New]. It is safe for concurrent
// use.
type Handler struct {
	guard    *middleware.Guard
	base     []middleware.Rule // for every request: the audience, the principal, and Config.Rules
	policy   *policy           // the rules of the operations
	allowed  bool              // Config.ListAllowedOnly
	recheck  time.Duration     // Config.RecheckInterval
	maxBytes int64             // the largest length of a body
	visible  []string          // the names of the header fields that tools may read

	stateless bool         // Config.HTTP.Stateless
	sdk       http.Handler // the transport of the SDK, behind withTokenInfo
	metadata  http.Handler // the metadata document of the Guard
	sessions  *sessions
	streams   *streams
}

// newHandler returns a Handler for a valid cfg. It is the only function that changes the Guard and the Server.
func newHandler(cfg Config, table *policy) *Handler {
	g := cfg.Guard
	h := &Handler{
		guard: g, policy: table, allowed: cfg.ListAllowedOnly, recheck: cfg.RecheckInterval,
		base:     append([]middleware.Rule{audience(slices.Clone(cfg.Audience), g.Resource), hasPrincipal()}, cfg.Rules...),
		maxBytes: cfg.HTTP.MaxRequestBodyBytes, visible: visibleHeaders(cfg.ForwardHeaders),
		stateless: cfg.HTTP.Stateless, metadata: g.MetadataHandler(), streams: newStreams(),
		sessions: newSessions(cfg.MaxSessions),
	}
	if h.maxBytes == 0 {
		h.maxBytes = mcp.DefaultMaxRequestBodyBytes
	}
	if h.sessions.limit == 0 {
		h.sessions.limit = defaultMaxSessions
	}
	// The metadata document lists the scopes of all rules. The receiving middleware applies the rules to the messages that the
	// SDK has parsed.
	g.Declare(append(slices.Clone(cfg.Rules), table.all()...)...)
	cfg.Server.AddReceivingMiddleware(h.receiving)
	transport := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return cfg.Server }, &cfg.HTTP)
	h.sdk = withTokenInfo(transport)
	return h
}

// ServeHTTP implements [http.Handler]. It serves the endpoint at the path of the resource of the Guard, and the metadata
// document at [middleware.Guard.MetadataPath]. The response to all other paths is 404. Use [Handler.Endpoint] if a proxy
// changes the path of the endpoint, or if other handlers share the HTTP server.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case h.guard.MetadataPath():
		h.metadata.ServeHTTP(w, r)
	case endpointPath(h.guard.Resource()):
		h.serveEndpoint(w, r)
	default:
		http.NotFound(w, r)
	}
}

// endpointPath returns the path of the resource. A URL without a path is requested with the path "/".
func endpointPath(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// Endpoint returns a handler that serves the endpoint at every path, for a mux of the application. Register the metadata
// document of the Guard too:
//
//	mux.Handle("/mcp", handler.Endpoint())
//	mux.Handle(guard.MetadataPath(), guard.MetadataHandler())
func (h *Handler) Endpoint() http.Handler { return http.HandlerFunc(h.serveEndpoint) }

// Close ends all streams, the contexts of running tools, and all sessions. It waits until the tools that were called in sessions
// have returned. Later requests with a valid token are rejected with 503. Pass Close to [http.Server.RegisterOnShutdown]:
// otherwise Shutdown waits for streams that do not end.
func (h *Handler) Close() {
	h.streams.close()
	h.sessions.close()
}

// withTokenInfo returns a handler that gives the SDK the TokenInfo in the context of the request (callKey). The SDK accepts a
// TokenInfo only from its own middleware for bearer tokens, auth.RequireBearerToken. That middleware requires a bearer token in
// the header, so the handler sets a placeholder, and removes it again before the SDK passes the header to tools.
func withTokenInfo(transport http.Handler) http.Handler {
	// known is the verifier of the SDK. It verifies nothing, because the Guard has verified the token.
	known := func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		info, ok := ctx.Value(callKey{}).(*auth.TokenInfo)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		return info, nil
	}
	// The Guard has verified the expiry, and the context of the request ends at the expiry. The SDK must not check the expiry with
	// another clock skew.
	options := &auth.RequireBearerTokenOptions{AllowMissingExpiration: true, ClockSkew: 24 * time.Hour}
	guarded := auth.RequireBearerToken(known, options)(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Del(authorization)
		transport.ServeHTTP(w, r)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set(authorization, placeholder)
		guarded.ServeHTTP(w, r)
	})
}
