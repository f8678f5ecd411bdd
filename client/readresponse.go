package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strconv"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// TokenResponse is a response of the token endpoint, for [Config.ReadResponse]. It contains secrets: fmt, slog and
// encoding/json omit its header and its body.
type TokenResponse struct {
	// GrantType is the grant_type of the request.
	GrantType string

	// Status is the HTTP status, such as 200. It may be the status of an error.
	Status int

	// Header has the header fields. In the result of [Config.ReadResponse], only Content-Type, Retry-After and
	// WWW-Authenticate are used, and nil means the header of the received response.
	Header http.Header `json:"-"`

	// Body is the whole body, decompressed. It has at most Config.MaxBytes.
	Body []byte `json:"-"`
}

// Format implements [fmt.Formatter]. For every verb, it omits the header and the body.
func (r TokenResponse) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "client.TokenResponse{"+clip(r.GrantType)+" "+strconv.Itoa(r.Status)+"}")
}

// LogValue implements [slog.LogValuer]. It omits the header and the body.
func (r TokenResponse) LogValue() slog.Value {
	return slog.GroupValue(slog.String("grant_type", clip(r.GrantType)), slog.Int("status", r.Status))
}

// readToken is like read, for a response of the token endpoint. It first converts the response with Config.ReadResponse. If
// that function fails, the response is read as it is, so that its token is returned together with the error.
func (c *Client) readToken(ctx context.Context, grantType string, resp *fetch.Response, sent secrets) (*answer, error) {
	if c.cfg.ReadResponse == nil {
		return c.read(ctx, tokenReply(), resp, sent)
	}
	converted, fault := c.convert(grantType, resp)
	if fault == nil {
		sent = sent.with(secretsIn(readBody(resp, tokenReply()).object, maxProblemDepth)...)
		a, err := c.read(ctx, tokenReply(), converted, sent)
		if a != nil {
			a.resp = resp // for errors
		}
		if e, ok := errors.AsType[*Error](err); ok {
			e.Body = keptOf(resp)
		}
		return a, err
	}
	a, err := c.read(ctx, tokenReply(), resp, sent)
	if a != nil {
		return a, a.because(fault)
	}
	if e, ok := errors.AsType[*Error](err); ok {
		e.hint = fault.Error()
	}
	return nil, err
}

// convert passes a response of the token endpoint to Config.ReadResponse, and returns the result. The function receives
// copies, so resp is still complete if it fails.
func (c *Client) convert(grantType string, resp *fetch.Response) (*fetch.Response, error) {
	made, err := c.callReadResponse(TokenResponse{
		GrantType: grantType, Status: resp.Status, Header: resp.Header.Clone(), Body: bytes.Clone(resp.Body),
	})
	switch {
	case err != nil:
		return nil, err
	case made.Status < 100 || made.Status > 999:
		return nil, fmt.Errorf("%w: Config.ReadResponse returned status %d, expected 100 to 999", ErrBadResponse, made.Status)
	case int64(len(made.Body)) > c.cfg.MaxBytes:
		return nil, fmt.Errorf("%w: Config.ReadResponse returned a body of %d bytes, expected at most %d (Config.MaxBytes)",
			ErrBadResponse, len(made.Body), c.cfg.MaxBytes)
	}
	if made.Header == nil {
		made.Header = resp.Header
	}
	return &fetch.Response{Status: made.Status, Header: made.Header, Body: made.Body}, nil
}

// callReadResponse calls Config.ReadResponse. It returns a panic of the function as an error, because the response may have
// the only copy of a refresh token.
func (c *Client) callReadResponse(r TokenResponse) (made TokenResponse, err error) {
	defer func() {
		switch cause := recover().(type) {
		case nil:
		case runtime.Error: // its text has no part of the response
			err = &readResponseError{text: "panicked: " + cause.Error(), err: cause}
		default:
			err = &readResponseError{text: "panicked", err: errPanicked}
		}
	}()
	if made, err = c.cfg.ReadResponse(r); err != nil {
		return TokenResponse{}, &readResponseError{text: "returned an error", err: err}
	}
	return made, nil
}

var errPanicked = errors.New("panic")

// readResponseError is a failure of Config.ReadResponse. It does not print the error of that function, which may quote the
// response.
type readResponseError struct {
	text string
	err  error
}

// Error returns the text without that of err, unless err is one of this package.
func (e *readResponseError) Error() string {
	if own, ok := errors.AsType[*convertError](e.err); ok {
		return ErrBadResponse.Error() + ": Config.ReadResponse: " + own.text
	}
	return ErrBadResponse.Error() + ": Config.ReadResponse " + e.text
}

// Unwrap returns ErrBadResponse and the error of the function.
func (e *readResponseError) Unwrap() []error { return []error{ErrBadResponse, e.err} }
