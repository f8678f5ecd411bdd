package providers

import (
	"net/url"

	"github.com/bearerkit/bearerkit/client"
)

func gitHubClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://github.com",
		ClientID:     "Iv1.0123456789abcdef",
		ClientSecret: secret,
		AuthMethod:   client.AuthPost,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"read:user", "user:email"},
		CommaScopes:  true,
		Endpoints: map[string]string{
			"authorization_endpoint": "https://github.com/login/oauth/authorize",
			"token_endpoint":         "https://github.com/login/oauth/access_token",
		},
	})
}

func slackUserClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://slack.com",
		ClientID:     "2141029472.691202649728",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		ReadResponse: client.NestedToken("authed_user"),
		BearerTypes:  []string{"user"},
		CommaScopes:  true,
		Endpoints: map[string]string{
			"authorization_endpoint": "https://slack.com/oauth/v2/authorize",
			"token_endpoint":         "https://slack.com/api/oauth.v2.access",
		},
	})
}

func slackUserOptions() client.AuthorizationOptions {
	return client.AuthorizationOptions{Extra: url.Values{"user_scope": {"chat:write,users:read"}}}
}

func linkedInClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:          "https://www.linkedin.com/oauth",
		ClientID:        "client-1",
		ClientSecret:    secret,
		AuthMethod:      client.AuthPost,
		RedirectURI:     "https://shop.example.com/auth/callback",
		Scopes:          []string{"openid", "profile", "email"},
		InsecureNoNonce: true,
	})
}

func linkedInOptions() client.AuthorizationOptions {
	return client.AuthorizationOptions{InsecureNoPKCE: true}
}
