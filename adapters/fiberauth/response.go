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

// WriteHeader implements [http.ResponseWriter]. fasthttp cannot send an informational status with a header, so it is ignored.
func (w *response) WriteHeader(status int) {
	if status < http.StatusOK || w.status != 0 {
		return
	}
	w.status = status
	sent := w.c.Response()
	sent.ResetBody() // that an earlier handler may have set
	sent.Header.Del(fiber.HeaderContentLength)
	sent.Header.Del(fiber.HeaderContentType)
	sent.Header.SetNoDefaultContentType(true)
	sent.SetStatusCode(status)
	w.setHeader()
}

// closeUnlessAdmitted lets fasthttp close the connection after the response to a rejected request with a streamed body.
// Otherwise it would read the rest of the body as the next request. It does so also if a middleware has read the body: if that
// failed, the rest is unread, and fasthttp has removed the stream. If a trailer field is not valid, fasthttp has also removed the
// header, and nothing shows that the request had a body.
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

// isKept reports whether Header leaves out a header field: fasthttp stores cookies in another form, and sets the length of the
// body and the state of the connection itself.
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
