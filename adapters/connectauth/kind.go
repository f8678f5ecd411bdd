package connectauth

import (
	"mime"
	"net/http"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// framing returns the protocol of the messages in the body of a call. Unlike protocolOf, it accepts every codec. It returns
// plainHTTP for requests whose body is not a sequence of messages.
func framing(r *http.Request) protocol {
	if r.Method != http.MethodPost {
		return plainHTTP
	}
	contentType := mediaType(r.Header.Get("Content-Type"))
	switch {
	case strings.HasPrefix(contentType, "application/grpc-web-text"):
		return grpcWebText
	case strings.HasPrefix(contentType, "application/grpc-web"):
		return grpcWeb
	case strings.HasPrefix(contentType, "application/grpc"):
		return grpc
	case strings.HasPrefix(contentType, "application/connect+"):
		return connectStream
	}
	return plainHTTP
}

// mediaType returns the media type in a Content-Type field, in lower case and without white space and parameters. connect-go
// also parses the field with package mime. A client can send white space in front: over HTTP/2, net/http does not remove it,
// and package mime also removes the white space of Unicode.
func mediaType(contentType string) string {
	if name, _, _ := mime.ParseMediaType(contentType); name != "" { // an error may concern a parameter only
		return name
	}
	return strings.TrimSpace(strings.ToLower(contentType))
}

// isUnary reports whether the last two segments of the path name a procedure with one request and one response. It returns
// false for procedures whose descriptors are not linked into the program.
func isUnary(path string) bool {
	method := strings.LastIndexByte(path, '/')
	if method < 0 {
		return false
	}
	service := path[strings.LastIndexByte(path[:method], '/')+1 : method]
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(service + "." + path[method+1:]))
	if err != nil {
		return false
	}
	procedure, ok := found.(protoreflect.MethodDescriptor)
	return ok && !procedure.IsStreamingClient() && !procedure.IsStreamingServer()
}

// mayStream reports whether the call may be a stream.
func mayStream(r *http.Request) bool {
	switch framing(r) {
	case plainHTTP:
		return false
	case connectStream: // unary calls have other content types
		return true
	default:
		return !isUnary(r.URL.Path)
	}
}
