package fiberauth

import (
	"bytes"
	"fmt"
	"io"
	"net/http"

	"github.com/valyala/fasthttp"
)

// maxStreamed is the maximum size, in bytes, of a streamed body that a token source may read. It equals the limit of
// middleware.FormToken.
const maxStreamed = 1 << 20

var errTooLarge = fmt.Errorf("fiberauth: the streamed body is larger than %d bytes", maxStreamed)

// body is the Body of the request for the Guard. It leaves the body of Fiber's request as it is, so that the handler can read
// it too. If no token source reads it, nothing is copied.
type body struct {
	connection *fasthttp.RequestCtx
	reader     io.Reader // nil before the first Read
	closed     bool
}

// Read implements [io.Reader].
func (b *body) Read(p []byte) (int, error) {
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.reader == nil {
		if err := b.open(); err != nil {
			return 0, err
		}
	}
	return b.reader.Read(p)
}

// open prepares the first Read. fasthttp can read a stream only once, so open reads the stream to its end, and replaces it by
// one with the same bytes. If the stream cannot be read or is too large, open returns an error, and makes the body of Fiber's
// request return the same error to the handler.
func (b *body) open() error {
	sent := &b.connection.Request
	if !sent.IsBodyStream() {
		b.reader = bytes.NewReader(sent.Body())
		return nil
	}
	data, err := io.ReadAll(io.LimitReader(sent.BodyStream(), maxStreamed+1))
	if err == nil && len(data) > maxStreamed {
		err = errTooLarge
	}
	if err != nil {
		failed, writer := io.Pipe()
		_ = writer.CloseWithError(err) // always nil
		sent.SetBodyStream(failed, -1)
		b.connection.SetConnectionClose() // fasthttp would read the rest of the body as the next request
		return err
	}
	sent.SetBodyStream(bytes.NewReader(data), len(data))
	b.reader = bytes.NewReader(data)
	return nil
}

// Close implements [io.Closer]. It does not close the body of Fiber's request. After Close, Read returns an error, so that it
// never reads the memory of the connection when that contains the next request.
func (b *body) Close() error {
	b.closed = true
	return nil
}
