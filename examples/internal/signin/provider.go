// Package signin runs an OpenID provider for the examples. It is the example provider of github.com/zitadel/oidc, with
// one user. Do not use it in production.
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

// The user who can sign in. The example provider defines the name and the password.
const (
	User     = "test-user2"
	Password = "verysecure"
	userID   = "id2"
)

// The clients of the provider. NativeClient has no secret. Its redirect URI is /callback on any port of 127.0.0.1.
const (
	WebClient    = "web"
	WebSecret    = "a secret of the demo"
	DeviceClient = "cli"
	DeviceSecret = "another secret of the demo"
	NativeClient = "native"
)

// Scope is a scope that the clients may request. Their tokens then contain it.
const Scope = "orders:read"

// Start starts the provider on a free loopback port and returns its issuer. It runs until ctx ends. site is the URL of
// the web client, which has the redirect URI /auth/callback and the post-logout redirect URI /signed-out. Empty means
// that the web client is not used.
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
	_ = demo.Serve(ctx, listener, handler) // the server runs as long as the program
}

// jwtStorage issues access tokens in JWT format, which an API can verify.
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

// GetPrivateClaimsFromScopes implements op.Storage. It adds the scope claim (RFC 9068 section 2.2.3).
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

// CompleteDeviceAuthorization replaces the name that the user entered by the id of the user.
func (s jwtStorage) CompleteDeviceAuthorization(ctx context.Context, userCode, _ string) error {
	return s.Storage.CompleteDeviceAuthorization(ctx, userCode, userID)
}
