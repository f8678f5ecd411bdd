// Package signin runs an OpenID provider beside an example: that of github.com/zitadel/oidc, with one user.
package signin

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/examples/internal/demo"
)

// The user who can sign in, as the provider's own example has them.
const (
	User     = "test-user2"
	Password = "verysecure"
	userID   = "id2"
)

// The clients of the provider. NativeClient has no secret, and its redirect is /callback at any port of 127.0.0.1.
const (
	WebClient    = "web"
	WebSecret    = "a secret of the demo"
	DeviceClient = "cli"
	DeviceSecret = "another secret of the demo"
	NativeClient = "native"
)

// Scope is one that the clients may ask for, and that is in their tokens then.
const Scope = "orders:read"

// Start runs the provider until ctx ends, and returns its issuer. The web client is at site, with the callback
// /auth/callback, and /signed-out for after the logout. Empty: there is none.
func Start(ctx context.Context, site string) (issuer string, err error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	issuer = "http://" + listener.Addr().String() + "/"
	clients := map[string]*storage.Client{
		WebClient:    storage.WebClient(WebClient, WebSecret, site+"/auth/callback"),
		DeviceClient: storage.DeviceClient(DeviceClient, DeviceSecret),
		NativeClient: storage.NativeClient(NativeClient, "http://127.0.0.1/callback"),
	}
	store := jwtStorage{storage.NewStorageWithClients(storage.NewUserStore(issuer), clients), site + "/signed-out"}
	go serve(ctx, listener, exampleop.SetupServer(issuer, store, slog.New(slog.DiscardHandler), false))
	return issuer, nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) {
	_ = demo.Serve(ctx, listener, handler) // it ends with the program
}

// jwtStorage gives every client access tokens that an API can verify.
type jwtStorage struct {
	*storage.Storage

	signedOut string
}

// GetClientByClientID implements op.Storage.
func (s jwtStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	if err != nil {
		return nil, err
	}
	return jwtClient{c, s.signedOut}, nil
}

// GetPrivateClaimsFromScopes implements op.Storage: the token says what it is good for (RFC 9068 §2.2.3).
func (s jwtStorage) GetPrivateClaimsFromScopes(ctx context.Context, user, client string, scopes []string) (map[string]any, error) {
	claims, err := s.Storage.GetPrivateClaimsFromScopes(ctx, user, client, scopes)
	if err != nil {
		return nil, err
	}
	if claims == nil {
		claims = make(map[string]any)
	}
	if slices.Contains(scopes, Scope) {
		claims["scope"] = strings.Join(scopes, " ")
	}
	return claims, nil
}

type jwtClient struct {
	op.Client

	signedOut string
}

// AccessTokenType implements op.Client.
func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// IsScopeAllowed implements op.Client.
func (c jwtClient) IsScopeAllowed(scope string) bool {
	return scope == Scope || c.Client.IsScopeAllowed(scope)
}

// PostLogoutRedirectURIs implements op.Client.
func (c jwtClient) PostLogoutRedirectURIs() []string { return []string{c.signedOut} }

// CompleteDeviceAuthorization takes the user's id for the name that they have typed.
func (s jwtStorage) CompleteDeviceAuthorization(ctx context.Context, userCode, _ string) error {
	return s.Storage.CompleteDeviceAuthorization(ctx, userCode, userID)
}
