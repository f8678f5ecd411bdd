package loopback

import (
	"container/list"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of the server. Every user of the machine can connect to it, so it must not rely on well-behaved clients.
const (
	maxRequest     = 32 << 10        // bytes of the header, and of a form in the body
	maxConnections = 128             // of all listeners together
	headerTimeout  = 2 * time.Second // browsers send a request as soon as they have connected
	requestTimeout = 5 * time.Second // with the body
	closeTimeout   = 500 * time.Millisecond
)

// serve passes the requests of all listeners to handler until stop is called. With a certificate, it serves https. stop
// waits up to closeTimeout, so that the final page reaches the browser, and then closes everything.
func serve(handler http.Handler, listeners []net.Listener, certificate *tls.Certificate) (stop func()) {
	g := new(gate)
	server := &http.Server{
		Handler: handler, MaxHeaderBytes: maxRequest, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, conn)
		},
		// Other users of the machine must not be able to write to the user's terminal.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	// One request per connection: an idle connection would count against maxConnections.
	server.SetKeepAlivesEnabled(false)
	var serving sync.WaitGroup
	for _, l := range listeners {
		var gated net.Listener = gatedListener{l, g}
		if certificate != nil {
			// The gate counts the connection below TLS, so that handshakes are bounded too.
			gated = tls.NewListener(gated, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12})
		}
		serving.Go(func() { _ = server.Serve(gated) }) // it returns when stop is called
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
		defer cancel()
		// Shutdown waits for the responses that are being written. Close ends connections that take longer.
		if server.Shutdown(ctx) != nil {
			_ = server.Close()
		}
		serving.Wait()
	}
}

// gate limits the number of open connections, because every user of the machine can connect. A connection that has sent a
// request with the state of the sign-in is called admitted, and every other one a stranger. If there are too many
// connections, the gate closes the oldest stranger. Therefore a new connection never has to wait for old ones that send
// nothing, or that send their header byte by byte.
type gate struct {
	mu        sync.Mutex // guards strangers and admitted
	strangers list.List  // of *gatedConn; the oldest is first
	admitted  int
}

// add adds a new connection as a stranger, and closes the oldest stranger if there are too many connections. It returns
// false if all connections are admitted ones.
func (g *gate) add(conn *gatedConn) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.admitted+g.strangers.Len() >= maxConnections {
		oldest := g.strangers.Front()
		if oldest == nil {
			return false // there are only admitted connections
		}
		stranger := g.strangers.Remove(oldest).(*gatedConn) //nolint:errcheck,forcetypeassert // the list contains only *gatedConn
		stranger.place = nil
		_ = stranger.Conn.Close() // the server's Read fails, and the server closes its side
	}
	conn.place = g.strangers.PushBack(conn)
	return true
}

// admit makes a stranger an admitted connection, which add does not close.
func (g *gate) admit(conn *gatedConn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if conn.place == nil { // it is not a stranger: it was closed or admitted before
		return
	}
	g.strangers.Remove(conn.place)
	conn.place, conn.admitted = nil, true
	g.admitted++
}

// remove removes a connection that is being closed from the counts.
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

// gatedListener is a listener that adds its connections to a gate. All listeners of a sign-in share one gate.
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
		// There is no room. Wait for the next connection.
		_ = conn.Close()
	}
}

// gatedConn is a connection that a gate counts until it is closed.
type gatedConn struct {
	net.Conn

	gate     *gate
	place    *list.Element // in gate.strangers; nil if it is not a stranger; guarded by gate.mu, like admitted
	admitted bool
}

// Close implements net.Conn.
func (c *gatedConn) Close() error {
	c.gate.remove(c)
	return c.Conn.Close()
}

// connKey is the context key under which serve stores the connection of a request.
type connKey struct{}

// admit admits the connection of a request that has the state of the sign-in. ctx is the context of the request.
func admit(ctx context.Context) {
	conn := ctx.Value(connKey{})
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	if gated, ok := conn.(*gatedConn); ok {
		gated.gate.admit(gated)
	}
}
