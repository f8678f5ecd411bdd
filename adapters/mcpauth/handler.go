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
	base     []middleware.Rule // of every request
	policy   *policy
	allowed  bool // whether lists are filtered
	recheck  time.Duration
	maxBytes int64
	visible  []string // header fields that tools may see

	stateless bool
	sdk       http.Handler
	metadata  http.Handler
	sessions  *sessions
	streams   *streams
}

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
	// The metadata document lists the scopes of all rules, and the middleware applies them to what the SDK parses.
	g.Declare(append(slices.Clone(cfg.Rules), table.all()...)...)
	cfg.Server.AddReceivingMiddleware(h.receiving)
	transport := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return cfg.Server }, &cfg.HTTP)
	h.sdk = withTokenInfo(transport)
	return h
}

// ServeHTTP implements [http.Handler]. It serves the endpoint at the path of the resource of the Guard, and the metadata
// document at [middleware.Guard.MetadataPath]. The response to all other paths is 404. If the endpoint has another path behind
// a proxy, or if other handlers share the server, use [Handler.Endpoint].
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

// endpointPath returns the path of the resource.
func endpointPath(resource string) string {
	u, err := url.Parse(resource)
	if err != nil || u.Path == "" {
		return "/"
	}
	return u.Path
}

// Endpoint returns a handler that serves the endpoint at every path. Serve the metadata document of the Guard too:
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

// withTokenInfo returns a handler that passes the TokenInfo of the call in the context to the SDK, which accepts one only
// from this middleware.
func withTokenInfo(transport http.Handler) http.Handler {
	known := func(ctx context.Context, _ string, _ *http.Request) (*auth.TokenInfo, error) {
		info, ok := ctx.Value(callKey{}).(*auth.TokenInfo)
		if !ok {
			return nil, auth.ErrInvalidToken
		}
		return info, nil
	}
	// The Guard has checked the expiry, and the context ends with it.
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
