package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// PostType says how parameters are sent to the authorization server.
type PostType int

// The ways to send parameters.
const (
	PostForm PostType = iota // application/x-www-form-urlencoded (RFC 6749, Section 3.2)
	PostJSON                 // a JSON object, for servers that read nothing else
)

// post sends parameters to the authorization server, with the credentials of the client. It omits empty parameters (RFC
// 6749, Section 3.1). want says what a successful response looks like; any other response is an error.
//
// It sends the request a second time if the server requires a DPoP nonce (RFC 9449, Section 8), and for no other reason:
// the request may have used up a code or a refresh token.
//
// post may return both an answer and an error. The answer then has what could be read of a token in the response.
func (c *Client) post(ctx context.Context, to destination, params url.Values, want reply) (*answer, error) {
	for attempt := 0; ; attempt++ {
		resp, sent, nonce, err := c.postOnce(ctx, to, params, cmp.Or(want.accept, "application/json"))
		if err != nil {
			return nil, err
		}
		fresh := c.keepNonce(to.url, "", nonce, resp.Header)
		var a *answer
		switch to.name {
		case endpointToken:
			a, err = c.readToken(ctx, params.Get("grant_type"), resp, sent)
		case endpointIntrospection:
			a, err = c.readIntrospection(ctx, want, resp, sent)
		default:
			a, err = c.read(ctx, want, resp, sent)
		}
		if attempt > 0 || c.cfg.DPoP == nil || !fresh || !errors.Is(err, ErrUseDPoPNonce) {
			return a, c.explain(ctx, to, err)
		}
	}
}

// postOnce sends one request: the parameters, the credentials of the client, and with Config.DPoP a proof. It makes new
// ones for each call, because assertions and proofs may be used once. accept is the wanted media type. It returns the
// response, the secrets in the request, and the nonce in its DPoP proof.
func (c *Client) postOnce(
	ctx context.Context, to destination, params url.Values, accept string,
) (resp *fetch.Response, sent secrets, nonce string, err error) {
	form, header := withoutEmpty(params), http.Header{"Accept": {accept}}
	secret, err := c.authenticate(ctx, to, form, header)
	if err != nil {
		return nil, secrets{}, "", err
	}
	if c.cfg.DPoP != nil {
		var proof string
		if proof, nonce, err = c.proof(http.MethodPost, to.url, ""); err != nil {
			return nil, secrets{}, "", err
		}
		header.Set("DPoP", proof)
	}
	body, mediaType := c.encode(form)
	header.Set("Content-Type", mediaType)
	resp, err = c.send(ctx, http.MethodPost, to, header, body)
	return resp, secretsSent(form, header).with(c.cfg.ClientSecret, secret), nonce, err
}

// send sends one request within the limits of the Config. The error says whether a retry may help: if not, it matches
// ErrBadResponse.
func (c *Client) send(ctx context.Context, method string, to destination, header http.Header, body []byte) (*fetch.Response, error) {
	resp, err := fetch.Send(ctx, method, to.url, body, fetch.Options{
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
	if redirect, ok := errors.AsType[*fetch.RedirectError](err); ok {
		return nil, redirected(redirect, err, to, secretsSent(formOf(body, header), header).with(c.cfg.ClientSecret))
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

// scopeOf returns scopes as the value of a parameter (RFC 6749, Section 3.3).
func scopeOf(scopes []string) string { return strings.Join(scopes, " ") }
