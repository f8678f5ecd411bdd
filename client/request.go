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

// PostType is how parameters are sent to the authorization server.
type PostType int

// The ways to send parameters.
const (
	PostForm PostType = iota // application/x-www-form-urlencoded (RFC 6749 §3.2)
	PostJSON                 // a JSON object, for servers of one's own that read nothing else
)

const (
	maxDepth     = 16      // of JSON
	maxErrorBody = 4 << 10 // of a refusal that is kept
)

// answer is what a server said, read as one JSON object.
type answer struct{ compact.Object }

// post sends parameters to the authorization server, with the client's proof. Empty parameters are left out (RFC 6749
// §3.1). An answer that is not accepted, which says what is, is an error. It sends again, once, when the server asks for a
// nonce in the proof of possession (RFC 9449 §8). Nothing else is ever sent twice. With an error may come an answer that has
// the remains of a token.
func (c *Client) post(ctx context.Context, target string, params url.Values, accepted ...int) (*answer, error) {
	resp, nonce, err := c.postOnce(ctx, target, params)
	if err != nil {
		return nil, err
	}
	fresh := c.keepNonce(target, "", nonce, resp.Header)
	a, err := readAnswer(resp, accepted)
	if c.cfg.DPoP == nil || !fresh || !errors.Is(err, ErrUseDPoPNonce) {
		return a, err
	}
	if resp, nonce, err = c.postOnce(ctx, target, params); err != nil {
		return nil, err
	}
	c.keepNonce(target, "", nonce, resp.Header)
	return readAnswer(resp, accepted)
}

// postOK sends parameters where 200 is all that is said: a body has no meaning (RFC 7009 §2.2).
func (c *Client) postOK(ctx context.Context, target string, params url.Values) error {
	_, err := c.post(ctx, target, params, http.StatusOK)
	if errors.Is(err, errNoObject) {
		return nil
	}
	return err
}

// postOnce returns with the answer the nonce that its proof had.
func (c *Client) postOnce(ctx context.Context, target string, params url.Values) (resp *fetch.Response, nonce string, err error) {
	form, header := withoutEmpty(params), http.Header{"Accept": {"application/json"}}
	if err := c.authenticate(ctx, form, header); err != nil {
		return nil, "", err
	}
	if c.cfg.DPoP != nil {
		var proof string
		if proof, nonce, err = c.proof(http.MethodPost, target, ""); err != nil {
			return nil, "", err
		}
		header.Set("DPoP", proof)
	}
	body, mediaType := c.encode(form)
	header.Set("Content-Type", mediaType)
	resp, err = c.send(ctx, http.MethodPost, target, header, body)
	return resp, nonce, err
}

// send makes one request within the bounds of the Config.
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
	if long, ok := errors.AsType[*fetch.TooLargeError](err); ok && unavailable(long.Status) { // a proxy's page
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return nil, fmt.Errorf("%w: %w", ErrBadAnswer, err)
}

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
	body, _ = json.Marshal(object) // strings in maps always have a JSON text
	return body, "application/json"
}

// errNoObject says that an accepted status came without a JSON object.
var errNoObject = errors.New("this is no JSON object")

// readAnswer tells what was asked for from an error. It goes by the content, not by its type: servers that answer JSON as
// text are many (RFC 6749 §5.1 wants application/json). With an error may come what must not be lost.
func readAnswer(resp *fetch.Response, accepted []int) (*answer, error) {
	object, err := compact.ParseObject(string(resp.Body), maxDepth)
	if err != nil {
		object = salvaged(resp.Body)
	}
	code, _ := object.OptionalText("error")
	switch {
	case code == "" && resp.Status/100 == 2 && !slices.Contains(accepted, resp.Status):
		return &answer{object}, refusalOf(resp, object, code)
	case code != "", !slices.Contains(accepted, resp.Status):
		return nil, refusalOf(resp, object, code)
	case err != nil:
		return &answer{object}, fmt.Errorf("%w: %w: %w", ErrBadAnswer, errNoObject, err)
	}
	return &answer{object}, nil
}

func refusalOf(resp *fetch.Response, object compact.Object, code string) *Error {
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

// scopeOf writes scopes as a parameter (RFC 6749 §3.3).
func scopeOf(scopes []string) string { return strings.Join(scopes, " ") }
