package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// wrap signs the request and leaves it with the server, where either is wanted.
func (c *Client) wrap(ctx context.Context, params url.Values, o AuthorizationOptions) (url.Values, error) {
	m, err := c.Metadata(ctx)
	if err != nil {
		return nil, err
	}
	if o.Sign || m.RequireSignedRequestObject {
		if params, err = c.signRequest(params); err != nil {
			return nil, err
		}
	}
	if !o.Push && !m.RequirePushedAuthorizationRequests {
		return params, nil
	}
	reference, _, err := c.PushAuthorization(ctx, params)
	if err != nil {
		return nil, err
	}
	return url.Values{"client_id": {c.cfg.ClientID}, "request_uri": {reference}}, nil
}

const requestObjectFor = 5 * time.Minute

// signRequest puts all parameters into a request object. The URL has just what says who sent it (RFC 9101 §5).
func (c *Client) signRequest(params url.Values) (url.Values, error) {
	if c.cfg.Key == nil {
		return nil, errors.New("client: Config.Key is required for signed authorization requests")
	}
	now := time.Now()
	claims := map[string]any{
		"iss": c.cfg.ClientID, "aud": c.cfg.Issuer, "iat": now.Unix(), "nbf": now.Add(-c.cfg.skew()).Unix(),
		"exp": now.Add(requestObjectFor).Unix(), "jti": RandomValue(randomBytes),
	}
	for name, values := range params {
		claims[name] = requestClaim(name, values)
	}
	request, err := c.cfg.Key.key().JWT(map[string]any{"typ": "oauth-authz-req+jwt"}, claims)
	if err != nil {
		return nil, fmt.Errorf("client: the authorization request could not be signed: %w", err)
	}
	return url.Values{"client_id": {c.cfg.ClientID}, "request": {request}}, nil
}

// requestClaim is a parameter in the JSON type that it has in a request object (RFC 9101 §4, OpenID Connect Core §6.1, RFC
// 9396 §3).
func requestClaim(name string, values []string) any {
	typed := []string{"max_age", "claims", "authorization_details"}
	switch {
	case len(values) > 1:
		return values
	case slices.Contains(typed, name) && json.Valid([]byte(values[0])):
		return json.RawMessage(values[0])
	}
	return values[0]
}

const maxReferenceBytes = 4 << 10

// PushAuthorization sends the parameters of an authorization request to the server, which keeps them for lifetime under
// requestURI (RFC 9126). [Client.AuthorizationURL] does it with AuthorizationOptions.Push.
func (c *Client) PushAuthorization(ctx context.Context, params url.Values) (requestURI string, lifetime time.Duration, err error) {
	if params.Has("request_uri") { // RFC 9126 §2.1
		return "", 0, errors.New("client: a pushed authorization request has no request_uri")
	}
	target, err := c.endpoint(ctx, endpointPAR)
	if err != nil {
		return "", 0, err
	}
	a, err := c.post(ctx, target, params, http.StatusCreated)
	if err != nil {
		return "", 0, err
	}
	requestURI, _ = a.OptionalText("request_uri")
	expiresIn, _ := a.Get("expires_in")
	now := time.Now()
	lifetime = expiryOf(expiresIn, now).Sub(now)
	if requestURI == "" || len(requestURI) > maxReferenceBytes || lifetime <= 0 {
		return "", 0, fmt.Errorf("%w: request_uri or expires_in is missing or makes no sense", ErrBadAnswer)
	}
	return requestURI, lifetime, nil
}
