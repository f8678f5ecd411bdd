package demo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

func TestListen(t *testing.T) {
	t.Parallel()
	first, err := demo.Listen(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Close() })
	second, err := demo.Listen(t.Context(), "") // 127.0.0.1:8080 is taken now, if it was not before
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Close() })
	for _, listener := range []net.Listener{first, second} {
		if addr, ok := listener.Addr().(*net.TCPAddr); !ok || !addr.IP.IsLoopback() {
			t.Errorf("listens on %v", listener.Addr())
		}
	}
	if first.Addr().String() == second.Addr().String() {
		t.Errorf("both listen on %v", first.Addr())
	}
}

func TestServeLetsRequestsFinish(t *testing.T) {
	t.Parallel()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- demo.Serve(ctx, listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			cancel() // the program stops while this request runs
			_, _ = w.Write([]byte("done"))
		}))
	}()
	status, body := get(t, "http://"+listener.Addr().String())
	if status != http.StatusOK || body != "done" {
		t.Errorf("got %d %q", status, body)
	}
	if err := <-served; err != nil {
		t.Errorf("served with %v", err)
	}
}

// Serve does not wait for a client that has opened a connection and sends nothing.
func TestServeWithUnusedConnection(t *testing.T) {
	t.Parallel()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- demo.Serve(ctx, listener, http.NotFoundHandler()) }()
	get(t, "http://"+listener.Addr().String()) // the server has accepted the first connection
	cancel()
	if err := <-served; err != nil {
		t.Errorf("served with %v", err)
	}
}

func TestServeOnClosedListener(t *testing.T) {
	t.Parallel()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	if err := demo.Serve(t.Context(), listener, http.NotFoundHandler()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want net.ErrClosed", err)
	}
}

func TestIssuer(t *testing.T) {
	t.Parallel()
	issuer, err := demo.StartIssuer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(issuer.Close)
	for _, kind := range []string{"good", "short", "wrong-audience", "expired", "no-scope", "admin"} {
		if status, token := get(t, issuer.URL()+"/token/"+kind); status != 200 || strings.Count(token, ".") != 2 {
			t.Errorf("%s: %d %q", kind, status, token)
		}
	}
	if status, _ := get(t, issuer.URL()+"/token/other"); status != 404 {
		t.Errorf("a token of an unknown kind: %d", status)
	}
	if status, set := get(t, issuer.URL()+"/jwks"); status != 200 || !strings.Contains(set, "es256-1") {
		t.Errorf("key set: %d %q", status, set)
	}
	if status, _ := get(t, issuer.URL()+"/rotate"); status != 404 {
		t.Errorf("GET /rotate: %d", status)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	err := demo.Run(ctx, &stdout, "127.0.0.1:0", demo.Try, func(string) (http.Handler, error) {
		cancel()
		return http.NotFoundHandler(), nil
	})
	if err != nil {
		t.Error(err)
	}
	if text := stdout.String(); !strings.Contains(text, "curl -i http://127.0.0.1:") || strings.Contains(text, "{") {
		t.Errorf("printed\n%s", text)
	}
}

func TestRunWithoutAnAPI(t *testing.T) {
	t.Parallel()
	want := errors.New("no API")
	err := demo.Run(t.Context(), new(bytes.Buffer), "127.0.0.1:0", demo.Try, func(string) (http.Handler, error) {
		return nil, want
	})
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, strings.TrimSpace(text.String())
}

// TestSlowClients checks that the server closes connections of clients that do not complete their request.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, sent string
		answer     string // has this in it
	}{
		{"nothing", "", ""},
		{"half a line", "GET / HT", ""},
		{"no end of the header", "GET / HTTP/1.1\r\nHost: api.test\r\nX-Slow: 1\r\n", ""},
		{"no end of the body", "POST / HTTP/1.1\r\nHost: api.test\r\nContent-Length: 100\r\n\r\nabc", ""},
		{"no next request", "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n", "200 OK"},
		{"a header without end", "GET / HTTP/1.1\r\nHost: api.test\r\nX-Long: " + strings.Repeat("a", 64<<10), "431"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			conn := dial(t, shortened(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
			})))
			if _, err := io.WriteString(conn, test.sent); err != nil {
				t.Fatal(err)
			}
			answer, err := io.ReadAll(conn) // until the server closes
			if err != nil && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("not cut off: %v", err)
			}
			if !strings.Contains(string(answer), test.answer) {
				t.Errorf("answered %q, want %q in it", answer, test.answer)
			}
		})
	}
}

// TestSlowReader checks that the server closes the connection of a client that does not read a long response.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	written := make(chan error, 1)
	conn := dial(t, shortened(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 1<<20))
		}
		written <- err
	})))
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-written; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("ended with %v", err)
	}
}

// TestStreamsAreNotCut checks that a write after WriteTimeout fails, unless the handler has extended the deadline.
func TestStreamsAreNotCut(t *testing.T) {
	t.Parallel()
	server := demo.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Hour))
		}
		_, _ = io.WriteString(w, "done")
	}))
	server.WriteTimeout = 1 // is over when the handler is called
	for path, answered := range map[string]bool{"/": false, "/stream": true} {
		conn := dial(t, server)
		if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(conn)
		if err != nil || strings.HasSuffix(string(answer), "done") != answered {
			t.Errorf("%s: %q, %v", path, answer, err)
		}
	}
}

// shortened returns a server with the limits of NewServer, but shorter timeouts. A missing timeout stays missing.
func shortened(handler http.Handler) *http.Server {
	server := demo.NewServer(handler)
	server.ReadHeaderTimeout /= 20
	server.ReadTimeout /= 20
	server.WriteTimeout /= 20
	server.IdleTimeout /= 100
	return server
}

// dial connects to server over a real socket. Its read deadline is much longer than all timeouts.
func dial(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	listener, err := demo.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn
}
