package mcpauth

import (
	"encoding/base64"
	"errors"
	"mime"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// Header fields of the MCP transport.
const (
	headerSession = "Mcp-Session-Id"
	headerVersion = "Mcp-Protocol-Version"
	headerMethod  = "Mcp-Method"
	headerName    = "Mcp-Name"
	headerEvent   = "Last-Event-Id"
	headerParam   = "Mcp-Param-"      // the prefix of header fields with arguments of a tool
	placeholder   = "Bearer verified" // the credential that the SDK receives instead of the token
	authorization = "Authorization"
)

// Faults of the header. The client receives their text.
var (
	errRepeated = errors.New("a header field of the MCP transport occurs more than once")
	errMethod   = errors.New("the header Mcp-Method differs from the method in the body")
	errName     = errors.New("the header Mcp-Name differs from the name or URI in the body")
)

// checkSingle rejects a request with a repeated header field of the transport. A proxy could read the first value, and the SDK
// another one.
func checkSingle(h http.Header) error {
	for _, name := range []string{headerSession, headerVersion, headerMethod, headerName, headerEvent, "Content-Type"} {
		if len(h[name]) > 1 {
			return errRepeated
		}
	}
	return nil
}

// isJSON reports whether Content-Type says that the body is JSON in UTF-8. A body with a Content-Encoding does not count, because
// it would have to be decoded before the rules can be applied.
func isJSON(h http.Header) bool {
	mediaType, parameters, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, limited := parameters["charset"]
	return err == nil && mediaType == "application/json" && (!limited || strings.EqualFold(charset, "utf-8")) &&
		len(h["Content-Encoding"]) == 0
}

// checkMirrors compares the headers Mcp-Method and Mcp-Name with the body. Revision 2026-07-28 requires that they repeat the
// method and the name. A proxy may have applied its own policy to the headers, so they are compared for older revisions too.
// batch says that the body is an array of messages.
func checkMirrors(h http.Header, messages []message, batch bool) error {
	method, hasMethod := h[headerMethod]
	name, hasName := h[headerName]
	if !hasMethod && !hasName {
		return nil
	}
	if batch {
		return errNewBatch // one header cannot describe several messages
	}
	op := messages[0].operation
	if hasMethod && method[0] != op.method {
		return errMethod
	}
	if _, member := target(op.method); member != "" { // the body names exactly one tool, prompt or resource
		if hasName && !mirrors(name[0], op.names[0]) {
			return errName
		}
		return nil
	}
	if hasName && (isOpen(op.method) || op.method == "" || op.kind != none) {
		return errName // these messages have no name; custom methods may have one
	}
	return nil
}

// mirrors reports whether value, the value of the header Mcp-Name, is equal to name. The value may have the Base64 form of the
// specification, "=?base64?…?=", for names that a header cannot contain.
func mirrors(value, name string) bool {
	if value == name {
		return true
	}
	// Strict rejects trailing bits that are not zero, so each name has exactly one encoded form.
	encoded, opened := strings.CutPrefix(value, "=?base64?")
	encoded, closed := strings.CutSuffix(encoded, "?=")
	decoded, err := base64.StdEncoding.Strict().DecodeString(encoded)
	return opened && closed && err == nil && string(decoded) == name
}

// forwarded returns a copy of the header fields that the SDK and the tools may read. It omits all others: the Guard may read the
// token from any header field (Config.TokenSources), and a proof or a cookie is a credential too.
func (h *Handler) forwarded(received http.Header) http.Header {
	kept := make(http.Header, len(received))
	for name, values := range received {
		if slices.Contains(h.visible, name) || strings.HasPrefix(name, headerParam) {
			kept[name] = slices.Clone(values)
		}
	}
	return kept
}

// visibleHeaders returns the names of the header fields that forwarded copies, in canonical form. more is Config.ForwardHeaders.
func visibleHeaders(more []string) []string {
	names := []string{
		"Accept", "Content-Type", headerEvent, headerSession, headerVersion, headerMethod, headerName,
		"Origin", "Traceparent", "Tracestate", "User-Agent",
	}
	for _, name := range more {
		names = append(names, textproto.CanonicalMIMEHeaderKey(name))
	}
	return names
}

// isCredentialHeader reports whether the header field always carries credentials.
func isCredentialHeader(name string) bool {
	return slices.Contains([]string{authorization, "Cookie", "Dpop", "Proxy-Authorization"},
		textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
}
