package interop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"errors"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// zitadel is a running zitadel provider with its example storage.
type zitadel struct {
	authorizationServer
	store formatStorage
	key   *ecdsa.PrivateKey // of the client "jwt" and the service "service", as "own"
}

// startZitadel runs the provider until the test ends. Its issuer ends with a slash.
func startZitadel(t *testing.T, accessTokens op.AccessTokenType) zitadel {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	issuer := "http://" + server.Listener.Addr().String() + "/"
	clients := map[string]*storage.Client{
		"web":     storage.WebClient("web", secretOf("web"), redirectURI),
		"leaving": storage.WebClient("leaving", secretOf("leaving"), redirectURI), // a logout revokes all tokens of its user
		"post":    storage.WebClient("post", secretOf("post"), redirectURI),
		"jwt":     storage.WebClient("jwt", "", redirectURI),
		"native":  storage.NativeClient("native", redirectURI),
		"dev":     storage.DeviceClient("dev", secretOf("dev")),
	}
	key := newKey(t, "ES256").(*ecdsa.PrivateKey)
	store := formatStorage{storage.NewStorageWithClients(storage.NewUserStore(issuer), clients), accessTokens, &key.PublicKey}
	config := &op.Config{
		CodeMethodS256: true, GrantTypeRefreshToken: true, AuthMethodPost: true, AuthMethodPrivateKeyJWT: true,
		DeviceAuthorization: op.DeviceAuthorizationConfig{
			Lifetime: 5 * time.Minute, PollInterval: time.Second, UserFormPath: "/device", UserCode: op.UserCodeBase20,
		},
	}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		t.Fatal(err)
	}
	provider, err := op.NewProvider(config, store, op.StaticIssuer(issuer),
		op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	server.Config.Handler = provider
	server.Start()
	t.Cleanup(server.Close)
	return zitadel{authorizationServer{issuer: issuer, tokenEndpoint: issuer + "oauth/token"}, store, key}
}

// logIn signs the user id2 in for the client "web". The application has to provide the login page, and this test takes its
// place: it receives the id of the request and marks it as done in the storage.
func (z zitadel) logIn(t *testing.T) grant {
	t.Helper()
	c := newCodeGrant()
	b := newBrowser(t)
	login := b.redirect(t, z.issuer+"authorize?"+c.query("openid", nil))
	id := login.Query().Get("authRequestID")
	if err := z.store.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
		t.Fatal(err)
	}
	callback := b.redirect(t, z.issuer+"authorize/callback?"+url.Values{"id": {id}}.Encode())
	return c.exchange(t, z.authorizationServer, callback, nil)
}

// implicitIDToken uses the implicit grant without a nonce, so that the ID token has neither a nonce nor a hash.
func (z zitadel) implicitIDToken(t *testing.T) string {
	t.Helper()
	b := newBrowser(t)
	login := b.redirect(t, z.issuer+"authorize?"+newCodeGrant().query("openid", url.Values{"response_type": {"id_token"}}))
	id := login.Query().Get("authRequestID")
	if err := z.store.CheckUsernamePassword("test-user2", "verysecure", id); err != nil {
		t.Fatal(err)
	}
	callback := b.redirect(t, z.issuer+"authorize/callback?"+url.Values{"id": {id}}.Encode())
	answer, err := url.ParseQuery(callback.Fragment)
	if err != nil {
		t.Fatal(err)
	}
	return answer.Get("id_token")
}

// formatStorage issues all access tokens in one format: JWT or opaque.
type formatStorage struct {
	*storage.Storage
	format op.AccessTokenType
	key    *ecdsa.PublicKey
}

// GetKeyByIDAndClientID implements op.Storage. The storage has the private key in one of its files.
func (s formatStorage) GetKeyByIDAndClientID(_ context.Context, keyID, clientID string) (*jose.JSONWebKey, error) {
	if keyID != "own" || clientID != "jwt" && clientID != "service" {
		return nil, errors.New("the key is not known")
	}
	return &jose.JSONWebKey{KeyID: keyID, Use: "sig", Key: s.key}, nil
}

// ClientCredentials implements op.ClientCredentialsStorage.
func (s formatStorage) ClientCredentials(ctx context.Context, id, secret string) (op.Client, error) {
	client, err := s.Storage.ClientCredentials(ctx, id, secret)
	return formatClient{client, s.format}, err
}

// GetClientByClientID implements op.Storage.
func (s formatStorage) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	client, err := s.Storage.GetClientByClientID(ctx, id)
	return formatClient{client, s.format}, err
}

type formatClient struct {
	op.Client
	format op.AccessTokenType
}

func (c formatClient) AccessTokenType() op.AccessTokenType { return c.format }

// AuthMethod implements op.Client. The names of some clients contain their method.
func (c formatClient) AuthMethod() oidc.AuthMethod {
	switch c.GetID() {
	case "jwt":
		return oidc.AuthMethodPrivateKeyJWT
	case "post":
		return oidc.AuthMethodPost
	}
	return c.Client.AuthMethod()
}
