package client

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

const (
	introspectionName       = "introspection response"
	signedIntrospectionType = "application/token-introspection+jwt" // RFC 9701, Section 4

	// maxIntrospectionAge is how old a signed response may be, in addition to Config.ClockSkew. The response does not say which
	// token it is about, so an old one could be sent again for another token.
	maxIntrospectionAge = time.Minute
)

// readIntrospection is like read, for a response of the introspection endpoint. The Content-Type says whether it is signed
// (RFC 9701, Section 5).
func (c *Client) readIntrospection(ctx context.Context, want reply, resp *fetch.Response, sent secrets) (*answer, error) {
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType == signedIntrospectionType && resp.Status == http.StatusOK {
		return c.readSignedIntrospection(ctx, resp, sent)
	}
	a, err := c.read(ctx, want, resp, sent)
	if err == nil && c.cfg.SignedIntrospection {
		return nil, a.flawed(introspectionName + ": not signed, received " + described(resp) +
			", expected " + signedIntrospectionType + " (Config.SignedIntrospection)")
	}
	return a, err
}

// readSignedIntrospection verifies a signed response, and returns its member token_introspection. It requires iss, aud, iat
// and the typ of such a response, so that no other JWT of the server is accepted in its place. An encrypted response is
// rejected.
func (c *Client) readSignedIntrospection(ctx context.Context, resp *fetch.Response, sent secrets) (*answer, error) {
	a := &answer{resp: resp, secrets: sent}
	signed := strings.TrimSpace(string(resp.Body))
	t, err := c.verifyJWT(ctx, profileIntrospection, signed)
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, err
	case err != nil:
		return nil, a.because(fmt.Errorf("%w: %s: %w", ErrBadResponse, introspectionName, err))
	case clock.At(t.IssuedAt()).Age() > maxIntrospectionAge+c.cfg.skew():
		return nil, a.flawed(fmt.Sprintf("%s: iat is older than %v (Config.ClockSkew)", introspectionName, maxIntrospectionAge+c.cfg.skew()))
	}
	claims, err := unverified(signed) // it was verified above
	if err != nil {
		return nil, a.because(fmt.Errorf("%w: %s: %w", ErrBadResponse, introspectionName, err))
	}
	member, _ := claims.Get("token_introspection")
	object, ok := member.Object()
	if !ok {
		return nil, a.flawed(introspectionName + ": token_introspection is not an object")
	}
	a.Object = object
	return a, nil
}
