package providers

import "github.com/bearerkit/bearerkit/client"

// signIns maps the sections of docs/providers.md for clients to their functions.
func signIns() map[string]signIn {
	_, _ = appleKeys(), entraKeys() // made outside of the bubble
	return map[string]signIn{
		"Google": {
			make: googleClient, options: googleOptions(), server: googleServer, user: "user-1",
			scopes: []string{
				"openid", "https://www.googleapis.com/auth/userinfo.email", "https://www.googleapis.com/auth/calendar.readonly",
			},
			ended: client.ErrInvalidGrant,
		},
		"GitLab": {
			make: gitLabClient, server: gitLabServer, user: "user-1", scopes: []string{"openid", "email", "read_api"},
			ended: client.ErrInvalidGrant,
		},
		"Discord": {
			make: discordClient, server: discordServer, scopes: []string{"identify", "guilds"}, ended: client.ErrInvalidGrant,
		},
		"Auth0": {
			make: auth0Client, server: auth0Server, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "email", "offline_access", "orders:read"},
		},
		"Okta": {
			make: oktaClient, server: oktaServer, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "email", "offline_access", "orders:read"},
		},
		"Keycloak": {
			make: keycloakClient, server: keycloakServer, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "email", "profile"},
		},
		"Ory Hydra and Ory Network": {
			make: oryClient, server: oryServer, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "offline_access", "orders:read"},
		},
		"oidc-provider": {
			make: oidcProviderClient, options: oidcProviderOptions(), server: oidcProviderServer, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "offline_access", "orders:read"},
		},
		"Dex": {
			make: dexClient, server: dexServer, user: "user-1", ended: client.ErrInvalidRequest,
			scopes: []string{"openid", "email", "offline_access"},
		},
		"Zitadel": {
			make: zitadelClient, server: zitadelServer, user: "user-1", ended: client.ErrInvalidRequest,
			scopes: []string{"openid", "email", "offline_access", "urn:zitadel:iam:org:project:id:123456789:aud"},
		},
		"Slack": {
			make: slackSignInClient, server: slackSignInServer, user: "user-1", scopes: []string{"openid", "email", "profile"},
			renewal: never,
		},
		"Apple": {
			make: appleWith, options: appleOptions(), app: appleWithSessions, server: appleServer, user: "user-1", scopes: []string{"openid", "name", "email"},
			ended: client.ErrInvalidGrant,
		},
		"Microsoft Entra": {
			make: entraWith, server: entraServer, user: "user-1", scopes: []string{"openid", "profile", "User.Read"},
			ended: client.ErrInvalidGrant,
		},
		"Amazon Cognito": {
			make: cognitoClient, app: cognitoApp, server: cognitoServer, user: "user-1", ended: client.ErrInvalidGrant,
			scopes: []string{"openid", "email", "orders/read"},
			logout: "https://acme.auth.eu-west-1.amazoncognito.com/logout?client_id=1example&logout_uri=https%3A%2F%2Fshop.example.com%2F",
		},
		"GitHub": {
			make: gitHubClient, server: gitHubServer, scopes: []string{"read:user", "user:email"},
			ended: client.ErrorCode("bad_refresh_token"),
		},
		"Slack, user tokens": {
			make: slackUserClient, options: slackUserOptions(), server: slackUserServer, scopes: []string{"chat:write", "users:read"},
			extra: map[string]string{"id": "U1234"}, ended: client.ErrorCode("invalid_refresh_token"),
		},
		"Salesforce": {
			make: salesforceClient, server: salesforceServer, user: "user-1", ended: client.ErrInvalidGrant, renewal: rejected,
			scopes: []string{"refresh_token", "openid", "api"},
			extra: map[string]string{
				"instance_url": "https://acme.my.salesforce.com", "id": "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P",
			},
		},
		"LinkedIn": {
			make: linkedInClient, options: linkedInOptions(), server: linkedInServer, user: "user-1", renewal: never,
			scopes: []string{"openid", "profile", "email"}, quirks: []string{"missing_member"},
		},
		"Microsoft Entra, several tenants": {
			make: entraTenantsClient, server: entraTenantsServer, user: "user-1", scopes: []string{"openid", "profile", "User.Read"},
			ended: client.ErrInvalidGrant,
		},
	}
}
