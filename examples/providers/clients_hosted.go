package providers

import (
	"net/url"

	"github.com/alexedwards/scs/v2"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/client/weblogin"
)

func googleClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://accounts.google.com",
		ClientID:     "1234567890-abc.apps.googleusercontent.com",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "https://www.googleapis.com/auth/calendar.readonly"},
	})
}

func googleOptions() client.AuthorizationOptions {
	return client.AuthorizationOptions{
		Prompt: []string{"consent"},
		Extra:  url.Values{"access_type": {"offline"}},
	}
}

func gitLabClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://gitlab.com",
		ClientID:     "client-1",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "read_api"},
	})
}

func discordClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://discord.com",
		ClientID:     "157730590492196864",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"identify", "guilds"},
	})
}

func auth0Client(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://acme.eu.auth0.com/",
		ClientID:     "client-1",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "offline_access", "orders:read"},
		Audience:     "https://api.example.com",
	})
}

func oktaClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://acme.okta.com/oauth2/default",
		ClientID:     "0oa1",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "offline_access", "orders:read"},
	})
}

func slackSignInClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://slack.com",
		ClientID:     "2141029472.691202649728",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "profile"},
	})
}

func cognitoClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc",
		ClientID:     "1example",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "email", "orders/read"},
	})
}

func cognitoApp(c *client.Client) (*weblogin.App, error) {
	logout := url.Values{"client_id": {"1example"}, "logout_uri": {"https://shop.example.com/"}}
	return weblogin.New(weblogin.Config{
		Client:    c,
		Sessions:  scs.New(),
		LogoutURL: "https://acme.auth.eu-west-1.amazoncognito.com/logout?" + logout.Encode(),
	})
}

func salesforceClient(secret string) (*client.Client, error) {
	return client.New(client.Config{
		Issuer:       "https://acme.my.salesforce.com",
		ClientID:     "3MVG9example",
		ClientSecret: secret,
		RedirectURI:  "https://shop.example.com/auth/callback",
		Scopes:       []string{"openid", "api", "refresh_token"},
	})
}
