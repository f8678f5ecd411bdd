package mcpauth

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// exchange is one HTTP request to the endpoint, and its response. Its methods are the steps of serveEndpoint. Each step returns
// false if it has written a response, which ends the exchange.
type exchange struct {
	*Handler
	w *response
	r *http.Request // as the Guard admitted it; its context has the token

	token     *consumer.Token
	principal string        // see principalOf
	session   string        // the value of Mcp-Session-Id; empty: no session
	body      []byte        // of a POST
	messages  []message     // in the body
	needs     []requirement // of the messages
}

// serveEndpoint serves one request. It reads nothing of the body before the token is verified, so clients without a token cannot
// make the server parse anything.
func (h *Handler) serveEndpoint(w http.ResponseWriter, r *http.Request) {
	// The Guard decides twice. The first decision is about the token and the rules of every request. The second one, in
	// applyRules, is about the messages. The Guard verifies the token and the proof only in the first.
	admitted, err := h.guard.Authenticate(r, h.base...)
	if err != nil {
		h.guard.Deny(w, r, err)
		return
	}
	token, ok := middleware.TokenFromContext(admitted.Context()) //nolint:contextcheck // of the same request
	if !ok {                                                     // a preflight that Config.AllowPreflight of the Guard let pass
		w.Header().Set("Allow", "GET, POST, DELETE")
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	h.guard.SetHeader(w.Header(), admitted)
	x := &exchange{Handler: h, w: &response{ResponseWriter: w}, r: admitted, token: token, principal: principalOf(token)}
	if x.findSession() && x.read() && x.applyRules() && x.useSession() { //nolint:contextcheck // the context is that of x.r
		x.stream() //nolint:contextcheck // the context is that of x.r
	}
}

// findSession reads the id of the session. It rejects a session that does not exist or belongs to another principal. Both responses
// are 404, so a client cannot find out which sessions exist. The specification of MCP requires clients to begin a new session after
// a 404. The client of the Go SDK does not do so.
func (x *exchange) findSession() (ok bool) {
	if err := checkSingle(x.r.Header); err != nil {
		x.reject(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, err)
		return false
	}
	if x.stateless || x.r.Header.Get(headerSession) == "" {
		return true // stateless servers ignore the header
	}
	x.session = x.r.Header.Get(headerSession)
	if !x.sessions.owns(x.session, x.principal) {
		x.noSession()
		return false
	}
	return true
}

// noSession writes the response for a session that this principal cannot use.
func (x *exchange) noSession() { http.Error(x.w, "session not found", http.StatusNotFound) }

// read reads and parses the body of a POST, and finds the requirements of its messages. It rejects bodies that are too long, and
// those that other parsers could read in another way (parse). Requests with other methods have no body.
func (x *exchange) read() (ok bool) {
	if x.r.Method != http.MethodPost {
		return true
	}
	if !isJSON(x.r.Header) {
		http.Error(x.w, "Content-Type must be application/json in UTF-8, without Content-Encoding", http.StatusUnsupportedMediaType)
		return false
	}
	// A client could begin a request early and send its body after the token was revoked, so a slow body needs the checks of a
	// stream.
	ctx, stop := middleware.Recheck(x.r.Context(), x.recheck)
	defer stop()
	var err error
	x.body, err = io.ReadAll(http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, x.maxBytes))
	if ctx.Err() != nil {
		x.guard.Deny(x.w.ResponseWriter, x.r, context.Cause(ctx))
		return false
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		http.Error(x.w, "the body is too large", http.StatusRequestEntityTooLarge)
		return false
	}
	if err != nil {
		http.Error(x.w, "the body cannot be read", http.StatusBadRequest)
		return false
	}
	messages, batch, err := parse(x.body)
	if err != nil {
		x.reject(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, err)
		return false
	}
	if err := checkMirrors(x.r.Header, messages, batch); err != nil {
		x.reject(http.StatusBadRequest, mcp.CodeHeaderMismatch, err) // the code of the specification for this fault
		return false
	}
	x.messages, x.needs = messages, x.policy.requirementsOf(messages)
	return true
}

// reject writes a JSON-RPC error with a null id, as for a message that cannot be parsed. fault must not contain secrets.
func (x *exchange) reject(status int, code int64, fault error) {
	writeErrors(x.w, status, []message{{}}, false, code, fault.Error())
}

// applyRules applies the rules of the messages. If the token does not meet them, the Guard writes the response, with the scopes of
// this operation and of every request.
//
// A GET has no messages. But its stream may repeat results of all operations of the session, and contain messages of running calls.
// So the token must meet the rules of all these operations.
func (x *exchange) applyRules() (ok bool) {
	rules := rulesOf(x.needs)
	if x.r.Method == http.MethodGet {
		rules = x.sessions.needs(x.session)
	}
	if len(rules) == 0 {
		return true // the first decision has covered everything
	}
	admitted, err := x.guard.Authenticate(x.r, rules...)
	if err != nil {
		x.guard.Deny(x.w.ResponseWriter, x.r, err)
		return false
	}
	x.r = admitted
	return true
}

// useSession extends the session to the expiry of the token, and records the operations in it. The session may have ended since
// findSession; the response is then the same as there.
func (x *exchange) useSession() (ok bool) {
	if x.session == "" || x.sessions.use(x.session, x.principal, x.token.Expiry(), x.needs) {
		return true
	}
	x.noSession()
	return false
}

// stream passes the request to the SDK and returns when the response is complete. The response ends earlier if the request would no
// longer pass the Guard: the token has expired or is revoked.
func (x *exchange) stream() {
	ctx, stop := middleware.Recheck(x.r.Context(), x.recheck)
	defer stop()
	if ctx.Err() != nil { // expired, within the clock skew that the verification tolerates
		x.guard.Deny(x.w.ResponseWriter, x.r, context.Cause(ctx))
		return
	}
	ctx, end, ok := x.streams.add(ctx)
	if !ok {
		http.Error(x.w, "the server is shutting down", http.StatusServiceUnavailable)
		return
	}
	defer end()
	x.sdk.ServeHTTP(x.w, x.forSDK(ctx)) // returns when the response is complete, or when ctx ends
	// The token has ended, but the client is still connected, waits for a response to its messages, and has received nothing.
	if ctx.Err() != nil && x.r.Context().Err() == nil && len(x.messages) > 0 && !x.w.wrote() {
		x.ended()
	}
}

// forSDK returns the request that the SDK receives. Its context has no token: in a session, the SDK derives the contexts of all
// tools from the first request, so they would find an old token. The receiving middleware adds the token of each message instead.
// It finds the token in the call, which the TokenInfo contains.
func (x *exchange) forSDK(ctx context.Context) *http.Request {
	made := &call{handler: x.Handler, admitted: x.r.Context(), principal: x.principal}
	ctx = middleware.ContextWithToken(ctx, nil)
	r := x.r.WithContext(context.WithValue(ctx, callKey{}, made.tokenInfo(x.token)))
	r.Header = x.forwarded(x.r.Header)
	if x.stateless {
		r.Header.Del(headerSession) // its owner was not checked
	}
	if x.body != nil { // the SDK parses exactly the bytes that were checked
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	}
	return r
}

// ended writes an error for a request that was not completed when its token ended. The status is not 401: clients repeat a request
// after a 401, and the tool may already have done its work.
func (x *exchange) ended() {
	writeErrors(x.w, http.StatusOK, x.messages, len(x.messages) > 1, jsonrpc.CodeInternalError,
		"the token expired or was revoked while the request was running; the operation may have been performed")
}
