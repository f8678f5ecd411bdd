package fiberauth_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v3"
)

// listen returns a listener on a loopback address.
func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// start starts a server for app on a loopback address and returns the address.
func start(t *testing.T, app *fiber.App) string {
	t.Helper()
	return startOn(t, app, listen(t))
}

// startOn starts a server for app and returns the address of listener.
func startOn(t *testing.T, app *fiber.App, listener net.Listener) string {
	t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	t.Cleanup(func() {
		if err := errors.Join(app.Shutdown(), <-ended); err != nil {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// reply is a response as the client receives it.
type reply struct {
	status int
	header http.Header
	length int64 // -1 if the header does not contain it
	closes bool  // the server closes the connection
	body   string
}

// exchange sends raw over a new connection and returns the first response.
func exchange(t *testing.T, address, raw string) reply {
	t.Helper()
	connection := dial(t, address)
	if _, err := io.WriteString(connection, raw); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(raw, " ")
	got, err := read(bufio.NewReader(connection), method)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// exchangeAll sends raw and returns all responses until the server closes the connection.
func exchangeAll(t *testing.T, address, raw string) (replies []reply) {
	t.Helper()
	connection := dial(t, address)
	go func() { _, _ = io.WriteString(connection, raw) }() // the server may close the connection before it has read everything
	reader := bufio.NewReader(connection)
	for {
		got, err := read(reader, http.MethodGet)
		if err != nil {
			return replies
		}
		replies = append(replies, got)
	}
}

// dial opens a connection, which the end of the test closes.
func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	connection, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	if err := connection.SetDeadline(time.Now().Add(10 * time.Second)); err != nil { // a test fails instead of hanging
		t.Fatal(err)
	}
	return connection
}

// read reads one response to a request with the given method.
func read(reader *bufio.Reader, method string) (reply, error) {
	response, err := http.ReadResponse(reader, &http.Request{Method: method})
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, response.ContentLength, response.Close, string(body)}, err
}
