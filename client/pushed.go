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

// wrap signs and pushes the parameters of an authorization request, if the options or the metadata require it. It returns
// the parameters that the browser carries:
//
//	neither         all of them
//	signed          request, a JWT with all of them (RFC 9101), beside client_id, response_type and scope
//	pushed          client_id and request_uri, a reference to them (RFC 9126)
//	signed, pushed  client_id and request_uri, a reference to the JWT
func (c *Client) wrap(ctx context.Context, params url.Values, o AuthorizationOptions) (url.Values, error) {
	m, err := c.signInFacts(ctx, c.scopes(o.Scopes))
	if err != nil {
		return nil, err
	}
	// If these were treated as absent, a request could be sent without the signature that the server requires.
	if err := requireUsable(m, "require_signed_request_object", "require_pushed_authorization_requests"); err != nil {
		return nil, err
	}
	pushed := o.Push || m.RequirePushedAuthorizationRequests
	if o.Sign || m.RequireSignedRequestObject {
		request, err := c.signRequest(params)
		if err != nil {
			return nil, err
		}
		params = besideRequest(request, params, pushed)
	}
	if !pushed {
		return params, nil
	}
	reference, _, err := c.PushAuthorization(ctx, params)
	if err != nil {
		return nil, err
	}
	return url.Values{"client_id": {c.cfg.ClientID}, "request_uri": {reference}}, nil
}

const requestObjectFor = 5 * time.Minute // lifetime of a signed request

// besideRequest returns the parameters of an authorization request that has a request object. OpenID Connect Core, Section
// 6.1, requires client_id, response_type and scope also outside of the request object, so that the request is a valid OAuth
// request. RFC 9101, Section 5, permits that. They are those of the request object. A pushed request must not have them
// (RFC 9126, Section 3).
func besideRequest(request string, params url.Values, pushed bool) url.Values {
	outside := url.Values{"client_id": params["client_id"], "request": {request}}
	if !pushed {
		outside["response_type"], outside["scope"] = params["response_type"], params["scope"]
	}
	return withoutEmpty(outside)
}

// signRequest returns a request object with all parameters (RFC 9101, Section 4).
func (c *Client) signRequest(params url.Values) (string, error) {
	if c.cfg.Key == nil {
		return "", errors.New("client: Config.Key is required to sign authorization requests")
	}
	now := time.Now()
	claims := map[string]any{
		"iss": c.cfg.ClientID, "aud": c.cfg.Issuer, "iat": now.Unix(), "nbf": now.Add(-c.cfg.skew()).Unix(),
		"exp": now.Add(requestObjectFor).Unix(), "jti": RandomValue(randomBytes),
	}
	for name, values := range params {
		claims[name] = requestClaim(name, values)
	}
	request, err := c.cfg.Key.jwt(map[string]any{"typ": "oauth-authz-req+jwt"}, claims)
	if err != nil {
		return "", fmt.Errorf("client: signing the authorization request: %w", err)
	}
	return request, nil
}

// requestClaim returns a parameter as the JSON type that it has in a request object (RFC 9101, Section 4; OpenID Connect
// Core, Section 6.1; RFC 9396, Section 3).
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

// PushAuthorization sends the parameters of an authorization request to the server, which stores them under requestURI for
// lifetime (RFC 9126). Most programs set AuthorizationOptions.Push instead.
func (c *Client) PushAuthorization(ctx context.Context, params url.Values) (requestURI string, lifetime time.Duration, err error) {
	if params.Has("request_uri") { // RFC 9126, Section 2.1
		return "", 0, errors.New("client: PushAuthorization: params must not have request_uri")
	}
	target, err := c.endpoint(ctx, endpointPAR)
	if err != nil {
		return "", 0, err
	}
	a, err := c.post(ctx, destination{endpointPAR, target}, params, pushedReply())
	if err != nil {
		return "", 0, err
	}
	requestURI, _ = a.OptionalText("request_uri")
	expiresIn, _ := a.Get("expires_in")
	now := time.Now()
	lifetime = expiryOf(expiresIn, now).Sub(now)
	if requestURI == "" || len(requestURI) > maxReferenceBytes || lifetime <= 0 {
		return "", 0, a.flawed("pushed authorization response: request_uri or expires_in is missing or not valid")
	}
	return requestURI, lifetime, nil
}

// pushedReply describes a response of the pushed authorization request endpoint.
func pushedReply() reply {
	return reply{
		name: "pushed authorization response", rfc: "RFC 9126 section 2.2", statuses: []int{http.StatusCreated},
		required: "request_uri", members: []string{"request_uri", "error"},
	}
}
