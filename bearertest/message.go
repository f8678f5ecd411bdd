package bearertest

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// maxBody is the maximum size of the body of a request in bytes.
const maxBody = 64 << 10

// params are the parameters of a request. A parameter without a value is treated as absent (RFC 6749 section 3.1).
type params url.Values

// get returns the value of a parameter, or "".
func (p params) get(name string) string { return url.Values(p).Get(name) }

// list returns the values of a parameter that can be repeated.
func (p params) list(name string) []string { return p[name] }

// checked returns values as params. It returns an error if a parameter occurs twice (RFC 6749 section 3.1), except for resource
// and audience (RFC 8707 section 2, RFC 8693 section 2.1).
// It returns the parameters in any case, because the error of an authorization request may be sent to its redirect URI.
func checked(values url.Values) (p params, failed *oauthError) {
	p = make(params)
	for name, list := range values {
		for _, value := range list {
			if value != "" {
				p[name] = append(p[name], value)
			}
		}
		if len(p[name]) > 1 && name != "resource" && name != "audience" {
			failed = failure("invalid_request", "the parameter %s occurs more than once", name)
		}
	}
	return p, failed
}

// form reads the form in the body of a POST request.
func form(r *http.Request) (params, *oauthError) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, failure("invalid_request", "the content type is %s, not application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
	}
	r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		return nil, failure("invalid_request", "the body is not a form of at most %d bytes", maxBody)
	}
	return checked(r.PostForm)
}

// oauthError is an error response (RFC 6749 sections 4.1.2.1 and 5.2).
type oauthError struct {
	code, description string
}

// failure returns an error with a description for the developer who reads it in a failed test.
func failure(code, format string, args ...any) *oauthError {
	return &oauthError{code, fmt.Sprintf(format, args...)}
}

// status returns the HTTP status of the error at the token endpoint.
func (e *oauthError) status() int {
	switch e.code {
	case "invalid_client", "invalid_token":
		return http.StatusUnauthorized
	default:
		return http.StatusBadRequest
	}
}

// members returns the members of the error response. The description has only the characters that RFC 6749 section 5.2 allows.
func (e *oauthError) members() map[string]string {
	description := strings.Map(func(c rune) rune {
		switch {
		case c == '"' || c == '\\':
			return '\''
		case c < ' ' || c > '~':
			return '?'
		default:
			return c
		}
	}, e.description)
	return map[string]string{"error": e.code, "error_description": description}
}

// writeTo writes the error as JSON.
func (e *oauthError) writeTo(w http.ResponseWriter) {
	if e.code == "invalid_client" {
		w.Header().Set("WWW-Authenticate", `Basic realm="bearertest"`) // RFC 6749 section 5.2
	}
	writeJSON(w, e.status(), e.members())
}

// writeJSON writes a response that must not be cached (RFC 6749 section 5.1).
func writeJSON(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, "bearertest: a claim cannot be encoded as JSON: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}

// writePage writes a text for the user.
func writePage(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// writeHTML writes a page that contains nothing from the request.
func writeHTML(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte("<!DOCTYPE html><html><body>" + text + "</body></html>"))
}
