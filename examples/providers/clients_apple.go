package providers

import (
	"crypto/ecdsa"

	"github.com/bearerkit/bearerkit/client"
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
