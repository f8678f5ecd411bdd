package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
)

// BrowserSignIn returns a function for ResourceTransportConfig.SignIn that signs the user in with the authorization code
// flow. open must open address in the user's browser, wait until the authorization server redirects the browser to the
// redirect URI of the client, and return the URL of this redirect with its query. It must return when ctx ends. If it returns an
// error, the sign-in fails with this error.
//
// If the URL is not the redirect URI, the error of the sign-in matches [ErrCallback]. [Client.Callback] checks the parameters
// in its query: the state, and the issuer if the server sends it (RFC 9207). A command-line program uses loopback.SignIn
// instead, which opens the browser and receives the response.
func BrowserSignIn(
	open func(ctx context.Context, address string) (redirected string, err error),
) func(ctx context.Context, c *Client, o AuthorizationOptions) (*Token, error) {
	return func(ctx context.Context, c *Client, o AuthorizationOptions) (*Token, error) {
		pending, err := c.AuthorizationURL(ctx, o)
		if err != nil {
			return nil, err
		}
		redirected, err := open(ctx, pending.URL)
		if err != nil {
			return nil, err
		}
		params, err := pending.paramsIn(redirected)
		if err != nil {
			return nil, err
		}
		return c.Callback(ctx, pending, params)
	}
}

// paramsIn returns the parameters in the URL to which the browser was redirected. Apart from them, it must be the redirect URI.
func (p *PendingAuthorization) paramsIn(redirected string) (url.Values, error) {
	got, err := url.Parse(redirected)
	if err != nil {
		return nil, fmt.Errorf("%w: the URL cannot be parsed", ErrCallback) // the error would quote it
	}
	want, err := url.Parse(p.RedirectURI)
	if err != nil {
		return nil, errors.New("client: the redirect URI cannot be parsed")
	}
	if got.Scheme != want.Scheme || got.Host != want.Host || got.EscapedPath() != want.EscapedPath() || got.Opaque != want.Opaque {
		return nil, fmt.Errorf("%w: the URL is not the redirect URI", ErrCallback)
	}
	params, err := url.ParseQuery(got.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: the query cannot be parsed", ErrCallback)
	}
	for name, values := range want.Query() { // parameters of the redirect URI itself
		if len(params[name]) == len(values) {
			params.Del(name)
		}
	}
	return params, nil
}
