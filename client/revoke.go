package client

import (
	"context"
	"errors"
	"net/url"
)

// Revoke has the server forget a token (RFC 7009). hint is "access_token" or "refresh_token", or empty. A token that the
// server does not know is revoked, too. A server that cannot revoke this kind of token says [ErrUnsupportedTokenType]. The
// body of a 200 means nothing (RFC 7009 §2.2), unless it is an error after all: then nobody should believe the token gone.
func (c *Client) Revoke(ctx context.Context, token, hint string) error {
	target, err := c.endpoint(ctx, endpointRevocation)
	if err != nil {
		return err
	}
	if token == "" {
		return errors.New("client: there is no token to revoke")
	}
	return c.postOK(ctx, target, url.Values{"token": {token}, "token_type_hint": {hint}})
}
