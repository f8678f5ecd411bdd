package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/compact"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// PostType says how parameters are sent to the authorization server.
type PostType int

// The ways to send parameters.
const (
	PostForm PostType = iota // application/x-www-form-urlencoded (RFC 6749, Section 3.2)
	PostJSON                 // a JSON object, for servers that read nothing else
)

const (
	maxDepth     = 16      // nesting of JSON
	maxErrorBody = 4 << 10 // bytes of an error response that are kept
)

// answer is the response of a server, parsed as one JSON object.
type answer struct{ compact.Object }

// post sends parameters to the authorization server, with the credentials of the client. It omits empty parameters (RFC
// 6749, Section 3.1). accepted lists the statuses of a successful response; any other response is an error.
//
// It sends the request a second time if the server requires a DPoP nonce (RFC 9449, Section 8), and for no other reason:
// the request may have used up a code or a refresh token.
//
// An answer may come together with an error. It then has what could be read of a token in the response.
func (c *Client) post(ctx context.Context, to destination, params url.Values, accepted ...int) (*answer, error) {
	a, err := c.postWithNonce(ctx, to, params, accepted)
	return a, c.explain(ctx, to, err)
}

func (c *Client) postWithNonce(ctx context.Context, to destination, params url.Values, accepted []int) (*answer, error) {
	resp, nonce, err := c.postOnce(ctx, to, params)
	if err != nil {
		return nil, err
	}
	fresh := c.keepNonce(to.url, "", nonce, resp.Header)
	a, err := readAnswer(resp, accepted)
	if c.cfg.DPoP == nil || !fresh || !errors.Is(err, ErrUseDPoPNonce) {
		return a, err
	}
	if resp, nonce, err = c.postOnce(ctx, to, params); err != nil {
		return nil, err
	}
	c.keepNonce(to.url, "", nonce, resp.Header)
	return readAnswer(resp, accepted)
}

// postOK sends parameters to an endpoint whose success is a status of 200 with any body (RFC 7009, Section 2.2).
func (c *Client) postOK(ctx context.Context, to destination, params url.Values) error {
	_, err := c.post(ctx, to, params, http.StatusOK)
	if errors.Is(err, errNoObject) {
		return nil
	}
	return err
}

// postOnce sends one request: the parameters, the credentials of the client, and with Config.DPoP a proof. It makes new
// ones for each call, because assertions and proofs may be used once. It returns the response, and the nonce in its DPoP
// proof.
func (c *Client) postOnce(ctx context.Context, to destination, params url.Values) (resp *fetch.Response, nonce string, err error) {
	form, header := withoutEmpty(params), http.Header{"Accept": {"application/json"}}
	if err := c.authenticate(ctx, to, form, header); err != nil {
		return nil, "", err
	}
	if c.cfg.DPoP != nil {
		var proof string
		if proof, nonce, err = c.proof(http.MethodPost, to.url, ""); err != nil {
			return nil, "", err
		}
		header.Set("DPoP", proof)
	}
	body, mediaType := c.encode(form)
	header.Set("Content-Type", mediaType)
	resp, err = c.send(ctx, http.MethodPost, to.url, header, body)
	return resp, nonce, err
}

// send sends one request within the limits of the Config. The error says whether a retry may help: if not, it matches
// ErrBadResponse.
func (c *Client) send(ctx context.Context, method, target string, header http.Header, body []byte) (*fetch.Response, error) {
	resp, err := fetch.Send(ctx, method, target, body, fetch.Options{
		Client: c.cfg.HTTPClient, Header: header, MaxBytes: c.cfg.MaxBytes, Timeout: c.cfg.Timeout,
		AllowHTTP: c.cfg.InsecureAllowHTTP,
	})
	switch {
	case err == nil:
		return resp, nil
	case errors.Is(err, fetch.ErrNoResponse):
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("client: %w", err)
	}
	if long, ok := errors.AsType[*fetch.TooLargeError](err); ok {
		switch {
		case unavailable(long.Status): // probably the error page of a proxy
			return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
		case long.Status/100 == 4: // a rejection, whatever the body says
			return nil, fmt.Errorf("%w: %w: %w", ErrBadResponse, &Error{Status: long.Status}, err)
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrBadResponse, err)
}

// withoutEmpty returns a copy of params without empty values.
func withoutEmpty(params url.Values) url.Values {
	form := make(url.Values, len(params)+3)
	for name, values := range params {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })
		if len(values) > 0 {
			form[name] = values
		}
	}
	return form
}

// encode returns the body of a request and its media type.
func (c *Client) encode(form url.Values) (body []byte, mediaType string) {
	if c.cfg.PostType == PostForm {
		return []byte(form.Encode()), "application/x-www-form-urlencoded"
	}
	object := make(map[string]any, len(form))
	for name, values := range form {
		object[name] = values[0]
		if len(values) > 1 {
			object[name] = values
		}
	}
	body, _ = json.Marshal(object) // strings in maps can always be encoded
	return body, "application/json"
}

// errNoObject says that a response with an accepted status has no JSON object.
var errNoObject = errors.New("the body is not a JSON object")

// readAnswer parses a response. It goes by the body and not by the Content-Type, because many servers send JSON as text,
// although RFC 6749, Section 5.1, requires application/json. There are four cases:
//
//	an accepted status, and a JSON object      the answer
//	an accepted status, and anything else      ErrBadResponse, with what could be read
//	another status of 2xx, without a code      an *Error, with what could be read
//	everything else                            an *Error
//
// A response with the member error is an error, whatever its status is. The parts that could be read are returned with an
// error, because they may be a token or a registered client.
func readAnswer(resp *fetch.Response, accepted []int) (*answer, error) {
	object, err := compact.ParseObject(string(resp.Body), maxDepth)
	if err != nil {
		object = salvaged(resp.Body)
	}
	code, _ := object.OptionalText("error")
	switch {
	case code == "" && resp.Status/100 == 2 && !slices.Contains(accepted, resp.Status):
		return &answer{object}, errorOf(resp, object, code)
	case code != "", !slices.Contains(accepted, resp.Status):
		return nil, errorOf(resp, object, code)
	case err != nil:
		return &answer{object}, fmt.Errorf("%w: %w: %w", ErrBadResponse, errNoObject, err)
	}
	return &answer{object}, nil
}

// errorOf returns an error response as an *Error. It keeps the beginning of the body for the program; Error itself prints
// nothing of it. object is the parsed body, which may be empty.
func errorOf(resp *fetch.Response, object compact.Object, code string) *Error {
	e := &Error{
		Code: code, Status: resp.Status, Challenge: strings.Join(resp.Header.Values("WWW-Authenticate"), ", "),
		RetryAfter: fetch.ParseRetryAfter(resp.Header.Get("Retry-After"), time.Now()),
		Body:       slices.Clone(resp.Body[:min(len(resp.Body), maxErrorBody)]),
	}
	e.Description, _ = object.OptionalText("error_description")
	e.URI, _ = object.OptionalText("error_uri")
	e.mfaToken, _ = object.OptionalText("mfa_token")
	return e
}

// scopeOf returns scopes as the value of a parameter (RFC 6749, Section 3.3).
func scopeOf(scopes []string) string { return strings.Join(scopes, " ") }
