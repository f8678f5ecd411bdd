package client

import (
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/profile"
)

// The profiles of the JWTs that a client receives. They are not for an API, so package consumer does not offer them. Each
// of them requires Config.InsecureAcceptIDToken of its Consumer. No code changes them.
//
//nolint:gochecknoglobals // constants of a struct type
var (
	// profileIDToken is for the client that an ID token was issued to (OpenID Connect Core section 2). The caller must
	// check what the sign-in requested (nonce, acr, max_age) and `azp`.
	profileIDToken = consumer.Profile(profile.New(profile.Rules{
		Name: "id-token", Types: []string{"jwt", ""}, RequiredClaims: []string{"sub", "iat"}, IDToken: true,
	}))

	// profileLogoutToken is for logout tokens (OpenID Connect Back-Channel Logout section 2.4). The caller must check the
	// content of `events`. `exp` may be absent.
	profileLogoutToken = consumer.Profile(profile.New(profile.Rules{
		Name: "logout-token", Types: []string{"logout+jwt", "jwt", ""}, RequiredClaims: []string{"iat", "jti", "events"},
		IDToken: true, OptionalClaims: []string{"exp"}, Events: true,
	}))

	// profileAuthorizationResponse is for the response of an authorization endpoint as a JWT (JARM section 2.1). It has no
	// subject, so a JWT with `sub` is rejected.
	profileAuthorizationResponse = consumer.Profile(profile.New(profile.Rules{
		Name: "authorization-response", Types: []string{"jwt", ""}, IDToken: true, Response: true, ForeignClaims: []string{"sub"},
	}))

	// profileUserInfo is for a signed response of a userinfo endpoint (OpenID Connect Core section 5.3.2). `aud` and `exp`
	// may be absent.
	profileUserInfo = consumer.Profile(profile.New(profile.Rules{
		Name: "userinfo", Types: []string{"jwt", ""}, RequiredClaims: []string{"sub"}, IDToken: true,
		OptionalClaims: []string{"exp", "aud"},
	}))

	// profileIntrospection is for a signed introspection response (RFC 9701 section 5). `exp` may be absent. The caller must
	// check the age of `iat` and the content of `token_introspection`.
	profileIntrospection = consumer.Profile(profile.New(profile.Rules{
		Name: "introspection", Types: []string{"token-introspection+jwt"}, RequiredClaims: []string{"iat", "token_introspection"},
		IDToken: true, OptionalClaims: []string{"exp"}, Introspection: true,
	}))
)
