package consumer

import "github.com/bearerkit/bearerkit/internal/profile"

// The profiles of hosted services for users. No code changes them. See docs/providers.md for the configuration of each.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// ProfileSupabase is for the session tokens of Supabase Auth. It requires `session_id` and `role`; the API keys of a
	// project have no `session_id`. Config.Audience is "authenticated". The role is `role`. Anonymous users have the same
	// role as other users; check `is_anonymous` to reject them.
	ProfileSupabase = named(profile.Rules{
		Name: "supabase", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "session_id", "role"},
		ClientClaims: []string{"client_id"}, AccessClaims: []string{"session_id"}, RoleClaims: [][]string{{"role"}},
	})

	// ProfileFirebase is for the ID tokens of Firebase Authentication, which are the tokens that its clients send to an
	// API. It requires `auth_time` and `firebase`. Config.Issuer is https://securetoken.google.com/{project}, and
	// Config.Audience is the project. It does not require Config.InsecureAcceptIDToken, because these tokens are meant for
	// the API of the project. No claim names the client.
	ProfileFirebase = named(profile.Rules{
		Name: "firebase", Types: []string{"jwt"}, RequiredClaims: []string{"sub", "iat", "auth_time", "firebase"},
		AccessClaims: []string{"firebase"},
	})

	// ProfileClerk is for the session tokens of Clerk. It requires `sid`. They have no `aud` unless you add it to the
	// session token; without it, set Config.InsecureNoAudience and Config.ClientIDs. The client is `azp`, the origin of
	// the web page. The role is that of the user in the active organization, from `o.rol` or `org_role`.
	ProfileClerk = named(profile.Rules{
		Name: "clerk", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "nbf", "sid"},
		ClientClaims: []string{"azp"}, RoleClaims: [][]string{{"o", "rol"}, {"org_role"}},
	})

	// ProfileWorkOS is for the access tokens of WorkOS AuthKit. It requires `sid` and `jti`. They have no `aud` unless
	// you add it to the JWT template. Add it: no claim names the client, so Config.ClientIDs cannot take the place of
	// `aud`. Scopes are read from `permissions`, and roles from `role` and `roles`.
	ProfileWorkOS = named(profile.Rules{
		Name: "workos", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti", "sid"},
		ScopeClaims: []string{"permissions"}, RoleClaims: [][]string{{"role"}, {"roles"}},
	})

	// ProfileLogto is for the access tokens that Logto issues for an API resource, which are JWTs with the `typ`
	// at+jwt. Without an API resource, Logto issues opaque tokens.
	ProfileLogto = named(profile.Rules{
		Name: "logto", Types: []string{"at+jwt"}, RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id"}, RequireClient: true,
	})

	// ProfileFusionAuth is for the access tokens of FusionAuth. It requires `jti` and `authenticationType`, so it does not
	// accept tokens of the client credentials grant. Their `aud` is the client id, so Config.Audience lists client ids, and
	// the client is read from `aud`. Roles are read from `roles`.
	ProfileFusionAuth = named(profile.Rules{
		Name: "fusionauth", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti", "authenticationType"},
		ClientClaims: []string{"aud"}, RequireClient: true, RoleClaims: [][]string{{"roles"}},
	})

	// ProfilePingOne is for the access tokens of PingOne. The client is `client_id`. Tokens of the client credentials grant
	// have no `sub`.
	ProfilePingOne = named(profile.Rules{
		Name: "pingone", Types: anyJWT(), RequiredClaims: []string{"iat"},
		ClientClaims: []string{"client_id"}, RequireClient: true,
	})

	// ProfileAzureADB2C is for the access tokens of Azure AD B2C. The client is `azp`, and the scopes are in `scp`.
	// Config.Issuer contains the tenant id and ends with /v2.0/, and all user flows of the tenant share it. The
	// metadata is not at the issuer, so Config.MetadataURL is needed.
	ProfileAzureADB2C = named(profile.Rules{
		Name: "azure-ad-b2c", Types: anyJWT(), RequiredClaims: []string{"sub", "iat"},
		ClientClaims: []string{"azp"}, RequireClient: true, FixedClaims: map[string][]string{"ver": {"1.0"}},
	})
)
