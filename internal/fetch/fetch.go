// Package fetch sends one HTTP request within limits: it requires https, follows no redirect, and keeps no cookie. One time
// limit covers everything from dialing to the last byte. A response longer than the size limit is an error and is never
// truncated.
//
// Error texts contain the method, scheme, host and path. They contain no query, no user information and no part of a body.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The limits that apply if a field of [Options] is zero.
const (
	DefaultTimeout  = 3 * time.Second
	DefaultMaxBytes = 512 << 10
)

// Options configures one request. The zero value applies the default limits.
type Options struct {
	// Client provides the transport. Its Timeout applies if it is shorter than Options.Timeout. Its cookie jar and its
	// redirect policy are not used, and it is never changed. Nil means [http.DefaultTransport]. If the URL does not come
	// from the operator, use a client from [PublicClient].
	Client *http.Client

	// Header is sent with the request. It is not changed. If it contains If-None-Match, Get accepts the status 304.
	Header http.Header

	// MaxBytes limits the body, in bytes after transfer and content decoding. Zero or less means [DefaultMaxBytes].
	MaxBytes int64

	// Timeout limits the time for dialing, TLS, sending, and receiving together. Zero or less means [DefaultTimeout].
	Timeout time.Duration

	// AllowHTTP allows http URLs for all hosts. If false, http is allowed for loopback hosts only.
	AllowHTTP bool
}

// Response is a complete response. A Response of [Get] has the status 200, or 304 if the request had If-None-Match.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// IsJSON reports whether the response has the media type application/json, with any parameters.
func (r *Response) IsJSON() bool {
	mediaType, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	return strings.EqualFold(strings.TrimSpace(mediaType), "application/json")
}

// Get fetches the document at rawURL. The error is
//
//   - a *[URLError] if rawURL is not allowed,
//   - a *[StatusError], *[RedirectError] or *[TooLargeError] if the response is not acceptable,
//   - ctx.Err() if ctx ended before the time limit,
//   - [ErrNoResponse] in all other cases, together with a *[TimeoutError] if the time limit was exceeded.
func Get(ctx context.Context, rawURL string, o Options) (*Response, error) {
	u, err := ParseURL(rawURL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return nil, &URLError{URL: display(u), Problem: "cannot be requested"}
	}
	o.setHeader(req)

	resp, err := o.exchange(req, checkStatus)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, clip(display(u)), err)
	}
	return resp, nil
}

// limited returns a context with the time limit. The cause of the context distinguishes this limit from a deadline of the
// caller.
func (o Options) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	limit := o.Timeout
	if limit <= 0 {
		limit = DefaultTimeout
	}
	if o.Client != nil && o.Client.Timeout > 0 {
		limit = min(limit, o.Client.Timeout)
	}
	return context.WithTimeoutCause(ctx, limit, &TimeoutError{Limit: limit})
}

// setHeader sets Options.Header. It copies the header, which the caller may use for other requests at the same time.
func (o Options) setHeader(req *http.Request) {
	if o.Header != nil {
		req.Header = o.Header.Clone()
	}
}

// exchange sends req and reads the response. It calls the transport and not http.Client. Therefore no redirect is followed,
// no cookie is kept, and no error contains the full URL.
func (o Options) exchange(req *http.Request, check func(*http.Request, *http.Response) error) (*Response, error) {
	resp, err := o.transport().RoundTrip(req)
	if err != nil {
		return nil, noResponse(req.Context(), err)
	}
	if resp == nil || resp.Body == nil { // net/http's transport never does this
		return nil, fmt.Errorf("%w: the RoundTripper returned neither a response nor an error", ErrNoResponse)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing was written, so nothing can be lost

	if err := check(req, resp); err != nil {
		drain(resp.Body)
		return nil, err
	}
	body, err := o.read(req.Context(), resp)
	if err != nil {
		return nil, err
	}
	return &Response{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

// transport returns the transport of the client, or the default one.
func (o Options) transport() http.RoundTripper {
	if o.Client != nil && o.Client.Transport != nil {
		return o.Client.Transport
	}
	return http.DefaultTransport
}

// checkStatus checks the status before the body is read. The media type is not checked: many servers send JSON with
// another one, and the caller parses the body anyway.
func checkStatus(req *http.Request, resp *http.Response) error {
	switch {
	// A 304 to a request without a condition would leave the caller without a document.
	case resp.StatusCode == http.StatusNotModified && req.Header.Get("If-None-Match") != "":
		return nil
	case resp.StatusCode == http.StatusOK:
		return nil
	}
	if err := rejectRedirect(req, resp); err != nil {
		return err
	}
	return &StatusError{Status: resp.StatusCode, RetryAfter: ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

// rejectRedirect returns a *[RedirectError] if resp is a redirect. RedirectError says why redirects are not followed.
func rejectRedirect(req *http.Request, resp *http.Response) error {
	if resp.Header.Get("Location") != "" && resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		return &RedirectError{Status: resp.StatusCode, Location: locationOf(req.URL, resp.Header.Get("Location"))}
	}
	return nil
}

// read returns the whole body or an error. It never returns a part of the body, because a truncated document could still
// be valid.
func (o Options) read(ctx context.Context, resp *http.Response) ([]byte, error) {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	// The server announces a body that is too long, so none of it has to be read.
	if resp.StatusCode == http.StatusOK && resp.ContentLength > limit {
		return nil, &TooLargeError{Limit: limit, Status: resp.StatusCode}
	}
	// Content-Length can be missing, as in a chunked or a decompressed response.
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, &TooLargeError{Limit: limit, Status: resp.StatusCode}
	case err != nil:
		return nil, noResponse(ctx, err)
	}
	return body, nil
}

// drain reads the rest of a short body, so that the transport can use the connection again.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, 4<<10)
}

// noResponse returns the reason why there is no complete response. The end of the caller's context is not a fault of the
// server, so that error does not match ErrNoResponse.
func noResponse(ctx context.Context, err error) error {
	var expired *TimeoutError
	switch {
	case errors.As(context.Cause(ctx), &expired):
		return fmt.Errorf("%w: %w", ErrNoResponse, expired)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	var quoting *url.Error // a RoundTripper that uses http.Client returns it; its text contains the whole URL
	for errors.As(err, &quoting) {
		err = quoting.Err
	}
	return fmt.Errorf("%w: %w", ErrNoResponse, clippedError{err})
}
