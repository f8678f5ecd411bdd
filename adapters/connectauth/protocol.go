package connectauth

import (
	"mime"
	"net/http"
	"strings"
)

// protocol is the form in which the caller of a procedure expects errors.
type protocol int

const (
	plainHTTP     protocol = iota // status, header and body of the Guard's own response
	connectUnary                  // HTTP status and a JSON body
	connectStream                 // status 200, and the error in the last message of the body
	grpc                          // status 200, and the error in the trailers
	grpcWeb                       // status 200, and the error in the header, or in the last message of the body
	grpcWebText                   // as grpcWeb, with a body in base64
)

// media contains the content types that select a protocol. Handlers of connect-go accept the same types, except for
// application/grpc-web-text, and those of additional codecs that the application registers.
var media = map[string]protocol{ //nolint:gochecknoglobals // a table that is never written to
	"application/proto":               connectUnary,
	"application/json":                connectUnary,
	"application/connect+proto":       connectStream,
	"application/connect+json":        connectStream,
	"application/grpc":                grpc,
	"application/grpc+proto":          grpc,
	"application/grpc+json":           grpc,
	"application/grpc-web":            grpcWeb,
	"application/grpc-web+proto":      grpcWeb,
	"application/grpc-web+json":       grpcWeb,
	"application/grpc-web-text":       grpcWebText,
	"application/grpc-web-text+proto": grpcWebText,
}

// protocolOf returns the protocol in which r is rejected, and the content type of the response. All protocols except
// plainHTTP and connectUnary send an error with the HTTP status 200. A program that does not implement the protocol would
// take this for success. So protocolOf selects such a protocol only for requests that its clients send: a POST with a known
// content type and, for gRPC, HTTP/2 and the header field TE: trailers.
func protocolOf(r *http.Request) (p protocol, contentType string) {
	if r.Method == http.MethodGet && isConnectGet(r) {
		return connectUnary, "application/json"
	}
	if r.Method != http.MethodPost {
		return plainHTTP, ""
	}
	contentType = contentTypeOf(r)
	switch p = media[contentType]; p { //nolint:exhaustive // the others have no further condition
	case connectUnary, connectStream:
		if version := r.Header["Connect-Protocol-Version"]; len(version) > 1 || len(version) == 1 && version[0] != "1" {
			return plainHTTP, ""
		}
	case grpc:
		if r.ProtoMajor < 2 || r.Header.Get("Te") != "trailers" {
			return plainHTTP, ""
		}
	}
	return p, contentType
}

// contentTypeOf returns the content type of r in lower case. It returns an empty string if r does not have exactly one
// Content-Type field, or if the field has parameters. Only JSON may have a parameter: the character set UTF-8.
func contentTypeOf(r *http.Request) string {
	lines := r.Header["Content-Type"]
	if len(lines) != 1 {
		return ""
	}
	if _, known := media[lines[0]]; known {
		return lines[0]
	}
	name, parameters, err := mime.ParseMediaType(lines[0])
	if err != nil {
		return ""
	}
	if strings.HasSuffix(name, "json") && strings.EqualFold(parameters["charset"], "utf-8") {
		delete(parameters, "charset")
	}
	if len(parameters) > 0 {
		return ""
	}
	return name
}

// isConnectGet reports whether r is a unary Connect call without side effects, which may be sent with GET.
func isConnectGet(r *http.Request) bool {
	query := r.URL.Query()
	encoding := query.Get("encoding")
	version := query.Get("connect")
	return query.Has("message") && (encoding == "proto" || encoding == "json") && (version == "" || version == "v1")
}
