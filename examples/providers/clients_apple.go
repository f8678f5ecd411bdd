package providers

import (
	"context"
	"crypto/ecdsa"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

func appleClient(key *ecdsa.PrivateKey) (*client.Client, error) {
	secret, err := client.SignedSecret(
		client.SigningKey{Private: key, Algorithm: "ES256", ID: "KEY1234567"},
		map[string]any{"iss": "TEAM123456", "sub": "com.example.shop", "aud": "https://appleid.apple.com"},
	)
	if err != nil {
		return nil, err
	}
	return client.New(client.Config{
		Issuer:       "https://appleid.apple.com",
		ClientID:     "com.example.shop",
		SecretSource: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "name", "email"},
	})
}

func appleOptions() client.AuthorizationOptions {
	return client.AuthorizationOptions{ResponseMode: "form_post"}
}

func appleApp(c *client.Client, sessions *scs.SessionManager) (*weblogin.App, error) {
	return weblogin.New(weblogin.Config{
		Client:        c,
		Sessions:      sessions,
		Authorization: appleOptions(),
		OnSignIn: func(_ context.Context, s *weblogin.SignIn) error {
			s.Values = map[string]any{"profile": s.Params.Get("user")}
			return nil
		},
	})
}
