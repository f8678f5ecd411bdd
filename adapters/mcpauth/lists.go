package mcpauth

import (
	"context"
	"slices"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// private returns a copy of result whose cache scope is "private". A shared cache would send a public result to other users. If
// Config.ListAllowedOnly is set, the copy lists only the tools, prompts and resources that the token in ctx may use. The result
// itself is not changed, because a handler may return the same result several times.
func (h *Handler) private(ctx context.Context, result mcp.Result) mcp.Result {
	const scope = "private" // the default of the SDK is "public"
	// Each case copies the result, and then changes the copy. All other results have no cache scope and no list.
	switch given := result.(type) {
	case *mcp.ListToolsResult:
		list := valueOf(given)
		list.CacheScope = scope
		// A tool is listed if a call of it would be admitted. The other lists work in the same way.
		list.Tools = filter(h, list.Tools, func(one *mcp.Tool) bool {
			return h.allows(ctx, operation{"tools/call", tool, []string{one.Name}})
		})
		return &list
	case *mcp.ListPromptsResult:
		list := valueOf(given)
		list.CacheScope = scope
		list.Prompts = filter(h, list.Prompts, func(one *mcp.Prompt) bool {
			return h.allows(ctx, operation{"prompts/get", prompt, []string{one.Name}})
		})
		return &list
	case *mcp.ListResourcesResult:
		list := valueOf(given)
		list.CacheScope = scope
		list.Resources = filter(h, list.Resources, func(one *mcp.Resource) bool {
			return h.allows(ctx, operation{"resources/read", resource, []string{one.URI}})
		})
		return &list
	case *mcp.ListResourceTemplatesResult:
		list := valueOf(given)
		list.CacheScope = scope
		list.ResourceTemplates = filter(h, list.ResourceTemplates, func(one *mcp.ResourceTemplate) bool {
			// The URIs of the template are not known. A prefix in Config.Resources usually fits the text of the template too.
			return h.allows(ctx, operation{"resources/read", resource, []string{one.URITemplate}})
		})
		return &list
	case *mcp.ReadResourceResult: // not a list, but it has a cache scope too
		list := valueOf(given)
		list.CacheScope = scope
		return &list
	case *mcp.DiscoverResult: // the response to server/discover
		list := valueOf(given)
		list.CacheScope = scope
		return &list
	}
	return result
}

// valueOf returns a copy of what p points to, or the zero value if p is nil.
func valueOf[T any](p *T) (copied T) {
	if p != nil {
		copied = *p
	}
	return copied
}

// filter returns the elements for which keep returns true. Without Config.ListAllowedOnly, it returns list. It does not change
// list.
func filter[T any](h *Handler, list []T, keep func(T) bool) []T {
	if !h.allowed {
		return list
	}
	return slices.DeleteFunc(slices.Clone(list), func(one T) bool { return !keep(one) })
}

// allows reports whether the token in ctx may perform op. If a rule of the application panics, allows recovers and reports false:
// a panic in this goroutine would end the process.
func (h *Handler) allows(ctx context.Context, op operation) (allowed bool) {
	defer func() { allowed = recover() == nil && allowed }()
	return middleware.Allows(ctx, rulesOf(h.policy.requirements(op))...)
}
