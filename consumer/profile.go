package consumer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Profile describes the access tokens of one kind of issuer: the accepted `typ`, the required claims, and the claim
// that names the client. Unless its comment says otherwise, a profile requires `iss`, `exp` and `aud`. Every profile
// rejects tokens whose `typ` or claims show that they are of another kind. A profile that is named after a product
// relaxes RFC 9068 only where that product is known to differ from it.
type Profile int

const (
	// ProfileDefault is for issuers that follow RFC 9068 in most points. Unlike [ProfileRFC9068], it accepts a `typ`
	// that is JWT or absent, a client in `azp`, `cid` or `appid`, and a token without `jti`.
	ProfileDefault Profile = iota

	// ProfileRFC9068 requires everything that RFC 9068 sections 2.2 and 4 require: `typ` at+jwt, and iss, exp, aud,
	// sub, client_id, iat and jti.
	ProfileRFC9068

	// ProfileCrossauth is for crossauth servers. Their private `type` claim must equal Config.TokenType, or "access" if
	// that is empty. No claim names the client.
	ProfileCrossauth

	// ProfileAuth0 is for both access token formats of Auth0. The client is `client_id` or `azp`.
	ProfileAuth0

	// ProfileOkta is for Okta's custom authorization servers. The client is `client_id` or `cid`.
	ProfileOkta

	// ProfileEntraV1 is for Microsoft Entra tokens with `ver` "1.0". The client is `appid`, and Config.Issuer is
	// https://sts.windows.net/{tenant}/.
	ProfileEntraV1

	// ProfileEntraV2 is for Microsoft Entra tokens with `ver` "2.0". The client is `azp`, and Config.Issuer is
	// https://login.microsoftonline.com/{tenant}/v2.0. Use a [Group] for several tenants.
	ProfileEntraV2

	// ProfileCognito is for Amazon Cognito. `token_use` must be "access". Cognito sends `aud` only with resource
	// binding; without it set Config.InsecureNoAudience and Config.ClientIDs.
	ProfileCognito

	// ProfileKeycloak is for Keycloak. The client is `client_id` or `azp`. The `typ` claim in the payload must be
	// "Bearer", which its ID tokens and refresh tokens do not have.
	ProfileKeycloak

	// ProfileGoogle is for Google's ID tokens, which Google services use in place of access tokens. It requires
	// Config.InsecureAcceptIDToken. Config.Audience is the audience that the caller requested.
	ProfileGoogle

	// ProfileDex is for Dex, whose access tokens have the form of its ID tokens. It requires
	// Config.InsecureAcceptIDToken. Config.Audience is the client id. The client is `azp` or, without azp, the only
	// value of `aud`.
	ProfileDex

	// ProfileSpringAS is for Spring Authorization Server. Its `aud` is the client id, so the client is read from it.
	// `nbf` is required, because it is the only claim that is always in its access tokens and never in its ID tokens.
	ProfileSpringAS

	// ProfileIDToken is for the client that an ID token was issued to (OpenID Connect Core section 2). Config.Audience
	// is the client id. The caller must check what the sign-in requested (nonce, acr, max_age) and `azp`. Like the
	// three profiles that follow, it requires Config.InsecureAcceptIDToken and is not for an API.
	ProfileIDToken

	// ProfileLogoutToken is for a client that receives logout tokens (OpenID Connect Back-Channel Logout section 2.4).
	// The caller must check the content of `events`. `exp` may be absent.
	ProfileLogoutToken

	// ProfileAuthorizationResponse is for the response of an authorization endpoint as a JWT (JARM section 2.1). It has
	// no subject, so a JWT with `sub` is rejected.
	ProfileAuthorizationResponse

	// ProfileUserInfo is for a signed response of a userinfo endpoint (OpenID Connect Core section 5.3.2). `aud` and
	// `exp` may be absent.
	ProfileUserInfo
)

