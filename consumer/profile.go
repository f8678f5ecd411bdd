package consumer

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/profile"
)

// Profile describes the access tokens of one kind of issuer: the accepted `typ`, the required claims, and the claims
// that hold the client, the scopes and the roles. Choose one of the variables of this package, such as
// [ProfileKeycloak], or make one with [NewProfile]. The zero Profile is [ProfileDefault].
//
// Unless its comment says otherwise, a profile requires `iss`, `exp` and `aud`. Every profile rejects tokens whose `typ`
// or claims show that they are of another kind. A profile that is named after a product relaxes RFC 9068 only where that
// product is known to differ from it.
//
// A Profile cannot be changed and is safe for concurrent use. Profiles can be compared with ==.
type Profile profile.Profile

// ProfileDefault accepts a JWT of the issuer for the audience, unless its `typ` or its claims show that it is of another
// kind. It requires no other claims than iss, aud and exp. The client is the first of client_id, azp, cid and appid that
// is present; if there is none, [Token.ClientID] returns "". Roles are read from `roles` (RFC 9068 section 2.2.3.1).
//
// An ID token of the same issuer and for the same audience is not always recognizable. Choose a stricter profile if the
// issuer has one, or use an audience that is not a client id.
var ProfileDefault = Profile{} //nolint:gochecknoglobals // a value without state, as a constant of a struct type

// ProfileRFC9068 requires everything that RFC 9068 sections 2.2 and 4 require: `typ` at+jwt, and iss, exp, aud, sub,
// client_id, iat and jti. Roles are read from `roles` (RFC 9068 section 2.2.3.1).
var ProfileRFC9068 = named(profile.Rules{ //nolint:gochecknoglobals // a value that is not changed
	Name: "rfc9068", Types: []string{"at+jwt"}, RequiredClaims: []string{"sub", "iat", "jti"},
	ClientClaims: []string{"client_id"}, RequireClient: true, RoleClaims: [][]string{{"roles"}},
})

// ProfileConfig describes a [Profile]. [NewProfile] copies it.
type ProfileConfig struct {
	// Name is a short name for errors and logs. Required.
	Name string

	// Types lists the accepted values of the header parameter `typ`. Case and a leading "application/" are ignored. The
	// element "" accepts a token without `typ`. Empty: at+jwt, JWT, and a token without `typ`.
	Types []string

	// RequiredClaims lists claims that every token must have besides iss, exp and aud. A claim that is null or an empty
	// string counts as missing. Empty: no additional claims.
	RequiredClaims []string

	// ClientClaims lists the claims that may name the client. [Token.ClientID] returns the first one that is present.
	// The claim aud names the client only if it has exactly one value. A token without any of them is accepted; to
	// reject it, set RequiredClaims or Config.ClientIDs. Errors and logs do not show the client if one of the claims in the
	// list, such as sub, may be about a user. Empty: no claim names the client.
	ClientClaims []string

	// AccessClaims lists claims that only the access tokens of the issuer have, and not its ID tokens. A token with one
	// of them may also have nonce, auth_time and amr, which otherwise mark ID tokens. Empty: only scope, scp and jti,
	// and claims such as token_use, show that a token is an access token.
	AccessClaims []string

	// FixedClaims maps the name of a claim to its accepted values. A token must have each of these claims, as a string
	// with one of the values. A value that marks ID tokens, such as "id" for token_use, makes Config.InsecureAcceptIDToken
	// required. Empty: no fixed claims.
	FixedClaims map[string][]string

	// ScopeClaims lists the claims that may hold scopes, each a string with spaces between the scopes, or an array of
	// strings. The first one that is present is used. Config.ScopeClaims replaces the list. Empty: scope, then scp.
	ScopeClaims []string

	// RoleClaims lists the places of roles. Each is a path of member names, for example {"realm_access", "roles"}. The
	// value is one role as a string, or an array of strings. [Token.Roles] returns the roles of all places. Never list a
	// claim that users can edit themselves. Empty: [Token.Roles] returns no roles.
	RoleClaims [][]string
}

// NewProfile returns a profile for an issuer that no variable of this package describes. If cfg has faults, the error
// joins all of them, and each names its field.
func NewProfile(cfg ProfileConfig) (Profile, error) {
	if err := cfg.validate(); err != nil {
		return Profile{}, err
	}
	r := profile.Rules{
		Name: cfg.Name, Types: anyJWT(), RequiredClaims: slices.Clone(cfg.RequiredClaims),
		ClientClaims: slices.Clone(cfg.ClientClaims), FixedClaims: make(map[string][]string, len(cfg.FixedClaims)),
		ScopeClaims: slices.Clone(cfg.ScopeClaims), AccessClaims: slices.Clone(cfg.AccessClaims),
	}
	if len(cfg.Types) > 0 {
		r.Types = nil
		for _, typ := range cfg.Types {
			r.Types = append(r.Types, mediaType(typ))
		}
	}
	for name, values := range cfg.FixedClaims {
		r.FixedClaims[name] = slices.Clone(values)
		r.IDToken = r.IDToken || slices.ContainsFunc(values, func(value string) bool { return kindOf(name, value) == kindIDToken })
	}
	for _, path := range cfg.RoleClaims {
		r.RoleClaims = append(r.RoleClaims, slices.Clone(path))
	}
	return named(r), nil
}

// validate joins all faults of cfg.
func (cfg ProfileConfig) validate() error {
	var faults []error
	check := func(ok bool, field, problem string) {
		if !ok {
			faults = append(faults, fmt.Errorf("consumer: ProfileConfig.%s %s", field, problem))
		}
	}
	check(cfg.Name != "", "Name", "is required")
	check(!slices.Contains(cfg.RequiredClaims, ""), "RequiredClaims", "contains an empty name")
	check(!slices.Contains(cfg.ClientClaims, ""), "ClientClaims", "contains an empty name")
	check(!slices.Contains(cfg.AccessClaims, ""), "AccessClaims", "contains an empty name")
	check(!slices.Contains(cfg.ScopeClaims, ""), "ScopeClaims", "contains an empty name")
	for _, name := range slices.Sorted(maps.Keys(cfg.FixedClaims)) {
		check(name != "", "FixedClaims", "contains an empty name")
		check(len(cfg.FixedClaims[name]) > 0, "FixedClaims", fmt.Sprintf("has no values for %q", name))
		check(!slices.Contains(cfg.FixedClaims[name], ""), "FixedClaims", fmt.Sprintf("has an empty value for %q", name))
	}
	for _, path := range cfg.RoleClaims {
		check(len(path) > 0 && !slices.Contains(path, ""), "RoleClaims",
			fmt.Sprintf("contains the path %q, which is empty or has an empty name", strings.Join(path, "/")))
	}
	return errors.Join(faults...)
}

// String returns the name of the profile.
func (p Profile) String() string { return p.rules().Name }

// named returns a Profile with the given rules.
func named(r profile.Rules) Profile { return Profile(profile.New(r)) }

// rules returns a copy of the rules of p. The lists in it must not be changed.
func (p Profile) rules() rules {
	if r := profile.Profile(p).Rules(); r != nil {
		return rules{*r}
	}
	return rules{profile.Rules{
		Name: "default", Types: anyJWT(), ClientClaims: []string{"client_id", "azp", "cid", "appid"},
		RoleClaims: [][]string{{"roles"}},
	}}
}

// anyJWT lists the types of JWTs that may be access tokens.
func anyJWT() []string { return []string{"at+jwt", "jwt", ""} }
