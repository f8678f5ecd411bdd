// Package drain stops HTTP servers without waiting for connections on which no request has arrived.
package drain

import (
	"net"
	"net/http"
	"sync"
)

// CloseUnused makes [http.Server.Shutdown] of server close the connections on which no request has arrived. Clients open such
// connections in advance, and load balancers open them to check the server. Without CloseUnused, Shutdown waits at least five
// seconds for each of them.
//
// This loses no request: Shutdown also drops a request whose header arrives after its call. Call CloseUnused before the server
// starts. It replaces server.ConnState.
func CloseUnused(server *http.Server) {
	u := &unused{conns: make(map[net.Conn]struct{})}
	server.ConnState = u.note
	server.RegisterOnShutdown(u.close)
}

// unused has the connections of a server on which no request has arrived.
type unused struct {
	mu     sync.Mutex // guards the fields below
	conns  map[net.Conn]struct{}
	closed bool
}

// note implements the hook ConnState. A connection leaves the state StateNew when a part of a request has been read, before
// the server decides whether to drop the request.
func (u *unused) note(conn net.Conn, state http.ConnState) {
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case state != http.StateNew:
		delete(u.conns, conn)
	case u.closed: // it was accepted just before the listener was closed
		_ = conn.Close()
	default:
		u.conns[conn] = struct{}{}
	}
}

// close closes the connections.
func (u *unused) close() {
	u.mu.Lock()
	conns := u.conns
	u.conns, u.closed = nil, true
	u.mu.Unlock()
	for conn := range conns {
		_ = conn.Close()
	}
}
