package providers

import (
	"crypto"
	"crypto/x509"

	"github.com/bearerkit/bearerkit/client"
)

func entraClient(key crypto.Signer, certificate *x509.Certificate) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:            "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
		ClientID:          "00000000-0000-0000-0000-000000000003",
		Key:               &client.SigningKey{Private: key, Algorithm: "PS256", Certificate: certificate},
		AssertionAudience: client.AudienceEndpoint,
		RedirectURI:       "https://shop.example.com/auth/callback",
		Scopes:            []string{"openid", "profile", "offline_access", "User.Read"},
	})
}

// file is the value of the environment variable AZURE_FEDERATED_TOKEN_FILE.
func entraWorkloadClient(file string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:          "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
		ClientID:        "00000000-0000-0000-0000-000000000003",
		AssertionSource: client.AssertionFile(file),
		Scopes:          []string{"api://00000000-0000-0000-0000-000000000002/.default"},
	})
}

func entraTenantsClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://login.microsoftonline.com/organizations/v2.0",
		ClientID:     "00000000-0000-0000-0000-000000000003",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "profile", "offline_access", "User.Read"},
		Tenants: &client.TenantsConfig{
			IssuerTemplate: "https://login.microsoftonline.com/{tenantid}/v2.0",
			Tenants:        []string{"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000005"},
		},
	})
}
