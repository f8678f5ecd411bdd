package fetch

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
)

// Send sends a request with the given method and body within the same limits as [Get]. If body is nil, the request has
// no body.
//
// Every status except a redirect is a valid response, because OAuth errors have statuses of their own. A redirect is a
// *[RedirectError]: Send does not follow it, because the request may contain secrets. A header of more than
// [MaxHeaderBytes] is a *[TooLargeError]. All other errors are those of Get.
func Send(ctx context.Context, method, rawURL string, body []byte, o Options) (*Response, error) {
	u, err := ParseURL(rawURL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, rawURL, bytes.NewReader(body))
	if err != nil {
		return nil, &URLError{URL: display(u), Problem: "cannot be requested"}
	}
	if body == nil {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	o.setHeader(req)
	resp, err := o.exchange(req, checkHeader)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, clip(display(u)), err)
	}
	return resp, nil
}

// MaxHeaderBytes limits the names and values in the header of a response to [Send], in bytes. The limit of the transport
// applies while the header is read.
const MaxHeaderBytes = 64 << 10

// checkHeader checks the size of the header and that the response is not a redirect, before the body is read.
func checkHeader(req *http.Request, resp *http.Response) error {
	total := 0
	for name, values := range resp.Header {
		for _, value := range values {
			total += len(name) + len(value)
		}
	}
	if total > MaxHeaderBytes {
		return &TooLargeError{Limit: MaxHeaderBytes, Status: resp.StatusCode, header: true}
	}
	return rejectRedirect(req, resp)
}
