package mcpauth

import (
	"context"
	"fmt"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// Token returns the verified token of the message that a tool, prompt, resource or method handler serves. ctx is the context
// that the handler received. Token reports false, with a nil token, if the message did not come through a [Handler], and in
// middleware that was added to the server after [New]. Check the result before you use the token.
// [middleware.TokenFromContext] does the same.
func Token(ctx context.Context) (*consumer.Token, bool) {
	return middleware.TokenFromContext(ctx)
}

// call is an HTTP request that a Handler admitted. The SDK copies the TokenInfo of the HTTP request to each of its messages, and
// the TokenInfo contains the call. So the receiving middleware finds it there. Nothing that a client sends can create a call.
type call struct {
	handler   *Handler
	admitted  context.Context //nolint:containedctx // the context of the Guard, whose values replace those of the session
	principal string          // see principalOf
}

// String implements [fmt.Stringer], so that a printed TokenInfo does not show the context.
func (*call) String() string { return "mcpauth.call" }

// extra is the key of the call in the Extra map of a TokenInfo.
const extra = "github.com/bearerkit/bearerkit/adapters/mcpauth"

// callOf returns the call that a message came with, or nil. It does not read the context: in a session, that is the context
// of the request that created the session, with an older token.
func callOf(r mcp.Request) *call {
	received := r.GetExtra()
	if received == nil || received.TokenInfo == nil {
		return nil
	}
	c, _ := received.TokenInfo.Extra[extra].(*call)
	return c
}

// tokenInfo returns what the SDK stores about a token. The SDK compares UserID to bind sessions, and passes the whole value to the
// tools. It does not contain the raw token.
func (c *call) tokenInfo(t *consumer.Token) *auth.TokenInfo {
	return &auth.TokenInfo{
		Scopes: t.Scopes(), Expiration: t.Expiry(), UserID: c.principal, Extra: map[string]any{extra: c},
	}
}

// callKey is the key of the TokenInfo in the context of an HTTP request, on its way from forSDK to withTokenInfo.
type callKey struct{}

// joined is the context of a message. It ends when the context of the SDK ends. It returns the values of the HTTP request that
// contained the message, such as its token. If the HTTP request has no value for a key, it returns the value of the SDK.
type joined struct {
	context.Context //nolint:containedctx // the parent context, as in every implementation of a context

	request context.Context //nolint:containedctx // of the HTTP request; only its values are used
}

// join returns a context that ends with ctx and prefers the values of request.
func join(ctx, request context.Context) context.Context { return joined{ctx, request} }

// Value implements [context.Context].
func (j joined) Value(key any) any {
	if value := j.request.Value(key); value != nil {
		return value
	}
	return j.Context.Value(key)
}

// Format implements [fmt.Formatter], so that a printed context does not show its values.
func (j joined) Format(f fmt.State, _ rune) { _, _ = fmt.Fprint(f, "mcpauth.Context") }
