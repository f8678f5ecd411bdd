package mcpauth

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// receiving is the receiving middleware of the server. It decides about each message as the SDK has parsed it, with the token
// of the request that brought the message.
func (h *Handler) receiving(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
		c := callOf(r)
		if c == nil { // the message came over another transport, or through a transport of the SDK without a Handler
			return nil, rejected("this server accepts requests through its authorization only")
		}
		if c.handler != h { // the middleware of that Handler decides
			return next(ctx, method, r)
		}
		ctx = join(ctx, c.admitted)
		if err := h.admit(ctx, c, method, r); err != nil {
			return nil, err
		}
		// The context of the HTTP request is not used for this: in a session, a call continues when its client disconnects,
		// and the client can fetch the result later.
		ctx, stop := middleware.Recheck(ctx, h.recheck)
		defer stop()
		ctx, end, ok := h.streams.add(ctx)
		if !ok || ctx.Err() != nil {
			return nil, rejected("the token has expired, or the server is shutting down")
		}
		defer end()
		result, err := next(ctx, method, r)
		if err != nil {
			return nil, err
		}
		return h.private(ctx, result), nil
	}
}

// admit applies the rules of the message and checks whose session it is. It recovers from panics of the application's rules,
// because a panic in this goroutine would end the process.
func (h *Handler) admit(ctx context.Context, c *call, method string, r mcp.Request) (err error) {
	defer func() {
		if recover() != nil {
			err = rejected("a rule of the server failed")
		}
	}()
	op, ok := operationOf(method, r.GetParams())
	if !ok {
		return rejected("the parameters do not fit the method")
	}
	needs := h.policy.requirements(op)
	if err := middleware.Apply(ctx, rulesOf(needs)...); err != nil {
		return rejected("the token does not allow this operation")
	}
	return h.checkSession(ctx, c, method, r, needs)
}

// checkSession makes the principal the owner of a new session, and compares it with the owner of an existing one. It also
// records what was done, because the request that creates a session may do more than that.
func (h *Handler) checkSession(ctx context.Context, c *call, method string, r mcp.Request, needs []requirement) error {
	session, ok := r.GetSession().(*mcp.ServerSession)
	if !ok {
		return rejected("no session")
	}
	token, ok := Token(ctx)
	if !ok {
		return rejected("no token")
	}
	if h.stateless || session.ID() == "" { // the session ends with the HTTP request
		return nil
	}
	// The client learns the id of a session from the response to initialize, so the owner is known before anyone can use it.
	// A session that is not known here either was created by another message, and then the SDK closes it after the response,
	// or it has ended meanwhile.
	if method == "initialize" && !h.sessions.has(session) {
		if !h.sessions.add(session, c.principal, token.Expiry()) {
			return rejected("the session cannot be created")
		}
		return nil
	}
	if h.sessions.has(session) && !h.sessions.use(session.ID(), c.principal, token.Expiry(), needs) {
		return rejected("the session belongs to another user")
	}
	return nil
}

// rejected returns the error that the client receives.
func rejected(why string) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "mcpauth: request rejected: " + why}
}
