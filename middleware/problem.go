package middleware

import (
	"encoding/json"
	"net/http"
	"strings"
)

// problem is the body of a refusal (RFC 9457 §3). Its type is about:blank, so its title is the status in words (§4.2.1).
// Every text in it is a constant or stands in the rules of the route.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	Scope  string `json:"scope,omitempty"`
}

func writeProblem(w http.ResponseWriter, r *http.Request, refusal *Refusal) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Del("Content-Length") // of a body that someone else had in mind
	w.WriteHeader(refusal.Status)
	if r.Method == http.MethodHead {
		return
	}
	_ = json.NewEncoder(w).Encode(problem{ // the connection is broken, or it is not: there is nothing left to do
		Title:  http.StatusText(refusal.Status),
		Status: refusal.Status,
		Error:  refusal.Code,
		Scope:  strings.Join(refusal.Scopes, " "),
	})
}

// denial is what a DenyHandler writes to. A handler that writes a body and forgets the status, or writes nothing at all,
// must not turn a refusal into a 200.
type denial struct {
	http.ResponseWriter
	status  int
	written bool
}

// WriteHeader implements [http.ResponseWriter].
func (d *denial) WriteHeader(status int) {
	if status < http.StatusOK {
		return // an informational status, which some frameworks take for the last one
	}
	d.written = true
	d.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (d *denial) Write(data []byte) (int, error) {
	d.finish()
	return d.ResponseWriter.Write(data)
}

func (d *denial) finish() {
	if !d.written {
		d.WriteHeader(d.status)
	}
}
