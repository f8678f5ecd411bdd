// Package fetch reads one document over HTTP within bounds: https only, no redirect, no cookie, a time limit from the
// dialling to the last byte, and a size limit past which the answer is an error and never a cut document.
//
// Error texts name method, scheme, host and path. They carry no query, no user info and nothing of a body.
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

// The bounds that hold where [Options] leaves them out.
const (
	DefaultTimeout  = 3 * time.Second
	DefaultMaxBytes = 512 << 10
)

// Options bounds one request. The zero value asks for any media type under the default bounds.
type Options struct {
	// Client gives the transport and, if shorter than Timeout, the time limit. Its cookie jar and its redirect policy
	// are not used, and the client is never changed. Nil means [http.DefaultTransport]. Where the URL is not the
	// operator's own, it is a client from [PublicClient], which is built once and kept.
	Client *http.Client

	// Header is sent with the request, and not changed. With an If-None-Match in it, 304 is an answer too.
	Header http.Header

	// MaxBytes bounds the body, after transfer and content decoding. Zero or less means [DefaultMaxBytes].
	MaxBytes int64

	// Timeout bounds dialling, TLS, headers and body together. Zero or less means [DefaultTimeout].
	Timeout time.Duration

	// AllowHTTP takes http URLs for every host. False takes them for loopback hosts only.
	AllowHTTP bool

	// ContentTypes are the accepted media types, compared without case and parameters. Nil accepts any.
	ContentTypes []string
}

// Response is a complete answer. From [Get] its Status is 200 or, when If-None-Match was sent, 304 with an empty Body.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Get fetches rawURL. Faults of the caller's URL match *[URLError]; answers that are not the document match
// *[StatusError], *[RedirectError], *[ContentTypeError] or *[TooLargeError]; everything else that kept a complete
// answer away matches [ErrNoAnswer], and *[TimeoutError] with it if the time limit was the reason. When ctx ends first,
// the error matches ctx.Err() and not ErrNoAnswer.
func Get(ctx context.Context, rawURL string, o Options) (*Response, error) {
	u, err := ParseURL(rawURL, o.AllowHTTP)
	if err != nil {
		return nil, err
	}
	ctx, cancel := o.limited(ctx)
	defer cancel()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, http.NoBody)
	if err != nil {
		return nil, &URLError{URL: display(u), Problem: "makes no request"}
	}
	o.setHeader(req)

	resp, err := o.exchange(req, o.checkHead)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", req.Method, display(u), err)
	}
	return resp, nil
}

// limited puts the time limit into ctx in such a way that the limit can later be told from the caller's own deadline.
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

func (o Options) setHeader(req *http.Request) {
	if o.Header != nil {
		req.Header = o.Header.Clone()
	}
	if req.Header.Get("Accept") == "" && len(o.ContentTypes) > 0 {
		req.Header.Set("Accept", strings.Join(o.ContentTypes, ", "))
	}
}

// exchange sends req and reads the answer. It goes to the transport itself, below http.Client: so no redirect is ever
// followed or even parsed, no cookie is kept, and no error quotes the full URL.
func (o Options) exchange(req *http.Request, check func(*http.Request, *http.Response) error) (*Response, error) {
	resp, err := o.transport().RoundTrip(req)
	if err != nil {
		return nil, noAnswer(req.Context(), err)
	}
	if resp == nil || resp.Body == nil { // net/http's transport never does this
		return nil, fmt.Errorf("%w: the RoundTripper returned no response", ErrNoAnswer)
	}
	defer resp.Body.Close() //nolint:errcheck // nothing is written, so closing can lose nothing

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

func (o Options) transport() http.RoundTripper {
	if o.Client != nil && o.Client.Transport != nil {
		return o.Client.Transport
	}
	return http.DefaultTransport
}

// checkHead refuses by status and headers, before a byte of the body is read.
func (o Options) checkHead(req *http.Request, resp *http.Response) error {
	switch {
	case resp.StatusCode == http.StatusNotModified && req.Header.Get("If-None-Match") != "":
		return nil
	case resp.StatusCode == http.StatusOK:
		return o.checkContentType(resp.Header.Get("Content-Type"))
	}
	if err := refuseRedirect(req, resp); err != nil {
		return err
	}
	return &StatusError{Status: resp.StatusCode, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), time.Now())}
}

func refuseRedirect(req *http.Request, resp *http.Response) error {
	if resp.Header.Get("Location") != "" && resp.StatusCode >= 300 && resp.StatusCode <= 399 {
		return &RedirectError{Status: resp.StatusCode, Location: locationOf(req.URL, resp.Header.Get("Location"))}
	}
	return nil
}

// checkContentType leaves the parameters alone: no accepted media type gives them a meaning.
func (o Options) checkContentType(header string) error {
	if o.ContentTypes == nil {
		return nil
	}
	mediaType, _, _ := strings.Cut(header, ";")
	mediaType = strings.TrimSpace(mediaType)
	for _, accepted := range o.ContentTypes {
		if strings.EqualFold(mediaType, accepted) {
			return nil
		}
	}
	return &ContentTypeError{Got: mediaType, Want: o.ContentTypes}
}

// read returns the whole body, or an error: a document that is cut off at the limit could still parse.
func (o Options) read(ctx context.Context, resp *http.Response) ([]byte, error) {
	limit := o.MaxBytes
	if limit <= 0 {
		limit = DefaultMaxBytes
	}
	if resp.StatusCode == http.StatusOK && resp.ContentLength > limit {
		return nil, &TooLargeError{Limit: limit, Status: resp.StatusCode}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, resp.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, &TooLargeError{Limit: limit, Status: resp.StatusCode}
	case err != nil:
		return nil, noAnswer(ctx, err)
	}
	return body, nil
}

// drain reads what a short refusal still holds, so that the connection can serve the next request.
func drain(body io.Reader) {
	_, _ = io.CopyN(io.Discard, body, 4<<10)
}

// noAnswer says why no complete answer came. The end of the caller's own context is not the server's fault.
func noAnswer(ctx context.Context, err error) error {
	var expired *TimeoutError
	switch {
	case errors.As(context.Cause(ctx), &expired):
		return fmt.Errorf("%w: %w", ErrNoAnswer, expired)
	case ctx.Err() != nil:
		return ctx.Err()
	}
	var quoting *url.Error // from a RoundTripper that is a client itself: its text has the whole URL
	for errors.As(err, &quoting) {
		err = quoting.Err
	}
	return fmt.Errorf("%w: %w", ErrNoAnswer, err)
}
