package fiberauth

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v3"
	"github.com/valyala/fasthttp"
)

// newRequest converts the request of c for a Guard. The result shares no memory with c except through its Body: fasthttp
// overwrites its buffers when it reads the next request, and a Guard may keep parts of a request longer.
func newRequest(c fiber.Ctx) *http.Request {
	connection, sent := c.RequestCtx(), c.Request()
	chunked := isChunked(&sent.Header)
	r := &http.Request{
		Method:        c.Method(), // a string of the app's Config
		Header:        headerOf(&sent.Header, chunked),
		Host:          string(sent.Host()),
		ContentLength: contentLength(&sent.Header, chunked),
		Body:          http.NoBody,
		RemoteAddr:    remoteAddr(connection),
		TLS:           connection.TLSConnectionState(),
	}
	r.URL, r.RequestURI = targetOf(c)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if !sent.Header.IsHTTP11() {
		r.Proto = string(sent.Header.Protocol())
		r.ProtoMajor, r.ProtoMinor, _ = http.ParseHTTPVersion(r.Proto)
	}
	if r.ContentLength != 0 {
		r.Body = &body{connection: connection}
	}
	return r.WithContext(c.Context())
}

// targetOf returns the path that Fiber uses for routing, with the query, as a URL and as the value of Request.RequestURI.
//
// The request target that the client sent is not used, because it may have another path: fasthttp cuts the target at a "#",
// and its Request.RequestURI method, which Fiber's adaptor package calls, returns a normalized form. So a DPoP proof must name
// the path that Fiber serves.
func targetOf(c fiber.Ctx) (*url.URL, string) {
	path, query := c.Path(), c.Request().URI().QueryString()
	target := path + "?" + string(query)
	u := &url.URL{Path: target[:len(path)], RawQuery: target[len(path)+1:]}
	if strings.Contains(u.Path, "%") && !c.App().Config().UnescapePath {
		// A malformed path remains as it is, as for Fiber.
		if plain, err := url.PathUnescape(u.Path); err == nil {
			u.Path, u.RawPath = plain, u.Path
		}
	}
	if len(query) > 0 && u.EscapedPath() == target[:len(path)] {
		return u, target
	}
	return u, u.RequestURI()
}

// contentLength returns the length of the body, or -1 if it is chunked.
func contentLength(h *fasthttp.RequestHeader, chunked bool) int64 {
	if chunked {
		return -1 // fasthttp may have read the body, and then reports its length
	}
	return max(0, int64(h.ContentLength())) // fasthttp reports -2 if the request has no body
}

// remoteAddr returns the address and the port of the peer. A request from adaptor.FiberApp or App.Test has no connection.
// FiberApp copies the address from net/http, adds a port if it has none, and drops header fields. For such a request,
// remoteAddr returns the port 0, so that the Guard does not treat the peer as a listed proxy.
func remoteAddr(connection *fasthttp.RequestCtx) string {
	remote, ok := connection.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return connection.RemoteAddr().String()
	}
	peer := remote.AddrPort()
	port := peer.Port()
	if local, ok := connection.LocalAddr().(*net.TCPAddr); ok && local.Port == 0 {
		port = 0
	}
	return netip.AddrPortFrom(peer.Addr().Unmap(), port).String()
}
