package grpcauth

import (
	"context"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

// requestOf returns an HTTP request with everything that the Guard, its TokenSources, and its checks of DPoP proofs and
// certificates read. Its method is POST, as in every gRPC call, and its path is fullMethod.
func requestOf(ctx context.Context, fullMethod string) *http.Request {
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: fullMethod},
		Proto: "HTTP/2.0", ProtoMajor: 2,
		Header: make(http.Header), Body: http.NoBody,
	}
	md, _ := metadata.FromIncomingContext(ctx)
	for name, values := range md {
		switch {
		case name == ":authority" && len(values) == 1:
			r.Host = values[0]
		case strings.HasPrefix(name, ":"), strings.HasSuffix(name, "-bin"): // grpc-go has decoded -bin values to raw bytes
		default:
			name = http.CanonicalHeaderKey(name)
			r.Header[name] = append(r.Header[name], values...)
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		if p.Addr != nil {
			r.RemoteAddr = p.Addr.String()
		}
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			r.TLS = &info.State
		}
	}
	return r.WithContext(ctx)
}

// isProtected reports whether the connection of a call is encrypted or does not leave the machine.
func isProtected(ctx context.Context) bool {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return false
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && info.State.HandshakeComplete {
		return true
	}
	info, ok := p.AuthInfo.(interface {
		GetCommonAuthInfo() credentials.CommonAuthInfo
	})
	if ok && info.GetCommonAuthInfo().SecurityLevel == credentials.PrivacyAndIntegrity {
		return true
	}
	if p.Addr == nil {
		return false
	}
	// Connections of these kinds do not leave the machine, and have no IP address.
	switch p.Addr.Network() {
	case "unix", "unixpacket", "bufconn", "pipe":
		return true
	}
	address, err := netip.ParseAddrPort(p.Addr.String())
	return err == nil && address.Addr().Unmap().IsLoopback()
}
