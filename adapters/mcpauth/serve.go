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

// exchange is one HTTP request to the endpoint.
type exchange struct {
	*Handler
	w *response
	r *http.Request // as the Guard admitted it

	token     *consumer.Token
	principal string
	session   string        // empty: no session
	body      []byte        // of a POST
	messages  []message     // of a POST
	needs     []requirement // of the messages
}

// serveEndpoint serves one request. Nothing of the body is read before the token is verified.
func (h *Handler) serveEndpoint(w http.ResponseWriter, r *http.Request) {
	// The first decision is about the token and the rules of every request. The second, in applyRules, is about the messages.
	// The Guard verifies the token and the proof only once.
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
	if x.findSession() && x.read() && x.applyRules() && x.useSession() {
		x.stream() //nolint:contextcheck // the context is that of x.r
	}
}

// findSession rejects a session that does not exist or belongs to another principal. The response is the same for both: 404,
// after which clients begin a new session.
func (x *exchange) findSession() (ok bool) {
	if err := checkSingle(x.r.Header); err != nil {
		x.reject(http.StatusBadRequest, jsonrpc.CodeInvalidRequest, err)
		return false
	}
	if x.stateless || x.r.Header.Get(headerSession) == "" {
		return true
	}
	x.session = x.r.Header.Get(headerSession)
	if !x.sessions.owns(x.session, x.principal) {
		x.noSession()
		return false
	}
	return true
}

func (x *exchange) noSession() { http.Error(x.w, "session not found", http.StatusNotFound) }

// read reads and parses the body of a POST.
func (x *exchange) read() (ok bool) {
	if x.r.Method != http.MethodPost {
		return true
	}
	if !isJSON(x.r.Header) {
		http.Error(x.w, "Content-Type must be application/json in UTF-8, without Content-Encoding", http.StatusUnsupportedMediaType)
		return false
	}
	var err error
	x.body, err = io.ReadAll(http.MaxBytesReader(x.w.ResponseWriter, x.r.Body, x.maxBytes))
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
		x.reject(http.StatusBadRequest, mcp.CodeHeaderMismatch, err)
		return false
	}
	x.messages, x.needs = messages, x.policy.requirementsOf(messages)
	return true
}

// reject writes a JSON-RPC error without an id, as for a message that cannot be read.
func (x *exchange) reject(status int, code int64, fault error) {
	writeErrors(x.w, status, []message{{}}, false, code, fault.Error())
}

// applyRules applies the rules of the messages. The stream of a GET may repeat results of everything that the session has
// done, and carry messages of running calls, so it needs the rules of all of them.
func (x *exchange) applyRules() (ok bool) {
	rules := rulesOf(x.needs)
	if x.r.Method == http.MethodGet {
		rules = x.sessions.needs(x.session)
	}
	if len(rules) == 0 {
		return true
	}
	admitted, err := x.guard.Authenticate(x.r, rules...)
	if err != nil {
		x.guard.Deny(x.w.ResponseWriter, x.r, err)
		return false
	}
	x.r = admitted
	return true
}

// useSession extends the session to the expiry of the token.
func (x *exchange) useSession() (ok bool) {
	if x.session == "" || x.sessions.use(x.session, x.principal, x.token.Expiry(), x.needs) {
		return true
	}
	x.noSession()
	return false
}

// stream passes the request to the SDK. The response ends when the request would no longer pass the Guard.
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
	if ctx.Err() != nil && x.r.Context().Err() == nil && len(x.messages) > 0 && !x.w.wrote() {
		x.ended()
	}
}

// forSDK returns the request that the SDK and the tools see. Its context has no token: in a session, the SDK would pass the
// token of the first request to all tools. The receiving middleware adds the token of each message.
func (x *exchange) forSDK(ctx context.Context) *http.Request {
	made := &call{handler: x.Handler, admitted: x.r.Context(), principal: x.principal}
	ctx = middleware.ContextWithToken(ctx, nil)
	r := x.r.WithContext(context.WithValue(ctx, callKey{}, made.tokenInfo(x.token)))
	r.Header = x.forwarded(x.r.Header)
	if x.stateless {
		r.Header.Del(headerSession)
	}
	if x.body != nil { // the SDK parses exactly the bytes that were checked
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(x.body)), int64(len(x.body))
	}
	return r
}

// ended tells a client whose response has not begun that its request was not completed. The status is not 401: clients
// repeat the request after a 401, and the tool may already have done its work.
func (x *exchange) ended() {
	writeErrors(x.w, http.StatusOK, x.messages, len(x.messages) > 1, jsonrpc.CodeInternalError,
		"the token expired or was revoked while the request was running; the operation may have been performed")
}
