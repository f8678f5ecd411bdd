package interop_test

import (
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
)

// The ports of freeAddress. Systems choose the port of a server that listens on port 0 from above this range. So no other server
// takes a port between the call of freeAddress and the start of the program that listens on it.
const firstPort, lastPort = 20_000, 32_000

var portsTried atomic.Int64 // by all tests of the process

// freeAddress returns an address of 127.0.0.1 that no program listens on, and that it has not returned before.
func freeAddress(t *testing.T) string {
	t.Helper()
	begin := os.Getpid() * 101 // another process begins elsewhere
	for range 100 {
		port := firstPort + (begin+int(portsTried.Add(1)))%(lastPort-firstPort)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("100 ports are in use")
	return ""
}
