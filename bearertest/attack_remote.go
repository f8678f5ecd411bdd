package bearertest

import (
	"cmp"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
)

// RemoteHandler returns a handler that sends each request to the server at base, so that [Attacks] and [Benchmark] can test a
// server that is already running. base is a URL such as http://127.0.0.1:8080; its path is put before that of the request. The
// server must trust the [Issuer], which must be served on a socket.
//
// The Host of a request is that of base, unless [Target.URL] is an absolute URL. transport sends the requests. Nil:
// [http.DefaultTransport]. Redirects are not followed. If the server cannot be reached, the response is 502.
//
// Run it only against servers that you may attack.
func RemoteHandler(base string, transport http.RoundTripper) http.Handler {
	return &remoteHandler{base: base, transport: cmp.Or(transport, http.DefaultTransport)}
}

type remoteHandler struct {
	base      string
	transport http.RoundTripper
}

const (
	remoteLimit  = 1 << 20       // bytes of a response that are read
	unnamedHost  = "example.com" // of requests of net/http/httptest without a host
	unreachable  = "bearertest: the request could not be sent: "
	unusableBase = "bearertest: the base of RemoteHandler must be an absolute URL with http or https"
)

// ServeHTTP implements [http.Handler].
func (h *remoteHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	base, err := url.Parse(h.base)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		http.Error(w, unusableBase, http.StatusBadGateway)
		return
	}
	response, err := h.transport.RoundTrip(outgoing(r, base))
	if err != nil {
		http.Error(w, unreachable+err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = response.Body.Close() }()
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	_, _ = io.Copy(w, io.LimitReader(response.Body, remoteLimit))
}

// outgoing returns the request that the server at base receives.
func outgoing(r *http.Request, base *url.URL) *http.Request {
	out := r.Clone(r.Context())
	out.RequestURI = ""
	out.URL.Scheme, out.URL.Host = base.Scheme, base.Host
	out.URL.Path = strings.TrimSuffix(base.Path, "/") + r.URL.Path
	out.URL.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + r.URL.EscapedPath()
	if r.Host == unnamedHost {
		out.Host = base.Host
	}
	return out
}
