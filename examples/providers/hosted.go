package providers

import (
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func auth0() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://acme.eu.auth0.com/",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileAuth0,
	})
}

func auth0RFC9068() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://acme.eu.auth0.com/",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileRFC9068,
	})
}

func okta() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://acme.okta.com/oauth2/default",
		Audience: []string{"api://orders"},
		Profile:  consumer.ProfileOkta,
	})
}

func entraV2() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
		Audience: []string{"00000000-0000-0000-0000-000000000002"},
		Profile:  consumer.ProfileEntraV2,
	})
}

func entraV1() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://sts.windows.net/00000000-0000-0000-0000-000000000001/",
		Audience: []string{"api://00000000-0000-0000-0000-000000000002"},
		Profile:  consumer.ProfileEntraV1,
	})
}

func entraTenants() (*consumer.Group, error) {
	resolve, err := consumer.ResolveTenants(consumer.TenantsConfig{
		IssuerTemplate: "https://login.microsoftonline.com/{tenantid}/v2.0",
		Tenants:        []string{"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000005"},
		Config:         consumer.Config{Audience: []string{"00000000-0000-0000-0000-000000000002"}, Profile: consumer.ProfileEntraV2},
	})
	if err != nil {
		return nil, err
	}
	return consumer.NewGroup(consumer.GroupConfig{Resolve: resolve})
}

func azureADB2C() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:      "https://contoso.b2clogin.com/00000000-0000-0000-0000-000000000001/v2.0/",
		Audience:    []string{"00000000-0000-0000-0000-000000000002"},
		Profile:     consumer.ProfileAzureADB2C,
		MetadataURL: "https://contoso.b2clogin.com/contoso.onmicrosoft.com/B2C_1_signin/v2.0/.well-known/openid-configuration",
	})
}

func cognito() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:             "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
		Profile:            consumer.ProfileCognito,
		ClientIDs:          []string{"1example"},
		InsecureNoAudience: true,
	})
}

func google() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:                "https://accounts.google.com",
		Audience:              []string{"https://orders-abc.a.run.app"},
		Profile:               consumer.ProfileGoogle,
		ClientIDs:             []string{"1234567890"},
		InsecureAcceptIDToken: true,
	})
}

func supabase() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://abcdefghijkl.supabase.co/auth/v1/.well-known/jwks.json"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "https://abcdefghijkl.supabase.co/auth/v1",
		Audience: []string{"authenticated"},
		Profile:  consumer.ProfileSupabase,
		Keys:     keys,
	})
}

func firebase() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "https://securetoken.google.com/orders-prod",
		Audience: []string{"orders-prod"},
		Profile:  consumer.ProfileFirebase,
		Keys:     keys,
	})
}

func clerk() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://clerk.example.com/.well-known/jwks.json"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:             "https://clerk.example.com",
		Profile:            consumer.ProfileClerk,
		Keys:               keys,
		ClientIDs:          []string{"https://app.example.com"},
		InsecureNoAudience: true,
	})
}

func workOS() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://api.workos.com/sso/jwks/client_01"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "https://api.workos.com/user_management/client_01",
		Audience: []string{"client_01"},
		Profile:  consumer.ProfileWorkOS,
		Keys:     keys,
	})
}

func logto() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://tenant.logto.app/oidc",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfileLogto,
	})
}

func fusionAuth() (*consumer.Consumer, error) {
	keys, err := jwks.New(jwks.Config{URL: "https://auth.example.com/.well-known/jwks.json"})
	if err != nil {
		return nil, err
	}
	return consumer.New(consumer.Config{
		Issuer:   "acme.example.com",
		Audience: []string{"00000000-0000-0000-0000-000000000009"},
		Profile:  consumer.ProfileFusionAuth,
		Keys:     keys,
	})
}

func pingOne() (*consumer.Consumer, error) {
	return consumer.New(consumer.Config{
		Issuer:   "https://auth.pingone.com/00000000-0000-0000-0000-000000000007/as",
		Audience: []string{"https://api.example.com"},
		Profile:  consumer.ProfilePingOne,
	})
}
