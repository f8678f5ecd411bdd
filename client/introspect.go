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

// Introspection is what a server says of a token (RFC 7662 §2.2). It is safe for concurrent use.
type Introspection struct {
	active bool
	claims compact.Object
}

// Active reports whether the token may be used. If not, nothing else is said of it.
func (i *Introspection) Active() bool { return i.active }

// Claim returns a member of the answer as encoding/json decodes it.
func (i *Introspection) Claim(name string) (value any, ok bool) {
	v, ok := i.claims.Get(name)
	if !ok {
		return nil, false
	}
	return v.Any(), true
}

// Decode decodes the answer into v, a pointer as for [encoding/json.Unmarshal]; names are compared byte for byte.
func (i *Introspection) Decode(v any) error {
	if !i.active {
		return errors.New("client: the token is not active")
	}
	if err := i.claims.Decode(v); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	return nil
}

// Format leaves the claims out, whatever the verb.
func (i Introspection) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "client.Introspection{%v}", i.active)
}

// LogValue leaves the claims out.
func (i Introspection) LogValue() slog.Value { return slog.BoolValue(i.active) }

// Introspect asks the server about a token (RFC 7662). hint is "access_token" or "refresh_token", or empty. The answer is
// as good as the connection is: it is not asked to be signed.
func (c *Client) Introspect(ctx context.Context, token, hint string) (*Introspection, error) {
	if token == "" {
		return nil, errors.New("client: there is no token to ask about")
	}
	target, err := c.endpoint(ctx, endpointIntrospection)
	if err != nil {
		return nil, err
	}
	a, err := c.post(ctx, target, url.Values{"token": {token}, "token_type_hint": {hint}}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	value, _ := a.Get("active")
	active, ok := value.Bool()
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: active is missing or no boolean", ErrBadAnswer)
	case !active:
		return &Introspection{}, nil
	}
	return &Introspection{active: true, claims: a.Object}, nil
}