// rules describes a profile as data.
type rules struct {
	name     string
	types    []string            // accepted `typ`, as mediaType returns it; "" if absent
	required []string            // claims besides iss, exp and aud
	clientID []string            // claims that may name the client; the first that is present is used; none: no client
	fixed    map[string][]string // claims that must have one of these values
	idToken  bool                // accepts ID tokens; requires Config.InsecureAcceptIDToken
	optional []string            // which of exp and aud may be absent
	events   bool                // accepts security events
	foreign  []string            // claims that only other kinds of token have
}

// profiles returns the rules of all profiles.
func profiles() map[Profile]rules {
	anyJWT, subjectAndTime := []string{"at+jwt", "jwt", ""}, []string{"sub", "iat"}
	return map[Profile]rules{
		ProfileDefault: {
			name: "default", types: anyJWT, required: subjectAndTime,
			clientID: []string{"client_id", "azp", "cid", "appid"},
		},
		ProfileRFC9068: {
			name: "rfc9068", types: []string{"at+jwt"}, required: []string{"sub", "iat", "jti"},
			clientID: []string{"client_id"},
		},
		ProfileCrossauth: {
			name: "crossauth", types: anyJWT, required: []string{"sub", "iat", "jti"},
			fixed: map[string][]string{"type": {"access"}},
		},
		ProfileAuth0: {
			name: "auth0", types: anyJWT, required: subjectAndTime, clientID: []string{"client_id", "azp"},
		},
		ProfileOkta: {
			name: "okta", types: anyJWT, required: []string{"sub", "iat", "jti"}, clientID: []string{"client_id", "cid"},
		},
		ProfileEntraV1: {
			name: "entra-v1", types: anyJWT, required: subjectAndTime, clientID: []string{"appid"},
			fixed: map[string][]string{"ver": {"1.0"}},
		},
		ProfileEntraV2: {
			name: "entra-v2", types: anyJWT, required: subjectAndTime, clientID: []string{"azp"},
			fixed: map[string][]string{"ver": {"2.0"}},
		},
		ProfileCognito: {
			name: "cognito", types: anyJWT, required: []string{"sub", "iat", "jti"}, clientID: []string{"client_id"},
			fixed: map[string][]string{"token_use": {"access"}},
		},
		ProfileKeycloak: {
			name: "keycloak", types: anyJWT, required: []string{"sub", "iat", "jti"}, clientID: []string{"client_id", "azp"},
			fixed: map[string][]string{"typ": {"Bearer"}},
		},
		ProfileGoogle: {
			name: "google", types: anyJWT, required: subjectAndTime, clientID: []string{"azp"}, idToken: true,
		},
		ProfileDex: {
			name: "dex", types: anyJWT, required: subjectAndTime, clientID: []string{"azp", "aud"}, idToken: true,
		},
		ProfileSpringAS: {
			name: "spring-as", types: anyJWT, required: []string{"sub", "iat", "nbf"}, clientID: []string{"aud"},
		},
		ProfileIDToken: {name: "id-token", types: []string{"jwt", ""}, required: subjectAndTime, idToken: true},
		ProfileLogoutToken: {
			name: "logout-token", types: []string{"logout+jwt", "jwt", ""}, required: []string{"iat", "jti", "events"},
			idToken: true, optional: []string{"exp"}, events: true,
		},
		ProfileAuthorizationResponse: {
			name: "authorization-response", types: []string{"jwt", ""}, idToken: true, foreign: []string{"sub"},
		},
		ProfileUserInfo: {
			name: "userinfo", types: []string{"jwt", ""}, required: []string{"sub"}, idToken: true,
			optional: []string{"exp", "aud"},
		},
	}
}

// String returns the name of the profile.
func (p Profile) String() string {
	if r, ok := profiles()[p]; ok {
		return r.name
	}
	return "Profile(" + strconv.Itoa(int(p)) + ")"
}

