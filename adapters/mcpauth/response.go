package mcpauth

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

// response remembers whether the SDK has written anything. It also makes every response private to the client.
type response struct {
	http.ResponseWriter

	begun atomic.Bool
}

// WriteHeader implements [http.ResponseWriter]. The SDK sets a Cache-Control that lets caches store responses, so it is
// replaced.
func (w *response) WriteHeader(status int) {
	if !w.begun.Swap(true) {
		w.Header().Set("Cache-Control", "no-store, no-transform")
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if !w.wrote() {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

// Unwrap is for [http.ResponseController].
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *response) wrote() bool { return w.begun.Load() }

// rpcError is a JSON-RPC error response. The SDK's own type cannot have a null id.
type rpcError struct {
	Version string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Error   rpcCode         `json:"error"`
}

type rpcCode struct {
	Code    int64  `json:"code"`
	Message string `json:"message"`
}

// writeErrors writes the same error for each message that has an id, and for a message without one if it is the only one.
func writeErrors(w http.ResponseWriter, status int, messages []message, batch bool, code int64, text string) {
	var errs []rpcError
	for _, one := range messages {
		id := one.id
		if id == nil { // JSON-RPC requires a null id if the message could not be read
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
	if err != nil {
		data = []byte("null")
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(data) // an error means that the client is gone
}
