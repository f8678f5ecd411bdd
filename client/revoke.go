package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Revoke revokes a token at the server (RFC 7009). hint is "access_token", "refresh_token" or "". Revoking a token that the
// server does not know succeeds. If the server cannot revoke this kind of token, the error matches
// [ErrUnsupportedTokenType].
//
// A response with a status of 2xx counts as success whatever its body is, unless the body reports an error. RFC 7009,
// Section 2.2, requires status 200; others are reported in [Client.Quirks].
func (c *Client) Revoke(ctx context.Context, token, hint string) error {
	if err := checkHinted(token, hint); err != nil {
		return err
	}
	target, err := c.endpoint(ctx, endpointRevocation)
	if err != nil {
		return err
	}
	_, err = c.post(ctx, destination{endpointRevocation, target}, url.Values{"token": {token}, "token_type_hint": {hint}}, reply{
		name: "revocation response", rfc: "RFC 7009 section 2.2", statuses: []int{http.StatusOK},
	})
	return err
}

// checkHinted checks the arguments of Revoke and Introspect. The TokenType constants name token types of RFC 8693, and are
// easily taken for hints. A server would ignore them.
func checkHinted(token, hint string) error {
	switch {
	case token == "":
		return errors.New("client: the token is empty")
	case strings.HasPrefix(hint, "urn:ietf:params:oauth:token-type:"):
		return fmt.Errorf("client: hint must be \"access_token\", \"refresh_token\" or empty, got %q", clip(hint))
	}
	return nil
}
