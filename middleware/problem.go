package middleware

import (
	"encoding/json"
	"net/http"
	"slices"
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

// problems are the bodies that do not depend on the route, written ahead like the challenges. They are shared, as the
// contract of [io.Writer] allows: a writer neither changes what it gets nor keeps it.
var problems = func() map[problem][]byte { //nolint:gochecknoglobals // a table that nothing writes to
	bodies := make(map[problem][]byte)
	for _, refusal := range []Refusal{
		{Status: http.StatusBadRequest, Code: codeInvalidRequest},
		{Status: http.StatusUnauthorized},
		{Status: http.StatusUnauthorized, Code: codeInvalidToken},
		{Status: http.StatusForbidden},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusServiceUnavailable},
	} {
		p := problemOf(&refusal)
		bodies[p] = p.body()
	}
	return bodies
}()

func problemOf(refusal *Refusal) problem {
	return problem{
		Title:  http.StatusText(refusal.Status),
		Status: refusal.Status,
		Error:  refusal.Code,
		Scope:  strings.Join(refusal.Scopes, " "),
	}
}

// body has no room behind it, in which someone who appends to a shared one could write.
func (p problem) body() []byte {
	text, _ := json.Marshal(p) // texts and a number have no error
	return slices.Clip(append(text, '\n'))
}

func writeProblem(w http.ResponseWriter, r *http.Request, refusal *Refusal) {
	h := w.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	delete(h, "Content-Length") // of a body that someone else had in mind
	w.WriteHeader(refusal.Status)
	if r.Method == http.MethodHead {
		return
	}
	p := problemOf(refusal)
	body, known := problems[p]
	if !known {
		body = p.body()
	}
	_, _ = w.Write(body) //nolint:gosec // JSON, and says so; an error means that nobody reads on
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
