package connectauth

import (
	"bytes"
	"encoding/binary"
	"net/http"
	"strings"

	"connectrpc.com/connect"
)

// writeEnd writes err at the end of a stream whose header has been written. Call it after the handler has returned, and only
// if the last message was written completely.
func writeEnd(w http.ResponseWriter, p protocol, err *connect.Error) {
	written := &recorder{header: make(http.Header)}
	_ = writer.Write(written, caller(p), err) // writes to memory do not fail
	switch p {
	case connectStream:
		_, _ = w.Write(written.body.Bytes()) // an error means that the client is gone
	case grpcWeb:
		_, _ = w.Write(webTrailers(written.header))
	case grpc:
		setTrailers(w.Header(), written.header)
	default: // grpcWebText: the encoding of the end in base64 depends on the bytes before it, which are not known here
		panic(http.ErrAbortHandler) //nolint:forbidigo // closes the connection, so that the client does not accept the stream as complete
	}
}

// statusFields are the trailers of gRPC that contain the status.
var statusFields = []string{"Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin"} //nolint:gochecknoglobals // never written to

// setTrailers replaces the gRPC status that the handler has set. The header must have been written before, so that net/http
// sends these fields as trailers.
func setTrailers(h, status http.Header) {
	for _, name := range statusFields {
		h.Del(name) // the handler may have declared the trailer before
		h.Del(http.TrailerPrefix + name)
		if values := status[name]; len(values) > 0 {
			h[http.TrailerPrefix+name] = values
		}
	}
}

// webTrailers returns the last message of a gRPC-Web stream.
func webTrailers(status http.Header) []byte {
	var text bytes.Buffer
	for _, name := range statusFields {
		for _, value := range status[name] {
			text.WriteString(strings.ToLower(name) + ": " + value + "\r\n")
		}
	}
	frame := binary.BigEndian.AppendUint32([]byte{flagEndWeb}, uint32(text.Len())) //nolint:gosec // at most a few hundred bytes
	return append(frame, text.Bytes()...)
}

// recorder is a ResponseWriter that stores the header and the body in memory.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

// Header implements [http.ResponseWriter].
func (r *recorder) Header() http.Header { return r.header }

// WriteHeader implements [http.ResponseWriter].
func (r *recorder) WriteHeader(int) {}

// Write implements [io.Writer].
func (r *recorder) Write(data []byte) (int, error) { return r.body.Write(data) }
