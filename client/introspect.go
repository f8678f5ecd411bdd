package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Introspection is the response of a server about a token (RFC 7662, Section 2.2). The zero value says that the token is
// not active. It is safe for concurrent use.
type Introspection struct {
	active bool
	claims compact.Object
}

// Active reports whether the token is valid. If it is not, Claim and Decode return no claims, even if the response has some.
func (i *Introspection) Active() bool { return i.active }

// Claim returns the member name of the response, decoded as encoding/json decodes into an any.
func (i *Introspection) Claim(name string) (value any, ok bool) {
	v, ok := i.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// Decode decodes the response into v, a pointer as for [encoding/json.Unmarshal]. Names are compared exactly. It returns an
// error if the token is not active.
func (i *Introspection) Decode(v any) error {
	if !i.active {
		return errors.New("client: the token is not active")
	}
	if err := i.claims.Decode(v); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// Format implements [fmt.Formatter]. For every verb, it omits the claims.
func (i Introspection) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client.Introspection{%v}", i.active)
}

// LogValue implements [slog.LogValuer]. It omits the claims.
func (i Introspection) LogValue() slog.Value { return slog.BoolValue(i.active) }

// Introspect sends a token to the introspection endpoint and returns the response (RFC 7662). hint is "access_token",
// "refresh_token" or "". If the token has expired, was revoked, or is unknown to the server, the error is nil and
// [Introspection.Active] returns false.
//
// The response may be a signed JWT (RFC 9701), which is verified with the keys of the server. With
// Config.SignedIntrospection, any other response is rejected. Without a signature, only TLS protects the response.
//
// Introspect does not check the claims of the token, such as exp and aud. An API that accepts tokens must check them: use
// package consumer/introspection.
func (c *Client) Introspect(ctx context.Context, token, hint string) (*Introspection, error) {
	if err := checkHinted(token, hint); err != nil {
		return nil, err
	}
	target, err := c.endpoint(ctx, endpointIntrospection)
	if err != nil {
		return nil, err
	}
	want := reply{
		name: introspectionName, rfc: "RFC 7662 section 2.2", statuses: []int{http.StatusOK}, required: "active",
	}
	if c.cfg.SignedIntrospection {
		want.accept = signedIntrospectionType
	}
	a, err := c.post(ctx, destination{endpointIntrospection, target}, url.Values{"token": {token}, "token_type_hint": {hint}}, want)
	if err != nil {
		return nil, err
	}
	value, _ := a.Get("active")
	active, ok := value.Bool()
	switch {
	case !ok:
		return nil, a.flawed(introspectionName + ": active is not a boolean")
	case !active:
		return &Introspection{}, nil
	}
	return &Introspection{active: true, claims: a.Object}, nil
}
