package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Limits of a response.
const (
	maxResponse = 1 << 20 // bytes, of header and body together
	maxInterim  = 5       // responses with a status below 200 before the response
)

// maxIdle is how long a connection is kept without a request. Servers close idle connections, and a request that meets the close
// would count as a failure.
const maxIdle = time.Second

var errResponse = errors.New("bench: the response of the target is not valid")

// conn is one connection. It sends one request at a time.
type conn struct {
	raw     net.Conn
	limited *io.LimitedReader
	reader  *bufio.Reader
	used    time.Time
}

// newConn returns a conn for an open connection. When ctx ends, a running exchange fails. The caller must call close.
func newConn(raw net.Conn) *conn {
	limited := &io.LimitedReader{R: raw}
	return &conn{raw: raw, limited: limited, reader: bufio.NewReader(limited), used: time.Now()}
}

func (c *conn) close() { _ = c.raw.Close() }

// exchange writes one request and reads the whole response. reusable reports whether another request may be sent over the
// connection. request must have the given method.
func (c *conn) exchange(ctx context.Context, method string, request []byte, timeout time.Duration) (status int, reusable bool, err error) {
	if err := c.raw.SetDeadline(time.Now().Add(timeout)); err != nil {
		return 0, false, err
	}
	// A deadline in the past ends reads and writes that are in progress.
	stop := context.AfterFunc(ctx, func() { _ = c.raw.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	c.limited.N = maxResponse + 1
	if _, err := c.raw.Write(request); err != nil {
		return 0, false, err
	}
	resp, err := c.response(method)
	if err != nil {
		return 0, false, c.fault(err)
	}
	// A body without a length ends with the connection, so it also ends where the limit does.
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || c.limited.N <= 0 {
		return 0, false, c.fault(err)
	}
	_ = resp.Body.Close()
	c.used = time.Now()
	return resp.StatusCode, !resp.Close && c.reader.Buffered() == 0, nil
}

// response reads responses until one is final.
func (c *conn) response(method string) (*http.Response, error) {
	for range maxInterim + 1 {
		resp, err := http.ReadResponse(c.reader, &http.Request{Method: method})
		if err != nil || resp.StatusCode >= http.StatusOK {
			return resp, err
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			break
		}
	}
	return nil, fmt.Errorf("%w: no final response after %d interim responses", errResponse, maxInterim)
}

// fault returns the error for a response that could not be read. net/http quotes text of the response in some errors, which is not
// repeated.
func (c *conn) fault(err error) error {
	var network net.Error
	switch {
	case c.limited.N <= 0:
		return fmt.Errorf("%w: it has more than %d bytes", errResponse, maxResponse)
	case errors.As(err, &network), errors.Is(err, errResponse):
		return err
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: the connection ended before the end of the response", errResponse)
	}
	return fmt.Errorf("%w: it is not an HTTP/1.1 response", errResponse)
}
