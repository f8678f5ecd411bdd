package connectauth

import (
	"net/http"

	"connectrpc.com/connect"
)

// writer writes errors in the protocols of callers. It is safe for concurrent use.
var writer = connect.NewErrorWriter() //nolint:gochecknoglobals // it has no state

// deny writes the response to a request that was rejected with err, in the protocol of the caller.
func (g guard) deny(w http.ResponseWriter, r *http.Request, err error) {
	p, contentType := protocolOf(r)
	if p == plainHTTP {
		g.Deny(w, r, err)
		return
	}
	h := w.Header()
	refusal := g.SetDenyHeader(h, r, err)
	h.Del("Content-Length") // which a handler may have set for another body
	reply := &reply{ResponseWriter: w, contentType: contentType}
	if p == connectUnary {
		reply.contentType, reply.status = "application/json", refusal.Status
	}
	_ = writer.Write(reply, caller(p), errorOf(refusal, h)) // an error means that the client is gone
}

// caller returns a request that makes the ErrorWriter write in the protocol p. The ErrorWriter never gets the request of the
// client, so it can neither select another protocol nor copy a header field of the client to the response.
func caller(p protocol) *http.Request {
	contentType := map[protocol]string{
		connectUnary:  "application/json",
		connectStream: "application/connect+json",
		grpc:          "application/grpc",
		grpcWeb:       "application/grpc-web",
		grpcWebText:   "application/grpc-web",
	}[p]
	return &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {contentType}}}
}

// reply is a ResponseWriter that replaces the content type and, unless its own status is zero, the status. The ErrorWriter
// derives the status from the code of the error. Several statuses of the Guard have the same code, so the status would be lost.
type reply struct {
	http.ResponseWriter

	contentType string
	status      int
}

// WriteHeader implements [http.ResponseWriter].
func (r *reply) WriteHeader(status int) {
	if r.status != 0 {
		status = r.status
	}
	r.Header()["Content-Type"] = []string{r.contentType}
	r.ResponseWriter.WriteHeader(status)
}
