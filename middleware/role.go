package middleware

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Role requires that the claim at path contains at least one of the roles in oneOf. If the token has a claim whose name
// is path itself, including dots, Role reads that claim, as in "https://example.com/roles". Otherwise the dots separate
// the names of nested objects, as in "realm_access.roles". If a nested object has a name with dots, such as a client id
// that is a host name, use [RolePath]. Names are compared byte for byte.
//
// The value of the claim is a string (one role), an array of strings, or an object whose member names are the roles.
// Members of the object that are null or false do not count. The challenge lists no scope, because no scope would
// change the result. The name of the rule is path.
func Role(path string, oneOf ...string) Rule {
	rule := roleRule(path, oneOf, func(t *consumer.Token) any { return claimAt(t, path) })
	if path == "" || !areRoles(oneOf) {
		rule.broken = errors.New("Role needs a path and at least one role; roles must not be empty")
	}
	return rule
}

// RolePath is [Role] for a path that is given name by name. No name is split at its dots:
//
//	RolePath([]string{"resource_access", "orders.example.com", "roles"}, "admin")
//
// The first name is that of a claim, and each further name is that of a member of the object before it. A path cannot
// lead through an array. path must have at least one name, and no name may be empty. RolePath copies path and oneOf. The
// name of the rule is path, joined by dots.
func RolePath(path []string, oneOf ...string) Rule {
	path = slices.Clone(path)
	rule := roleRule(strings.Join(path, "."), oneOf, func(t *consumer.Token) any { return memberAt(t, path) })
	if len(path) == 0 || slices.Contains(path, "") || !areRoles(oneOf) {
		rule.broken = errors.New("RolePath needs a path and at least one role; names and roles must not be empty")
	}
	return rule
}

// AnyRole requires at least one of the given roles. It reads the roles that [consumer.Token.Roles] returns, from the
// claims that the profile of the Consumer names (ProfileConfig.RoleClaims). If the profile names none, no token meets the
// rule. Use [Role] or [RolePath] to read other claims, or an object whose member names are the roles. The challenge lists
// no scope, because no scope would change the result. The name of the rule is "role".
func AnyRole(oneOf ...string) Rule {
	oneOf = slices.Clone(oneOf)
	rule := Rule{name: "role"}
	rule.detail = fmt.Sprintf("the claims for roles of the profile do not contain any of %q (Config.Profile)", oneOf)
	if !areRoles(oneOf) {
		rule.broken = errors.New("AnyRole needs at least one role; roles must not be empty")
	}
	rule.setWays(oneRole(oneOf))
	rule.test = func(_ context.Context, v verified) error {
		if !slices.ContainsFunc(oneOf, v.token.HasRole) {
			return errForbidden
		}
		return nil
	}
	return rule
}

// roleRule returns a rule that requires one of the roles in the value that read returns.
func roleRule(name string, oneOf []string, read func(*consumer.Token) any) Rule {
	oneOf = slices.Clone(oneOf)
	detail := fmt.Sprintf("claim %q does not contain any of %q", name, oneOf)
	rule := Rule{name: name, detail: detail, test: func(_ context.Context, v verified) error {
		held := read(v.token)
		if !slices.ContainsFunc(oneOf, func(role string) bool { return holds(held, role) }) {
			return errForbidden
		}
		return nil
	}}
	rule.setWays(oneRole(oneOf))
	return rule
}

// areRoles reports whether a rule can require one of the roles.
func areRoles(oneOf []string) bool { return len(oneOf) > 0 && !slices.Contains(oneOf, "") }

// claimAt returns the claim whose name is path. If there is none, it splits path at its dots and returns the value there,
// or nil.
func claimAt(t *consumer.Token, path string) any {
	if value, ok := t.Claim(path); ok {
		return value
	}
	return memberAt(t, strings.Split(path, "."))
}

// memberAt returns the value at path, or nil if there is none. path must have at least one name.
func memberAt(t *consumer.Token, path []string) any {
	value, _ := t.Claim(path[0])
	for _, name := range path[1:] {
		object, _ := value.(map[string]any) // nil, and so without members, if value is not an object
		value = object[name]
	}
	return value
}

// holds reports whether claim contains role.
func holds(claim any, role string) bool {
	switch held := claim.(type) {
	case string:
		return held == role
	case []any:
		return slices.Contains(held, any(role))
	case map[string]any:
		member := held[role]
		return member != nil && member != false
	}
	return false
}

// Principal requires that the token acts for a user, with [consumer.PrincipalUser], or for a client itself, with
// [consumer.PrincipalClient] (RFC 9700 section 4.15). See [consumer.Token.Principal] for how the two are distinguished. Use
// it for handlers that treat the subject as a user: the id of a client, which is the subject of its own tokens, could be
// the id of a user. If the rule is not met, the response is 403 without an error code, because no scope would help. An
// invalid kind makes an invalid rule. The name of the rule is "principal".
func Principal(kind consumer.Principal) Rule {
	rule := Rule{name: "principal", wants: "a principal that is a " + kind.String()}
	rule.detail = "the token does not act for a " + kind.String() + " (Principal)"
	if kind != consumer.PrincipalUser && kind != consumer.PrincipalClient {
		rule.broken = errors.New("Principal needs consumer.PrincipalUser or consumer.PrincipalClient")
	}
	rule.test = func(_ context.Context, v verified) error {
		if v.token.Principal() != kind {
			return errForbidden
		}
		return nil
	}
	return rule
}
