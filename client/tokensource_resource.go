package client

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// ResourceConfig describes the tokens of [TokenSource.ForResource]. At least one of Resource, Audience and Scopes is required.
type ResourceConfig struct {
	// Resource identifies the resource, in most cases an API: one absolute URI, or several for a token that all of them accept
	// (RFC 8707, Section 2.2). Nil means Config.Resource.
	Resource []string

	// Audience is sent as the parameter audience, for servers that do not support the parameter resource. Empty means
	// Config.Audience.
	Audience string

	// Scopes lists the requested scopes. The user must have granted them. The source does not check that: the scopes that it
	// knows may be those of another resource. Nil means that the server chooses.
	Scopes []string

	// Early is how long before its expiry a token is refreshed, as TokenSourceConfig.Early describes. Zero means 30 seconds.
	Early time.Duration
}

// ForResource returns a source of access tokens for another resource. It uses the refresh token of s, so that one sign-in of
// the user is enough for several APIs. Call it once for each resource and keep the result:
//
//	source, err := c.TokenSource(client.TokenSourceConfig{Token: token, Store: store, Key: "alice"})
//	mail, err := source.ForResource(client.ResourceConfig{Resource: []string{"https://mail.example.com"}})
//	files, err := source.ForResource(client.ResourceConfig{Resource: []string{"https://files.example.com"}})
//
// The sources of one refresh token refresh one after the other, each with the newest refresh token, so that a server that
// rotates refresh tokens never receives one twice. That also applies to several processes, if TokenSourceConfig.Store is a
// [TokenLocker]. Do not call [Client.TokenSource] twice for one refresh token: the two sources would not share the new
// refresh tokens.
//
// The store has one Token for all these sources: the access token of s and the newest refresh token. It is saved in
// TokenSourceConfig.Store and passed to Config.OnToken. The access tokens of the new source are kept in memory only. Their
// Tokens have no RefreshToken, and are not sent to the userinfo endpoint.
//
// If the server rejects the refresh token in a request of one source, each other source may still send it once. Some servers
// respond with invalid_grant if the user has not consented to a resource, and still accept the refresh token for others.
//
// ForResource reports all faults of cfg together. It does no I/O and starts no goroutine.
func (s *TokenSource) ForResource(cfg ResourceConfig) (*TokenSource, error) {
	if s.client == nil {
		return nil, errZeroSource
	}
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	params := url.Values{}
	if cfg.Resource != nil {
		params["resource"] = slices.Clone(cfg.Resource)
	}
	if cfg.Audience != "" {
		params.Set("audience", cfg.Audience)
	}
	early := min(cmp.Or(cfg.Early, defaultEarly), maxEarly)
	scopes := slices.Clone(cfg.Scopes)
	return &TokenSource{client: s.client, early: early, requested: scopes, renewer: &renewer{
		sharedGrant: s.renewer.sharedGrant, scopes: scopes, early: early, resource: params,
	}}, nil
}

// validate returns all faults of cfg, each with the name of its field.
func (cfg ResourceConfig) validate() error {
	var faults []error
	if len(cfg.Resource) == 0 && cfg.Audience == "" && len(cfg.Scopes) == 0 {
		faults = append(faults, errors.New("client: ResourceConfig: one of Resource, Audience and Scopes is required"))
	}
	for _, resource := range cfg.Resource {
		if u, err := url.Parse(resource); err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
			faults = append(faults, errors.New("client: ResourceConfig.Resource must be an absolute URI without a fragment (RFC 8707, Section 2)"))
		}
	}
	if cfg.Early < 0 {
		faults = append(faults, errors.New("client: ResourceConfig.Early is negative"))
	}
	return errors.Join(faults...)
}

// sender returns the client that sends the refresh. For one resource, that client does not call Config.OnToken, which must get
// the stored Token.
func (r *renewer) sender() *Client {
	if r.resource == nil {
		return r.client
	}
	c := *r.client
	c.forResource = true
	return &c
}

// receiveForResource stores the refresh token of t, a token for one resource, in place of that of last. It returns t without
// the refresh token.
func (r *renewer) receiveForResource(ctx context.Context, last, t *Token) (*Token, error) {
	if t.IDToken != last.IDToken && t.IDClaims != nil && last.IDClaims != nil {
		t.IDClaims.userInfo = last.IDClaims.userInfo // of the same user
	}
	kept := last.clone()
	kept.RefreshToken, kept.IDToken, kept.IDClaims = t.RefreshToken, t.IDToken, t.IDClaims
	if kept.RefreshToken != last.RefreshToken || kept.IDToken != last.IDToken {
		r.unsaved, r.replaces = kept, last
		if err := r.store(ctx); err != nil {
			return nil, err
		}
		r.onTokenFailed = r.client.cfg.OnToken != nil
		if err := r.retryOnToken(ctx); err != nil {
			return nil, err
		}
	}
	t = t.clone()
	t.RefreshToken = ""
	return t, nil
}
