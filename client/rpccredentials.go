package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

// RPCCredentials puts tokens on the calls of a gRPC client. It is a PerRPCCredentials of
// google.golang.org/grpc/credentials, for grpc.WithPerRPCCredentials. It is safe for concurrent use.
type RPCCredentials struct {
	// Source has the tokens. Required. They must be bearer tokens: there is no DPoP proof for a call.
	Source *TokenSource

	// Origins are those of the servers, as in "https://api.example.com:443". Required.
	Origins []string
}

// GetRequestMetadata returns what goes along with a call to uri, which gRPC gives.
func (c *RPCCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if c.Source == nil {
		return nil, errors.New("client: RPCCredentials.Source is required")
	}
	for _, target := range uri {
		u, err := url.Parse(target)
		if err != nil || !allowed(c.Origins, u) {
			return nil, ErrOrigin
		}
	}
	if len(uri) == 0 {
		return nil, fmt.Errorf("%w: none is named", ErrOrigin)
	}
	token, err := c.Source.TokenContext(ctx)
	if err != nil {
		return nil, err
	}
	if token.TokenType != "Bearer" {
		return nil, errors.New("client: RPCCredentials: the token is bound, and a call has no proof")
	}
	return map[string]string{"authorization": "Bearer " + token.AccessToken}, nil
}

// RequireTransportSecurity says that tokens go over TLS alone.
func (c *RPCCredentials) RequireTransportSecurity() bool { return true }

// isSecure reports whether nobody on the way to u can read along.
func isSecure(u *url.URL) bool {
	origin := url.URL{Scheme: u.Scheme, Host: u.Host}
	return fetch.CheckURL(origin.String(), false) == nil
}
