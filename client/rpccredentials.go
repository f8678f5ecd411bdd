package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// RPCCredentials puts tokens on the calls of a gRPC client. It is a PerRPCCredentials of
// google.golang.org/grpc/credentials, for grpc.WithPerRPCCredentials. It is safe for concurrent use.
type RPCCredentials struct {
	// Source has the tokens. Required. They must be bearer tokens: there is no DPoP proof for a call.
	Source *TokenSource

	// Origins are those of the servers, as in "https://api.example.com:443". Required. They are https.
	Origins []string
}

// GetRequestMetadata returns what goes along with a call to uri, which gRPC gives. A call to another server than those of
// Origins is an error that matches [ErrOrigin].
func (c *RPCCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if c.Source == nil {
		return nil, errors.New("client: RPCCredentials.Source is required")
	}
	for _, target := range uri {
		u, err := url.Parse(target)
		if err != nil || !strings.EqualFold(u.Scheme, "https") || !allowed(c.Origins, u) {
			return nil, ErrOrigin
		}
	}
	if len(uri) == 0 {
		return nil, fmt.Errorf("%w: none is named", ErrOrigin)
	}
	token, err := c.Source.token(ctx)
	if err != nil {
		return nil, err
	}
	if scheme, err := schemeOf(token); err != nil || scheme != "Bearer" {
		return nil, errors.New("client: RPCCredentials: the token is bound, and a call has no proof")
	}
	return map[string]string{"authorization": "Bearer " + token.AccessToken}, nil
}

// RequireTransportSecurity says that tokens go over TLS alone.
func (c *RPCCredentials) RequireTransportSecurity() bool { return true }
