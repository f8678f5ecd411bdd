package mcpauth

import (
	"context"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// receiving is the receiving middleware of the server. It decides about each message as the SDK has parsed it, with the token of
// the HTTP request that contained the message. Its decision is the one that counts. The HTTP layer (applyRules) has made the same
// decision before, because only it can respond with 403 and a challenge.
func (h *Handler) receiving(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, r mcp.Request) (mcp.Result, error) {
		c := callOf(r)
		if c == nil { // the message came over another transport, such as standard input, or past the Handler
			return nil, rejected("this server accepts only requests that its HTTP handler has authorized")
		}
		if c.handler != h { // the server has several Handlers; the middleware of the other one decides
			return next(ctx, method, r)
		}
		ctx = join(ctx, c.admitted)
		if err := h.admit(ctx, c, method, r); err != nil {
			return nil, err
		}
		// ctx ends with the token, and when the Handler is closed. It does not end with the HTTP request: in a session, a call
		// continues when its client disconnects, and the client can fetch the result later.
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

// admit applies the rules of the message and compares the owner of the session. The error is for the client and does not say which
// rule failed; the log of the Guard does. If a rule of the application panics, admit recovers and rejects the message: a panic in
// this goroutine, which net/http did not start, would end the process.
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

// checkSession makes the principal of c the owner of a new session, or compares it with the owner of an existing session. It also
// records needs in the session. The HTTP layer does so for later requests, but the request that creates a session has no session
// id yet, and may contain further messages.
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
	// A client receives the id of a session in the response to initialize. So the owner is recorded before any client can use
	// the session. A session can also be missing in the table for two other reasons: another message than initialize created it,
	// and the SDK closes it after the response; or it has ended in the meantime. Nothing must be recorded for these.
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

// rejected returns the JSON-RPC error that the client receives.
func rejected(why string) error {
	return &jsonrpc.Error{Code: jsonrpc.CodeInvalidRequest, Message: "mcpauth: request rejected: " + why}
}
