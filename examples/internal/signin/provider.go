// Package signin runs an OpenID provider beside an example: that of github.com/zitadel/oidc, with one user.
package signin

import (
	"context"
	"log/slog"
	"net"
	"net/http"

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

// Start runs the provider until ctx ends, and returns its issuer. redirects are those of the web client.
func Start(ctx context.Context, redirects ...string) (issuer string, err error) {
	listener, err := demo.Listen(ctx, "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	issuer = "http://" + listener.Addr().String() + "/"
	clients := map[string]*storage.Client{
		WebClient:    storage.WebClient(WebClient, WebSecret, redirects...),
		DeviceClient: storage.DeviceClient(DeviceClient, DeviceSecret),
		NativeClient: storage.NativeClient(NativeClient, "http://127.0.0.1/callback"),
	}
	store := jwtStorage{storage.NewStorageWithClients(storage.NewUserStore(issuer), clients)}
	go serve(ctx, listener, exampleop.SetupServer(issuer, store, slog.New(slog.DiscardHandler), false))
	return issuer, nil
}

func serve(ctx context.Context, listener net.Listener, handler http.Handler) {
	_ = demo.Serve(ctx, listener, handler) // it ends with the program
}

// jwtStorage gives every client access tokens that an API can verify.
type jwtStorage struct{ *storage.Storage }

// GetClientByClientID implements op.Storage.
func (s jwtStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := s.Storage.GetClientByClientID(ctx, id)
	return jwtClient{c}, err
}

type jwtClient struct{ op.Client }

// AccessTokenType implements op.Client.
func (jwtClient) AccessTokenType() op.AccessTokenType { return op.AccessTokenTypeJWT }

// CompleteDeviceAuthorization takes the user's id for the name that they have typed.
func (s jwtStorage) CompleteDeviceAuthorization(ctx context.Context, userCode, _ string) error {
	return s.Storage.CompleteDeviceAuthorization(ctx, userCode, userID)
}
