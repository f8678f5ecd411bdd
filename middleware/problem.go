package middleware

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// problem is the body of the response to a rejected request (RFC 9457 section 3). Its type is about:blank, so its title
// is the text of the status (section 4.2.1). Every text in it is a constant or comes from the rules of the route.
type problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Error  string `json:"error,omitempty"`
	Scope  string `json:"scope,omitempty"`

	ACRValues string `json:"acr_values,omitempty"`
	MaxAge    int    `json:"max_age,omitempty"`
}

// problems contains the bodies that do not depend on the route. Responses share them: an [io.Writer] must neither change
// nor keep the slice that it receives.
var problems = func() map[problem][]byte { //nolint:gochecknoglobals // a table that is never written to
	bodies := make(map[problem][]byte)
	for _, refusal := range []Refusal{
		{Status: http.StatusBadRequest, Code: codeInvalidRequest},
		{Status: http.StatusUnauthorized},
		{Status: http.StatusUnauthorized, Code: codeInvalidToken},
		{Status: http.StatusUnauthorized, Code: codeInvalidProof},
		{Status: http.StatusUnauthorized, Code: codeUseNonce},
		{Status: http.StatusForbidden},
		{Status: http.StatusInternalServerError},
		{Status: http.StatusServiceUnavailable},
	} {
		p := problemOf(&refusal)
		bodies[p] = p.body()
	}
	return bodies
}()

// problemOf returns the body for refusal. It contains only what the challenge also contains. It lists scopes only if the client
// needs a token with more of them, so that the body for a missing or an invalid token does not depend on the route.
func problemOf(refusal *Refusal) problem {
	scopes := refusal.Scopes
	if refusal.Status == http.StatusUnauthorized && refusal.Code != codeInsufficientAuthentication {
		scopes = nil
	}
	return problem{
		Title:  http.StatusText(refusal.Status),
		Status: refusal.Status,
		Error:  refusal.Code,
		Scope:  strings.Join(scopes, " "),

		ACRValues: strings.Join(refusal.ACRValues, " "),
		MaxAge:    refusal.MaxAge,
	}
}

// body returns the JSON text. Its capacity equals its length, so that an append cannot write into a shared body.
func (p problem) body() []byte {
	text, _ := json.Marshal(p) // strings and a number always have a JSON form
	return slices.Clip(append(text, '\n'))
}

// writeProblem writes status, content type and body.
func writeProblem(w http.ResponseWriter, r *http.Request, refusal *Refusal) {
	h := w.Header()
	h["Content-Type"] = []string{"application/problem+json"}
	delete(h, "Content-Length") // which a handler may have set for another body
	w.WriteHeader(refusal.Status)
	if r.Method == http.MethodHead {
		return
	}
	p := problemOf(refusal)
	body, known := problems[p]
	if !known {
		body = p.body()
	}
	_, _ = w.Write(body) //nolint:gosec // JSON with its content type; an error means that the client is gone
}

// denial is the ResponseWriter of a DenyHandler. It sends the status of the Refusal if the DenyHandler writes a body
// without a status, or nothing at all: without it, net/http would send 200.
type denial struct {
	http.ResponseWriter
	status  int
	written bool
}

// WriteHeader implements [http.ResponseWriter].
func (d *denial) WriteHeader(status int) {
	if status < http.StatusOK {
		return // informational; some frameworks treat the first status as the final one
	}
	d.written = true
	d.ResponseWriter.WriteHeader(status)
}

// Write implements [http.ResponseWriter].
func (d *denial) Write(data []byte) (int, error) {
	d.finish()
	return d.ResponseWriter.Write(data)
}

// finish sends the status if the DenyHandler has not.
func (d *denial) finish() {
	if !d.written {
		d.WriteHeader(d.status)
	}
}
