package client

import (
	"context"
	"errors"
	"net/url"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// isOnlyMissing reports whether err, the error of find, says that no location has a document. A document with a fault does not
// count as missing.
func isOnlyMissing(err error) bool {
	joined, ok := err.(interface{ Unwrap() []error }) // find returns them unwrapped
	if !ok {
		return false
	}
	for _, one := range joined.Unwrap() {
		if !errors.Is(one, resourcemetadata.ErrNotFound) {
			return false
		}
	}
	return true
}

// legacy fills r for an API without metadata: its origin is its authorization server.
func (r *Resource) legacy(hint resourceHint) {
	origin := url.URL{Scheme: r.target.Scheme, Host: r.target.Host}
	r.Legacy, r.Scopes, r.AuthorizationServers = true, hint.scopes, []string{origin.String()}
}

// legacyServer returns the metadata of the authorization server of an API without metadata. The issuer in the metadata may
// differ from origin, but must have the same origin, because revision 2025-03-26 of the Model Context Protocol does not require
// that a client compares them. If there is no metadata, the endpoints have fixed paths.
func (r *Resource) legacyServer(ctx context.Context, origin string) (*oidcdiscovery.Metadata, error) {
	d := r.discovery()
	m, err := d.Discover(ctx, origin)
	mismatch, ok := errors.AsType[*oidcdiscovery.IssuerMismatchError](err)
	switch {
	case err == nil:
		return m, r.cfg.checkEndpoints(m)
	case errors.Is(err, oidcdiscovery.ErrUnavailable) || ctx.Err() != nil:
		return nil, err
	case !ok:
		m := oidcdiscovery.Default()
		m.Issuer, m.AuthorizationEndpoint, m.TokenEndpoint = origin, origin+"/authorize", origin+"/token"
		m.RegistrationEndpoint, m.CodeChallengeMethodsSupported = origin+"/register", []string{"S256"}
		return &m, nil
	}
	named, parseErr := url.Parse(mismatch.Got)
	if parseErr != nil || fetch.Origin(named) != fetch.Origin(r.target) {
		return nil, err
	}
	d.MetadataURL = origin + "/.well-known/oauth-authorization-server"
	if m, err = d.Discover(ctx, mismatch.Got); err != nil {
		return nil, err
	}
	return m, r.cfg.checkEndpoints(m)
}
