package chaos

import (
	"context"
	"net"
	"sync"
)

// Dial opens a connection to an issuer.
type Dial func(ctx context.Context) (net.Conn, error)

// Network returns a listener at a new address, and a function that connects to it.
type Network func() (net.Listener, Dial, error)

// Loopback is a [Network] of TCP sockets on 127.0.0.1.
func Loopback() (net.Listener, Dial, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it does not wait
	if err != nil {
		return nil, nil, err
	}
	dial := func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}
	return listener, dial, nil
}

// Memory is a [Network] without sockets. In a bubble of testing/synctest, a goroutine that waits for it does not stop the
// virtual time, as one that waits for a socket would.
func Memory() (net.Listener, Dial, error) {
	m := &memory{accepted: make(chan net.Conn), closed: make(chan struct{})}
	return m, m.dial, nil
}

// memory is a [net.Listener] whose connections are pipes.
type memory struct {
	accepted chan net.Conn // from dial to Accept
	closed   chan struct{}
	once     sync.Once
}

func (m *memory) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case m.accepted <- far:
		return near, nil
	case <-m.closed:
		return nil, errRefused
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements [net.Listener].
func (m *memory) Accept() (net.Conn, error) {
	select {
	case conn := <-m.accepted:
		return conn, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (m *memory) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

// Addr implements [net.Listener].
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "memory"} }
