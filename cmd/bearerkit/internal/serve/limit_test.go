package serve_test

import (
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A value and all values together are limited, so that they fit in the header that a proxy reads.
func TestLimitsOfClaims(t *testing.T) {
	t.Parallel()
	r := start(t, `
proxy: traefik
listen: {http: "127.0.0.1:0"}
routes: {/x: {}}
headers: {X-A: a, X-B: b, X-C: c}
timeouts: {drain: 1ms}
`)
	for _, test := range []struct{ a, b, c, status int }{
		{1 << 10, 0, 0, http.StatusOK},
		{1<<10 + 1, 0, 0, http.StatusForbidden},
		{1 << 10, 1 << 10, 0, http.StatusOK},
		{1 << 10, 1 << 10, 1, http.StatusForbidden},
	} {
		token := r.issuer.AccessToken().Set("a", strings.Repeat("a", test.a)).Set("b", strings.Repeat("b", test.b)).Set("c", strings.Repeat("c", test.c))
		if response, _ := r.ask(t, "traefik", http.MethodGet, "/x", bearer(token)); response.status != test.status {
			t.Errorf("%+v: status %d", test, response.status)
		}
	}
}

// Requests of the proxy are limited.
func TestLimitsOfRequests(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	long := fields{"X-Long", strings.Repeat("x", 100<<10)}
	if response, _ := r.ask(t, "nginx", http.MethodGet, "/public/x", long); response.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d, want 431", response.status)
	}
	e := start(t, envoy)
	_, err := dial(t, e).Check(t.Context(), checkRequest("GET", "/public/x", map[string]string{"x-long": strings.Repeat("x", 2<<20)}))
	if status.Code(err) != codes.ResourceExhausted {
		t.Errorf("%v, want ResourceExhausted", err)
	}
}

// Clients cannot fill the log.
func TestLimitOfWarnings(t *testing.T) {
	t.Parallel()
	r := start(t, "proxy: nginx"+common)
	for range 30 {
		_, _ = r.ask(t, "nginx", http.MethodGet, "//x", nil)
	}
	r.stop()
	// The 30 requests may take longer than one period of ten seconds on a slow machine.
	if n := strings.Count(r.log.String(), "serve: request rejected before its token was read"); n < 10 || n > 20 {
		t.Errorf("%d warnings, want 10", n)
	}
}

// A client of the gRPC listener learns the limit of streams from the first frame of the server (RFC 9113, Section 6.5.2).
func TestLimitOfStreams(t *testing.T) {
	t.Parallel()
	r := start(t, envoy)
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", r.GRPC)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	header := make([]byte, 9)
	if _, err := io.ReadFull(conn, header); err != nil || header[3] != 4 {
		t.Fatalf("frame header %v, want one of type 4 (SETTINGS): %v", header, err)
	}
	settings := make([]byte, int(header[1])<<8|int(header[2]))
	if _, err := io.ReadFull(conn, settings); err != nil {
		t.Fatal(err)
	}
	limits := make(map[uint16]uint32)
	for setting := range slices.Chunk(settings, 6) {
		limits[binary.BigEndian.Uint16(setting)] = binary.BigEndian.Uint32(setting[2:])
	}
	if got := limits[3]; got != 1000 {
		t.Errorf("SETTINGS_MAX_CONCURRENT_STREAMS is %d, want 1000", got)
	}
}
