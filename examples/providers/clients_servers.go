package providers

import "github.com/bearerkit/bearerkit/client"

func keycloakClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://login.example.com/realms/main",
		ClientID:     "shop",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email"},
	})
}

func zitadelClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://acme.zitadel.cloud",
		ClientID:     "123456789012345678",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "offline_access", "urn:zitadel:iam:org:project:id:123456789:aud"},
	})
}

func oryClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://acme.projects.oryapis.com",
		ClientID:     "00000000-0000-0000-0000-000000000003",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "offline_access", "orders:read"},
	})
}

func oidcProviderClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://login.example.com",
		ClientID:     "shop",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "offline_access", "orders:read"},
		Resource:     []string{"https://api.example.com"},
	})
}

func oidcProviderOptions() client.AuthorizationOptions {
	return client.AuthorizationOptions{Prompt: []string{"consent"}}
}

func dexClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://dex.example.com",
		ClientID:     "shop",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "offline_access"},
	})
}
