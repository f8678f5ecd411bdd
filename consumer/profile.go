package consumer

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// Profile says what an issuer's access tokens look like. Every profile demands `iss`, `exp` and `aud`, and refuses what
// is visibly another kind of token; beyond that a profile relaxes RFC 9068 only in what the issuer is known to do
// differently.
type Profile int

const (
	// ProfileDefault is RFC 9068 for issuers that do not follow it to the letter: `typ` may be JWT or absent, the client
	// may be named by `azp`, `cid` or `appid`, and `jti` may be absent.
	ProfileDefault Profile = iota

	// ProfileRFC9068 demands everything RFC 9068 §4 and §2.2 do: `typ` at+jwt, and iss, exp, aud, sub, client_id, iat, jti.
	ProfileRFC9068

	// ProfileCrossauth is for crossauth servers: their private `type` claim must equal Config.TokenType, "access" if that
	// is not set, and no claim names the client.
	ProfileCrossauth

	// ProfileAuth0 is for both token formats of Auth0: the client is `client_id` or `azp`.
	ProfileAuth0

	// ProfileOkta is for Okta's custom authorization servers: the client is `client_id` or `cid`.
	ProfileOkta

	// ProfileEntraV1 is for Microsoft Entra tokens with `ver` "1.0": the client is `appid`, and Config.Issuer is
	// https://sts.windows.net/{tenant}/.
	ProfileEntraV1

	// ProfileEntraV2 is for Microsoft Entra tokens with `ver` "2.0": the client is `azp`, and Config.Issuer is
	// https://login.microsoftonline.com/{tenant}/v2.0. For several tenants use a [Group].
	ProfileEntraV2

	// ProfileCognito is for Amazon Cognito: `token_use` must be "access". Cognito sends `aud` only with resource binding;
	// without it set Config.InsecureNoAudience and Config.ClientIDs.
	ProfileCognito

	// ProfileKeycloak is for Keycloak: the client is `client_id` or `azp`, and the `typ` claim in the payload must be
	// "Bearer", which its ID and refresh tokens do not have.
	ProfileKeycloak

	// ProfileGoogle is for Google's ID tokens, which its services take where others take access tokens. It needs
	// Config.InsecureAcceptIDToken; Config.Audience is what the caller asked the token for.
	ProfileGoogle

	// ProfileDex is for Dex, whose access tokens have the shape of its ID tokens. It needs Config.InsecureAcceptIDToken;
	// Config.Audience is the client id, and the client is `azp` or the only `aud`.
	ProfileDex

	// ProfileSpringAS is for Spring Authorization Server: `aud` is the client id, and the client is read from there. `nbf`
	// is required, since its ID tokens differ in nothing else that is always there.
	ProfileSpringAS

	// ProfileIDToken is for the client that an ID token was made for (OpenID Connect Core §2): Config.Audience is its id.
	// What the sign-in asked for (nonce, acr, max_age) and `azp` are left to the caller. It needs
	// Config.InsecureAcceptIDToken, like the three that follow: none of them is for an API.
	ProfileIDToken

	// ProfileLogoutToken is for a client that is told of a sign-out (OpenID Connect Back-Channel Logout §2.4): what
	// `events` holds is left to the caller, and `exp` may be absent.
	ProfileLogoutToken

	// ProfileAuthorizationResponse is for the answer of an authorization endpoint as a JWT (JARM §2.1), which is about no
	// subject: a JWT with `sub` is another kind.
	ProfileAuthorizationResponse

	// ProfileUserInfo is for a signed answer of a userinfo endpoint (OpenID Connect Core §5.3.2): `aud` and `exp` may be
	// absent.
	ProfileUserInfo
)

// rules are a profile as data.
type rules struct {
	name     string
	types    []string            // accepted `typ`, as mediaType writes it; "" is an absent one
	required []string            // claims besides iss, exp and aud
	clientID []string            // claims that may name the client, the first one found wins; none: not needed
	fixed    map[string][]string // claims that must have one of these values
	idToken  bool                // takes ID tokens, so Config.InsecureAcceptIDToken must agree
	optional []string            // of exp and aud
	events   bool                // takes security events, and nothing else
	foreign  []string            // claims that only another kind of token has
}

// profiles are the rows of the table.
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

// String is the profile's name.
func (p Profile) String() string {
	if r, ok := profiles()[p]; ok {
		return r.name
	}
	return "Profile(" + strconv.Itoa(int(p)) + ")"
}

// checkType accepts the media types of the profile, so that no other kind of JWT of the same issuer passes
// (RFC 9068 §4, RFC 8725bis §3.11 and §3.12).
func (r rules) checkType(mediaType string) error {
	if !slices.Contains(r.types, mediaType) {
		return newDetail("typ ").quote(mediaType).text(" is not one of ").quoteAll(r.types).
			text(" (Config.Profile ").text(r.name).text(")").reject(ReasonType)
	}
	return nil
}

// checkKind refuses what the claims show to be another kind of token (RFC 8725bis §3.12).
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
			return newDetail("claim ").text(name).text(" is ").quote(textOf(claims, name)).text(", want one of ").
				quoteAll(accepted).text(" (Config.Profile ").text(r.name).text(" or Config.TokenType)").reject(ReasonType)
		}
	}
	return nil
}

// marks are the claims that show what kind of token they are in, each by its name.
type marks struct {
	idToken string // only an ID token has it (OpenID Connect Core §2, §3.1.3.6)
	signIn  string // an ID token has it, and an access token may (RFC 9068 §2.2.1)
	access  bool   // there is something that an access token has and an ID token seldom
	other   string // only a logout token or another security event, an introspection response, a DPoP proof (RFC 8417 §2.2,
	// RFC 9701 §5, RFC 9449 §4.2) or a refresh token has it
}

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

// readKind reads a claim by which some issuers name the kind of token. One whose value the profile fixes is left to that.
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

// clientOf returns the client's id from the first of the profile's claims that is there.
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

func textOf(claims compact.Object, name string) string {
	v, _ := claims.Get(name)
	text, _ := v.Text()
	return text
}
