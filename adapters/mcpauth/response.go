package mcpauth

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

// response records whether the SDK has written anything. It also makes sure that no cache stores a response.
type response struct {
	http.ResponseWriter

	begun atomic.Bool // atomic, because tools of the SDK may write from other goroutines
}

// WriteHeader implements [http.ResponseWriter]. The SDK sets a Cache-Control that lets caches store responses, so it is
// replaced.
func (w *response) WriteHeader(status int) {
	if !w.begun.Swap(true) {
		w.Header().Set("Cache-Control", "no-store, no-transform")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter]. It calls WriteHeader first, because the embedded ResponseWriter would otherwise send the
// header with the Cache-Control of the SDK.
func (w *response) Write(p []byte) (int, error) {
	if !w.wrote() {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap returns the ResponseWriter of the HTTP server. [http.ResponseController] calls it, for example to flush events.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// wrote reports whether the response has begun. Its status can then no longer be changed.
func (w *response) wrote() bool { return w.begun.Load() }

// rpcError is a JSON-RPC error response. The type of the SDK cannot have a null id, which JSON-RPC requires in some errors.
type rpcError struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Error   rpcCode         `json:"error"`
}

// rpcCode is the member error of an rpcError.
type rpcCode struct {
	Code    int64  `json:"code"`
	Message string `json:"message"`
}

// writeErrors writes a response with the same error for each of the messages. Notifications and other messages without an id have no
// response, except if there is only one message. batch says that the request body was an array; the response body then is one too.
func writeErrors(w http.ResponseWriter, status int, messages []message, batch bool, code int64, text string) {
	var errs []rpcError
	for _, one := range messages {
		id := one.id
		if id == nil { // JSON-RPC 2.0 section 5 requires a null id if the id of the request is not known
			id = json.RawMessage("null")
		}
		if one.id != nil || len(messages) == 1 {
			errs = append(errs, rpcError{"2.0", id, rpcCode{code, text}})
		}
	}
	var body any = errs
	if !batch && len(errs) == 1 {
		body = errs[0]
	}
	data, err := json.Marshal(body)
	if err != nil { // does not happen: parse has accepted each id
		data = []byte("null")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // an error means that the client is gone
}
