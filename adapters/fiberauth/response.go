package fiberauth

import (
	"net/http"

	"github.com/gofiber/fiber/v3"
)

// response is the [http.ResponseWriter] of a Guard. It writes to the response of c.
type response struct {
	c        fiber.Ctx
	header   http.Header   // nil before the first call of Header
	status   int           // 0 before WriteHeader
	admitted *http.Request // nil unless the Guard has admitted the request
}

// Header implements [http.ResponseWriter]. It contains the header fields that earlier handlers have set, so that the Guard can
// add to them.
func (w *response) Header() http.Header {
	if w.header != nil {
		return w.header
	}
	w.header = make(http.Header)
	for key, value := range w.c.Response().Header.All() {
		name := http.CanonicalHeaderKey(string(key))
		isDefault := name == fiber.HeaderContentType && string(value) == fiber.MIMETextPlainCharsetUTF8 // also if none was set
		if !isDefault && !isKept(name) {
			w.header.Add(name, string(value))
		}
	}
	return w.header
}

// WriteHeader implements [http.ResponseWriter]. It ignores informational statuses (1xx), because fasthttp cannot send them with
// a header.
func (w *response) WriteHeader(status int) {
	if status < http.StatusOK || w.status != 0 {
		return
	}
	w.status = status
	sent := w.c.Response()
	sent.ResetBody() // an earlier handler may have set one
	sent.Header.Del(fiber.HeaderContentLength)
	sent.Header.Del(fiber.HeaderContentType)
	sent.Header.SetNoDefaultContentType(true)
	sent.SetStatusCode(status)
	w.setHeader()
}

// closeUnlessAdmitted makes fasthttp close the connection after the response to a rejected request with a streamed body.
// Otherwise, fasthttp would read the rest of the body as the next request.
//
// The connection is also closed if a middleware has tried to read the body, because after a failure, the rest is unread and
// fasthttp has removed the stream. If a trailer field is invalid, fasthttp has also removed the header, so the request looks as
// if it had no body.
func (w *response) closeUnlessAdmitted(hasBody bool) {
	if w.admitted != nil {
		return
	}
	sent := w.c.Request()
	streamed := sent.IsBodyStream() || w.c.App().Config().StreamRequestBody
	if streamed && (hasBody || len(sent.Header.RawHeaders()) == 0) {
		w.c.RequestCtx().SetConnectionClose()
	}
}

// setHeader replaces the header fields of the response by those in Header.
func (w *response) setHeader() {
	if w.header == nil {
		return
	}
	sent := &w.c.Response().Header
	var names []string
	for name := range sent.All() {
		if !isKept(http.CanonicalHeaderKey(string(name))) {
			names = append(names, string(name))
		}
	}
	for _, name := range names {
		sent.Del(name)
	}
	for name, lines := range w.header {
		for _, line := range lines {
			sent.Add(name, line)
		}
	}
}

// isKept reports whether a header field of the response stays as it is in fasthttp. Header does not contain such a field, and
// setHeader does not change it: fasthttp stores cookies in another form, and sets the length of the body and the state of the
// connection itself.
func isKept(name string) bool {
	switch name {
	case fiber.HeaderSetCookie, fiber.HeaderContentLength, fiber.HeaderConnection:
		return true
	}
	return false
}

// Write implements [http.ResponseWriter].
func (w *response) Write(data []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	sent := w.c.Response()
	if len(sent.Header.ContentType()) == 0 {
		sent.Header.SetContentType(http.DetectContentType(data)) // as net/http does
	}
	sent.AppendBody(data)
	return len(data), nil
}
