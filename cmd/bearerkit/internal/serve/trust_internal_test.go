package serve

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
)

// TestTrustedAddresses checks remote addresses of TCP connections and of Unix domain sockets.
func TestTrustedAddresses(t *testing.T) {
	t.Parallel()
	networks, err := config{TrustedProxies: []string{"127.0.0.0/8", "2001:db8::/32"}}.networks()
	if err != nil {
		t.Fatal(err)
	}
	s := &state{trusted: networks}
	for address, want := range map[string]bool{
		"127.0.0.1:1": true, "[::ffff:127.0.0.1]:1": true, "[2001:db8::1]:1": true, "@": true, "": true,
		"[::1]:1": false, "192.0.2.1:1": false, "[::ffff:192.0.2.1]:1": false, "unknown": false, "127.0.0.1": false, "/run/other": false,
	} {
		if got := s.isTrusted(address); got != want {
			t.Errorf("%q: %t, want %t", address, got, want)
		}
	}
}

// TestHeadersAndHeaderMap checks that a message of Envoy with both forms of the header is rejected: they could differ.
func TestHeadersAndHeaderMap(t *testing.T) {
	t.Parallel()
	request := &authv3.AttributeContext_HttpRequest{
		Headers:   map[string]string{"authorization": "a"},
		HeaderMap: &corev3.HeaderMap{Headers: []*corev3.HeaderValue{{Key: "authorization", Value: "b"}}},
	}
	in := &authv3.CheckRequest{Attributes: &authv3.AttributeContext{Request: &authv3.AttributeContext_Request{Http: request}}}
	if _, err := readCheck(in); !errors.Is(err, errOriginal) {
		t.Errorf("error %v, want %v", err, errOriginal)
	}
}

// TestDecisionIsNotCached checks that a cache of the proxy does not store a decision that passes.
func TestDecisionIsNotCached(t *testing.T) {
	t.Parallel()
	now, err := newState(config{
		Proxy: proxyEnvoy, Routes: map[string]routeConfig{"/x": {Public: true}},
		Issuers: []issuerConfig{{Issuer: "https://login.test", Audience: []string{"https://api.test"}}},
	}, nil, durable{}, hooks{}, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	new(service).decide(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/auth/x", nil), now)
	if got := w.Header().Get("Cache-Control"); w.Code != http.StatusOK || got != "no-store" {
		t.Errorf("status %d, Cache-Control %q", w.Code, got)
	}
}
