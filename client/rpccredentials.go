package client

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// RPCCredentialsConfig describes [RPCCredentials]. Both fields are required.
type RPCCredentialsConfig struct {
	// Source supplies the tokens. They must be bearer tokens: RPCCredentials makes no DPoP proofs. Required.
	Source *TokenSource

	// Origins lists the servers that may receive tokens, as in "https://api.example.com:443". They must be https. Required.
	Origins []string
}

// RPCCredentials adds an access token to each call of a gRPC client. It implements PerRPCCredentials of
// google.golang.org/grpc/credentials; pass it to grpc.WithPerRPCCredentials. Make one with [NewRPCCredentials]; the zero
// value returns an error for each call. It is safe for concurrent use.
//
// gRPC does not pass it the status of a call. If calls fail with the code Unauthenticated although the token has not expired,
// call [TokenSource.Refresh].
type RPCCredentials struct {
	source  *TokenSource
	origins []string // as fetch.Origin writes them
}

// NewRPCCredentials returns credentials for a gRPC client. It reports all faults of cfg together. It does no I/O.
func NewRPCCredentials(cfg RPCCredentialsConfig) (*RPCCredentials, error) {
	const field = "RPCCredentialsConfig.Origins"
	var faults []error
	if cfg.Source == nil {
		faults = append(faults, errors.New("client: RPCCredentialsConfig.Source is required"))
	}
	origins, err := parseOrigins(field, cfg.Origins)
	if err != nil {
		return nil, errors.Join(append(faults, err)...)
	}
	for i, origin := range origins {
		if !strings.HasPrefix(origin, "https:") {
			faults = append(faults, fmt.Errorf("client: %s[%d] is %q, expected https: gRPC sends credentials only over TLS, also to a loopback host", field, i, origin))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return &RPCCredentials{source: cfg.Source, origins: origins}, nil
}

// GetRequestMetadata returns the metadata for a call to uri, which gRPC supplies. It returns an error that matches
// [ErrOrigin] if uri is missing or its origin is not in RPCCredentialsConfig.Origins.
func (c *RPCCredentials) GetRequestMetadata(ctx context.Context, uri ...string) (map[string]string, error) {
	if c.source == nil {
		return nil, errors.New("client: RPCCredentials: the zero value cannot be used; call NewRPCCredentials")
	}
	for _, target := range uri {
		u, err := url.Parse(target)
		if err != nil || !allowed(c.origins, u) {
			return nil, ErrOrigin
		}
	}
	if len(uri) == 0 {
		return nil, fmt.Errorf("%w: gRPC passed no URI for the call", ErrOrigin)
	}
	token, err := c.source.token(ctx)
	if err != nil {
		return nil, err
	}
	if scheme, err := schemeOf(token); err != nil || scheme != "Bearer" {
		return nil, errors.New("client: RPCCredentials: the token is bound to a key, and RPCCredentials makes no DPoP proofs")
	}
	return map[string]string{"authorization": "Bearer " + token.AccessToken}, nil
}

// RequireTransportSecurity returns true: gRPC then sends tokens over TLS only.
func (c *RPCCredentials) RequireTransportSecurity() bool { return true }
