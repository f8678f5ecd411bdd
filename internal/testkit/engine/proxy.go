package engine

import (
	"context"
	"net"
	"sync"
	"testing"
)

// Proxy is a network between clients and a server: it forwards TCP connections, and fails on command.
type Proxy struct {
	listener net.Listener

	mu     sync.Mutex // guards all other fields
	target string
	hangs  chan struct{} // not nil: nothing is forwarded until it is closed
	conns  map[net.Conn]struct{}
}

// NewProxy starts a proxy that forwards to target, a host and port. It ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listener: listener, target: target, conns: map[net.Conn]struct{}{}}
	go p.serve()
	t.Cleanup(func() {
		_ = listener.Close()
		p.Hang(false)
		p.Redirect("")
	})
	return p
}

// Addr returns the host and port that clients connect to.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Hang holds everything back that clients and the server send, or releases it again. Connections are accepted meanwhile.
func (p *Proxy) Hang(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on && p.hangs == nil {
		p.hangs = make(chan struct{})
	}
	if !on && p.hangs != nil {
		close(p.hangs)
		p.hangs = nil
	}
}

// Redirect resets all connections, and forwards new ones to target. If target is empty, new connections are reset too.
func (p *Proxy) Redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
	for conn := range p.conns {
		reset(conn)
	}
	clear(p.conns)
}

// Reset resets all connections. New ones are forwarded.
func (p *Proxy) Reset() {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	p.Redirect(target)
}

// reset closes a connection so that the other side sees an error instead of an orderly end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok { // unsent data is discarded, and the kernel sends RST in place of FIN
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// serve forwards connections until the test ends.
func (p *Proxy) serve() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.forward(conn)
	}
}

// forward connects a client to the current target, until one of them closes its connection.
func (p *Proxy) forward(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.conns[client] = struct{}{}
	p.mu.Unlock()
	// Without a target, the connection fails, and the client sees a reset: the server is unreachable.
	server, err := new(net.Dialer).DialContext(context.Background(), "tcp", target)
	if err != nil {
		reset(client)
		return
	}
	p.mu.Lock()
	p.conns[server] = struct{}{}
	p.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.copy(client, server) })
	both.Go(func() { p.copy(server, client) })
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, server)
}

// copy forwards one direction, and closes both connections at its end.
func (p *Proxy) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		// Hang may be called while Read waits, so hangs is read after it. What has been read is held back, and is not lost.
		p.mu.Lock()
		hangs := p.hangs
		p.mu.Unlock()
		if hangs != nil {
			<-hangs
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil { // also at the end of the stream
			return
		}
	}
}
