package adaptertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

// The middleware of the Guard passes as the adapter of a protocol whose statuses are those of HTTP.
func TestCallsOfGuardItself(t *testing.T) {
	t.Parallel()
	RunCalls(t, overHTTP(sendCall))
}

// The rows find adapters that change the response or the request.
func TestBrokenProtocols(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]func(*testing.T, Call) Reply{
		"guards nothing": func(t *testing.T, call Call) Reply {
			t.Helper()
			call.Guards = nil
			return sendCall(t, call)
		},
		"sends no challenge": func(t *testing.T, call Call) Reply {
			t.Helper()
			reply := sendCall(t, call)
			reply.Header = nil
			return reply
		},
		"skips other middleware": func(t *testing.T, call Call) Reply {
			t.Helper()
			call.Behind = func() {}
			return sendCall(t, call)
		},
		"drops the header": func(t *testing.T, call Call) Reply {
			t.Helper()
			call.Header = nil
			return sendCall(t, call)
		},
		"another status": func(t *testing.T, call Call) Reply {
			t.Helper()
			reply := sendCall(t, call)
			reply.Status++
			return reply
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, row := range table() {
				if row.isCall() && len(row.callProblems(t, overHTTP(send))) > 0 {
					return
				}
			}
			t.Error("not found")
		})
	}
}

func overHTTP(send func(*testing.T, Call) Reply) Protocol {
	return Protocol{
		Status: func(status int) int { return status },
		Send:   send,
		Cannot: map[string]string{
			"DenyHandler writes everything": "its text is not that of the handler", "audience of the tenant": "it needs a server",
		},
	}
}

func sendCall(t *testing.T, call Call) Reply {
	t.Helper()
	handler := oracle([]Route{{
		Method: http.MethodPost, Path: "/orders/{id}", Guards: call.Guards, Behind: call.Behind,
		Serve: func(w http.ResponseWriter, r *http.Request, seen Seen) error {
			_, err := io.WriteString(w, call.Handle(r.Context(), seen))
			return err
		},
	}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, CallPath, nil)
	r.Header, r.RemoteAddr = call.Header, "127.0.0.1:7"
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r)
	return Reply{Status: recorder.Code, Text: recorder.Body.String(), Header: recorder.Header()}
}
