package loopback

import (
	"container/list"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of the server. Every user of the machine can reach it, so none of them may depend on a well-behaved client.
const (
	maxRequest     = 32 << 10        // bytes of a header, or of a form
	maxConnections = 128             // at all listeners together
	headerTimeout  = 2 * time.Second // browsers send a request as soon as they have connected
	requestTimeout = 5 * time.Second // with the body
	closeTimeout   = 500 * time.Millisecond
)

// serve serves requests until stop is called. stop waits for a short time so that the final page reaches the browser.
func serve(handler http.Handler, listeners []net.Listener) (stop func()) {
	g := new(gate)
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxRequest, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError), // strangers must not write to the user's terminal
	}
	server.SetKeepAlivesEnabled(false)
	var serving sync.WaitGroup
	for _, l := range listeners {
		serving.Go(func() { _ = server.Serve(gatedListener{l, g}) }) // it returns when stop is called
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		serving.Wait()
	}
}

// gate bounds the number of open connections. Every user of the machine can connect. If there are too many connections, the
// oldest is closed that has not shown that it belongs to the sign-in. Therefore a new connection never waits for an old one
// that sends nothing, or sends its header byte by byte.
type gate struct {
	mu        sync.Mutex // guards strangers and admitted
	strangers list.List  // of *gatedConn; the oldest is first
	admitted  int
}

// add admits a new connection as a stranger. It reports whether there is room.
func (g *gate) add(conn *gatedConn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.admitted+g.strangers.Len() >= maxConnections {
		oldest := g.strangers.Front()
		if oldest == nil {
			return false // all belong to the sign-in
		}
		stranger := g.strangers.Remove(oldest).(*gatedConn) //nolint:errcheck,forcetypeassert // the list has nothing else
		stranger.place = nil
		_ = stranger.Conn.Close() // the server's Read fails, and the server closes its side
	}
	conn.place = g.strangers.PushBack(conn)
	return true
}

// admit keeps a connection open that has sent the state of the sign-in.
func (g *gate) admit(conn *gatedConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if conn.place == nil { // it was closed, or admitted before
		return
	}
	g.strangers.Remove(conn.place)
	conn.place, conn.admitted = nil, true
	g.admitted++
}

// remove forgets a connection that is being closed.
func (g *gate) remove(conn *gatedConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case conn.place != nil:
		g.strangers.Remove(conn.place)
		conn.place = nil
	case conn.admitted:
		conn.admitted = false
		g.admitted--
	}
}

// gatedListener passes all connections of a listener through a gate.
type gatedListener struct {
	net.Listener

	gate *gate
}

// Accept implements net.Listener.
func (l gatedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		gated := &gatedConn{Conn: conn, gate: l.gate}
		if l.gate.add(gated) {
			return gated, nil
		}
		_ = conn.Close()
	}
}

// gatedConn is a connection that a gate counts.
type gatedConn struct {
	net.Conn

	gate     *gate
	place    *list.Element // among the strangers; nil: it is not one. Guarded by gate.mu, as is admitted.
	admitted bool
}

// Close implements net.Conn.
func (c *gatedConn) Close() error {
	c.gate.remove(c)
	return c.Conn.Close()
}

// connKey is the key under which serve puts the connection into the context of its requests.
type connKey struct{}

// admit keeps the connection of a request open, because the request has shown that it belongs to the sign-in.
func admit(ctx context.Context) {
	if conn, ok := ctx.Value(connKey{}).(*gatedConn); ok {
		conn.gate.admit(conn)
	}
}