// checkType checks `typ`, so that no other kind of JWT of the same issuer is accepted (RFC 9068 section 4, RFC 8725bis
// sections 3.11 and 3.12).
func (r rules) checkType(mediaType string) error {
	if !slices.Contains(r.types, mediaType) {
		return newDetail("typ ").quote(mediaType).text(" is not one of ").quoteAll(r.types).
			text(" (Config.Profile ").text(r.name).text(")").reject(ReasonType)
	}
	return nil
}

// checkKind rejects a token whose claims show that it is of another kind (RFC 8725bis section 3.12).
func (r rules) checkKind(claims compact.Object, acceptIDToken bool) error {
	m := r.marksIn(claims)
	switch {
	case m.other != "":
		return reject(ReasonType, m.other+" marks another kind of token")
	case m.idToken != "" && !acceptIDToken:
		return reject(ReasonType, m.idToken+" marks an ID token")
	case m.signIn != "" && !m.access && !acceptIDToken:
		return reject(ReasonType, m.signIn+" without jti and scope marks an ID token")
	}
	for name, accepted := range r.fixed {
		if !slices.Contains(accepted, textOf(claims, name)) {
			return newDetail("claim ").text(name).text(" is ").quote(textOf(claims, name)).text(", expected one of ").
				quoteAll(accepted).text(" (Config.Profile ").text(r.name).text(" or Config.TokenType)").reject(ReasonType)
		}
	}
	return nil
}

// marks holds the names of claims that show what kind a token is.
type marks struct {
	idToken string // only in ID tokens (OpenID Connect Core sections 2 and 3.1.3.6)
	signIn  string // in ID tokens, and sometimes in access tokens (RFC 9068 section 2.2.1)
	access  bool   // has a claim that access tokens have and ID tokens rarely

	// other is a claim of a security event such as a logout token (RFC 8417 section 2.2), of an introspection response
	// (RFC 9701 section 5), of a DPoP proof (RFC 9449 section 4.2), or of a refresh token.
	other string
}

// marksIn looks for marks in all claims. It returns the last mark of each kind, because one is enough to reject the
// token.
func (r rules) marksIn(claims compact.Object) (m marks) {
	for name, v := range claims.All() {
		switch name {
		case "nonce", "at_hash", "c_hash", "s_hash":
			m.idToken = name
		case "auth_time", "amr":
			m.signIn = name
		case "jti", "scope", "scp":
			m.access = true
		case "events":
			if !r.events {
				m.other = name
			}
		case "token_introspection", "htm", "htu":
			m.other = name
		case "typ", "type", "token_use", "token_type":
			r.readKind(&m, name, v)
		default:
			if slices.Contains(r.foreign, name) {
				m.other = name
			}
		}
	}
	return m
}

// readKind reads a claim that some issuers use for the kind of token. It skips a claim whose value the profile fixes,
// because checkKind compares that one.
func (r rules) readKind(m *marks, name string, v compact.Value) {
	if _, fixed := r.fixed[name]; fixed {
		return
	}
	kind, _ := v.Text()
	switch strings.ToLower(kind) {
	case "id", "id_token":
		m.idToken = name
	case "logout":
		if !r.events {
			m.other = name
		}
	case "refresh", "refresh_token", "offline":
		m.other = name
	}
}

// clientOf returns the id of the client, from the first of the claims of the profile that is present.
func (r rules) clientOf(c *claimReader) string {
	for _, name := range r.clientID {
		v, ok := c.Get(name)
		if !ok {
			continue
		}
		if name != "aud" {
			return c.text(name, v)
		}
		if audience := c.list(name, v); len(audience) == 1 {
			return audience[0]
		}
	}
	return ""
}

// textOf returns the string called name, or "" if there is no such string.
func textOf(claims compact.Object, name string) string {
	v, _ := claims.Get(name)
	text, _ := v.Text()
	return text
}
