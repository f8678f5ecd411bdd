package consumer

import "github.com/bearerkit/bearerkit/internal/profile"

// The profiles of authorization servers that you run yourself. No code changes them. See docs/providers.md for the
// configuration of each.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// ProfileAuthentik is for the access tokens of authentik. They have the claims of its ID tokens, such as `nonce`, and
	// also `uid` and `azp`, which the profile requires. Config.Audience is the client id, and so is `azp`.
	ProfileAuthentik = named(profile.Rules{
		Name: "authentik", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "uid"},
		ClientClaims: []string{"azp"}, RequireClient: true, AccessClaims: []string{"uid"}, RoleClaims: [][]string{{"groups"}},
	})

	// ProfileAuthelia is for the access tokens of Authelia. They are opaque unless the client is configured for JWTs
	// with the `typ` at+jwt.
	ProfileAuthelia = named(profile.Rules{
		Name: "authelia", Types: []string{"at+jwt"}, RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id"}, RequireClient: true,
	})

	// ProfileCasdoor is for the access tokens of Casdoor. `tokenType` must be "access-token", which its refresh tokens do
	// not have. Config.Audience is the client id. The client is `azp` or, without azp, the only value of `aud`.
	ProfileCasdoor = named(profile.Rules{
		Name: "casdoor", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"azp", "aud"}, RequireClient: true, AccessClaims: []string{"tokenType"},
		FixedClaims: map[string][]string{"tokenType": {"access-token"}},
	})

	// ProfileDuende is for the access tokens of Duende IdentityServer. The client is `client_id`. Tokens of the client
	// credentials grant have no `sub`. Roles are read from `role`.
	ProfileDuende = named(profile.Rules{
		Name: "duende", Types: []string{"at+jwt", "jwt"}, RequiredClaims: []string{"iat"},
		ClientClaims: []string{"client_id"}, RequireClient: true, RoleClaims: [][]string{{"role"}},
	})

	// ProfileOry is for the JWT access tokens of Ory Hydra and Ory Network, whose scopes are in `scp`. Access tokens
	// are opaque unless the access token strategy is jwt.
	ProfileOry = named(profile.Rules{
		Name: "ory", Types: anyJWT(), RequiredClaims: []string{"sub", "iat", "jti"},
		ClientClaims: []string{"client_id"}, RequireClient: true,
	})

	// ProfileADFS is for the access tokens of Active Directory Federation Services. The client is `appid`, and `ver`
	// must be "1.0". Config.Issuer is the issuer of access tokens, http://{host}/adfs/services/trust. It differs from
	// the issuer in the metadata, so set Config.Keys. `sub` may be absent.
	ProfileADFS = named(profile.Rules{
		Name: "adfs", Types: anyJWT(), RequiredClaims: []string{"iat"}, ClientClaims: []string{"appid"},
		RequireClient: true, FixedClaims: map[string][]string{"ver": {"1.0"}}, SignIn: true,
		RoleClaims: [][]string{{"role"}, {"roles"}},
	})
)
