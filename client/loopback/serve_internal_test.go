package loopback

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// pipes is a listener without a network, so that time is virtual.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.ended)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) connect() net.Conn {
	here, there := net.Pipe()
	p.conns <- there
	return here
}

// isOpen reports whether the server has left a connection open so far.
func isOpen(conn net.Conn) bool {
	_ = conn.SetReadDeadline(time.Now().Add(time.Nanosecond))
	_, err := conn.Read(make([]byte, 1))
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout()
}

func newTestReceiver() *receiver {
	redirect := &url.URL{Scheme: "http", Host: "127.0.0.1:1234", Path: "/callback"}
	return newReceiver(redirect, &client.PendingAuthorization{State: "the-state"}, func(url.Values) (*client.Token, error) {
		return &client.Token{AccessToken: "at"}, nil
	})
}

// Another user of the machine holds 300 connections open, and the browser does not wait for one of them.
func TestCaseX9_IdleConnections(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string]string{
		"nothing": "", "one byte": "G", "half a header": "GET /callback?state=x HTTP/1.1\r\nHost: 127.0.0.1:1234\r\nX: ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, l := newTestReceiver(), newPipes()
				stop := serve(r, []net.Listener{l}, nil)
				defer stop()
				begun := time.Now()
				idle := make([]net.Conn, 300)
				for n := range idle {
					idle[n] = l.connect()
					go func() { _, _ = idle[n].Write([]byte(sent)) }()
				}
				synctest.Wait()
				browser := l.connect()
				request := "GET /callback?state=the-state&code=c HTTP/1.1\r\nHost: 127.0.0.1:1234\r\n\r\n"
				if _, err := browser.Write([]byte(request)); err != nil {
					t.Fatal(err)
				}
				resp, err := http.ReadResponse(bufio.NewReader(browser), nil)
				if err != nil || resp.StatusCode != http.StatusOK {
					t.Fatal(err)
				}
				_ = resp.Body.Close()
				if waited := time.Since(begun); waited != 0 { // of virtual time
					t.Errorf("the browser has waited for %v", waited)
				}
				open := 0
				for n, conn := range idle {
					if !isOpen(conn) {
						continue
					}
					if open++; n < len(idle)-maxConnections {
						t.Errorf("connection %d is open, which is not among the newest", n)
					}
				}
				if open == 0 || open > maxConnections {
					t.Errorf("%d idle connections are open, expected at most %d", open, maxConnections)
				}
				time.Sleep(headerTimeout + time.Second)
				for n, conn := range idle {
					if isOpen(conn) {
						t.Errorf("connection %d is open after the time for a header", n)
					}
				}
			})
		})
	}
}

// A connection that has sent the state is not closed for others, while its code is exchanged.
func TestCaseX9_TheBrowserKeepsItsConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		r, l := newTestReceiver(), newPipes()
		r.exchange = func(url.Values) (*client.Token, error) {
			<-goOn
			return &client.Token{AccessToken: "at"}, nil
		}
		stop := serve(r, []net.Listener{l}, nil)
		defer stop()
		browser := l.connect()
		if _, err := browser.Write([]byte("GET /callback?state=the-state&code=c HTTP/1.1\r\nHost: 127.0.0.1:1234\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		for range 2 * maxConnections {
			_ = l.connect()
		}
		synctest.Wait()
		close(goOn)
		resp, err := http.ReadResponse(bufio.NewReader(browser), nil)
		if err != nil {
			t.Fatal("the connection of the browser was closed:", err)
		}
		_ = resp.Body.Close()
	})
}

// The bound holds for all listeners together, and for connections that belong to the sign-in.
func TestCaseX9_GateIsBounded(t *testing.T) {
	t.Parallel()
	g, here, open := new(gate), make([]net.Conn, 0), func(conn *gatedConn) bool { return isOpen(conn.Conn) }
	conn := func() *gatedConn {
		a, b := net.Pipe()
		here = append(here, b)
		return &gatedConn{Conn: a, gate: g}
	}
	first := conn()
	if !g.add(first) {
		t.Fatal("an empty gate is full")
	}
	g.admit(first)
	g.admit(first)
	var second *gatedConn
	for n := range maxConnections {
		one := conn()
		if n == 0 {
			second = one
		}
		if !g.add(one) {
			t.Fatal("a connection was rejected although a connection of a stranger could be closed")
		}
	}
	if !open(first) || open(second) || g.admitted+g.strangers.Len() != maxConnections {
		t.Error(open(first), open(second), g.admitted, g.strangers.Len())
	}
	g.admit(second) // too late
	for g.strangers.Len() > 0 {
		one, _ := g.strangers.Front().Value.(*gatedConn)
		g.admit(one)
	}
	if g.add(conn()) || g.admitted != maxConnections {
		t.Error("more connections than the gate admits:", g.admitted)
	}
	for range 2 {
		if err := first.Close(); err != nil && !strings.Contains(err.Error(), "closed") {
			t.Error(err)
		}
	}
	if !g.add(conn()) || g.admitted != maxConnections-1 {
		t.Error("a closed connection is counted:", g.admitted)
	}
	if len(here) == 0 {
		t.Fatal("no connections")
	}
}
