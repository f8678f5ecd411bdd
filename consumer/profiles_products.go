package consumer

import "github.com/bearerkit/bearerkit/internal/profile"

// The profiles of products. No code changes them. See docs/providers.md for the configuration of each.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// ProfileCrossauth is for crossauth servers. Their private `type` claim must equal Config.TokenType, or "access" if
	// that is empty. No claim names the client.
	ProfileCrossauth = named(profile.Rules{
		Name: "crossauth", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		FixedClaims: map[string][]string{"type": {"access"}},
	})

	// ProfileAuth0 is for both access token formats of Auth0. The client is `client_id` or `azp`.
	ProfileAuth0 = named(profile.Rules{
		Name: "auth0", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"client_id", "azp"}, RequireClient: true,
	})

	// ProfileOkta is for Okta's custom authorization servers. The client is `client_id` or `cid`.
	ProfileOkta = named(profile.Rules{
		Name: "okta", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id", "cid"}, RequireClient: true,
	})

	// ProfileEntraV1 is for Microsoft Entra tokens with `ver` "1.0". The client is `appid`, and Config.Issuer is
	// https://sts.windows.net/{tenant}/.
	ProfileEntraV1 = named(profile.Rules{
		Name: "entra-v1", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"appid"}, RequireClient: true, FixedClaims: map[string][]string{"ver": {"1.0"}},
		RoleClaims: [][]string{{"roles"}},
	})

	// ProfileEntraV2 is for Microsoft Entra tokens with `ver` "2.0". The client is `azp`, and Config.Issuer is
	// https://login.microsoftonline.com/{tenant}/v2.0. Use a [Group] for several tenants.
	ProfileEntraV2 = named(profile.Rules{
		Name: "entra-v2", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"azp"}, RequireClient: true, FixedClaims: map[string][]string{"ver": {"2.0"}},
		RoleClaims: [][]string{{"roles"}},
	})

	// ProfileCognito is for Amazon Cognito. `token_use` must be "access". Cognito sends `aud` only with resource
	// binding; without it, set Config.InsecureNoAudience and Config.ClientIDs. Roles are read from `cognito:groups`.
	ProfileCognito = named(profile.Rules{
		Name: "cognito", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id"}, RequireClient: true, FixedClaims: map[string][]string{"token_use": {"access"}},
		RoleClaims: [][]string{{"cognito:groups"}},
	})

	// ProfileKeycloak is for Keycloak. It requires the claim `typ` with the value "Bearer", or "DPoP" for tokens that are
	// bound to a key. Its ID tokens and refresh tokens have other values. The client is `client_id` or `azp`. Roles are read from `realm_access.roles`, so they
	// are those of the realm and not those of a client.
	ProfileKeycloak = named(profile.Rules{
		Name: "keycloak", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id", "azp"}, RequireClient: true, FixedClaims: map[string][]string{"typ": {"Bearer", "DPoP"}},
		RoleClaims: [][]string{{"realm_access", "roles"}},
	})

	// ProfileGoogle is for Google's ID tokens, which Google services use in place of access tokens. It requires
	// Config.InsecureAcceptIDToken. Config.Audience is the audience that the caller requested. Every service account of
	// every customer can obtain a token for any audience, so Config.ClientIDs or Config.Check is required.
	ProfileGoogle = named(profile.Rules{
		Name: "google", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"azp"}, RequireClient: true, IDToken: true, PublicIssuer: true,
	})

	// ProfileDex is for Dex, whose access tokens have the form of its ID tokens. It requires
	// Config.InsecureAcceptIDToken. Config.Audience is the client id. The client is `azp` or, without azp, the only
	// value of `aud`.
	ProfileDex = named(profile.Rules{
		Name: "dex", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"azp", "aud"}, RequireClient: true, IDToken: true,
	})

	// ProfileSpringAS is for Spring Authorization Server. Its `aud` is the client id, so the client is read from it.
	// `nbf` is required, because it is the only claim that is always in its access tokens and never in its ID tokens.
	ProfileSpringAS = named(profile.Rules{
		Name: "spring-as", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "nbf"},
		ClientClaims: []string{"aud"}, RequireClient: true,
	})
)
