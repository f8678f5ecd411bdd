package serve

import (
	"bytes"
	"net/http"
	"strings"
)

// response is a response in memory.
type response struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func newResponse() *response { return &response{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (w *response) Header() http.Header { return w.header }

// Write implements [http.ResponseWriter].
func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// WriteHeader implements [http.ResponseWriter]. The first status counts.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// joinChallenges puts all challenges into one line (RFC 9110 section 11.6.1). nginx before 1.23 passes one
// line only.
func (w *response) joinChallenges() {
	if lines := w.header["Www-Authenticate"]; len(lines) > 1 {
		w.header["Www-Authenticate"] = []string{strings.Join(lines, ", ")}
	}
}

// writeTo writes the response to an HTTP connection.
func (w *response) writeTo(to http.ResponseWriter) {
	for name, lines := range w.header {
		to.Header()[name] = lines
	}
	to.WriteHeader(w.status)
	_, _ = to.Write(w.body.Bytes()) // the connection may be closed
}
