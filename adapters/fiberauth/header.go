package fiberauth

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/valyala/fasthttp"
)

// headerOf returns a copy of the header fields, with names in canonical form. Like net/http, it keeps all fields with the same
// name, and leaves out Host, Transfer-Encoding and Trailer.
//
// fasthttp adds the trailer fields of a chunked body to the header. A proxy that replaces a header field, such as Client-Cert,
// may forward a trailer field with this name unchanged. So if the body is chunked, headerOf returns only as many fields of
// each name as the client sent in the header. This also leaves out fields that a middleware has added to such a request.
func headerOf(h *fasthttp.RequestHeader, chunked bool) http.Header {
	fields, size := 0, 0
	for name, value := range h.All() {
		fields++
		size += len(name) + len(value)
	}
	var text strings.Builder // contains all names and values, so that they need one allocation
	text.Grow(size)
	lines := make([]string, 0, fields)
	header := make(http.Header, fields)
	var sent map[string]int // how many fields of each name may still follow; nil: any number
	if chunked {
		sent = sentNames(h)
	}
	for key, value := range h.All() {
		name := http.CanonicalHeaderKey(appendTo(&text, key))
		if sent != nil {
			if sent[name] == 0 {
				continue
			}
			sent[name]--
		}
		switch name {
		case "Host", "Transfer-Encoding", "Trailer":
			continue
		case "Cookie":
			lines = append(lines, cookies(h, len(value)))
		default:
			lines = append(lines, appendTo(&text, value))
		}
		if others := header[name]; others != nil {
			header[name] = append(others, lines[len(lines)-1])
			continue
		}
		header[name] = lines[len(lines)-1 : len(lines) : len(lines)]
	}
	return header
}

// appendTo appends data to text and returns the copy.
func appendTo(text *strings.Builder, data []byte) string {
	start := text.Len()
	text.Write(data)
	return text.String()[start:]
}

// cookies returns the value of a Cookie field with all cookies. The field that fasthttp itself writes is not used: for a cookie
// without a name, as in "=token=x", it contains "token=x", which is another cookie. size is the expected length.
func cookies(h *fasthttp.RequestHeader, size int) string {
	var line strings.Builder
	line.Grow(size)
	for name, value := range h.Cookies() {
		if line.Len() > 0 {
			line.WriteString("; ")
		}
		line.Write(name)
		if len(name) > 0 || bytes.IndexByte(value, '=') >= 0 {
			line.WriteByte('=')
		}
		line.Write(value)
	}
	return line.String()
}

// sentNames returns how many fields of each name are in the header that the client sent.
func sentNames(h *fasthttp.RequestHeader) map[string]int {
	sent := make(map[string]int)
	for name := range h.AllInOrder() {
		switch name := http.CanonicalHeaderKey(string(name)); name {
		case "Cookie": // fasthttp joins all Cookie fields to one
			sent[name] = 1
		default:
			sent[name]++
		}
	}
	return sent
}

// isChunked reports whether a line of the header that the client sent begins with Transfer-Encoding. The parsed header does
// not contain this field if the body is empty.
func isChunked(h *fasthttp.RequestHeader) bool {
	const name = fasthttp.HeaderTransferEncoding
	for rest := h.RawHeaders(); len(rest) >= len(name); {
		if strings.EqualFold(string(rest[:len(name)]), name) {
			return true
		}
		_, rest, _ = bytes.Cut(rest, []byte{'\n'})
	}
	return false
}
