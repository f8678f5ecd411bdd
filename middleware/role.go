package middleware

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Role demands one of the roles in the claim at path. If the token has a claim of just that name, dots and all, it is
// that one, as in "https://example.com/roles". Otherwise the dots lead into nested objects, as in "realm_access.roles".
// Names are compared byte for byte.
//
// The claim is a role, an array of roles, or an object whose members are named by roles; a member that is null or false
// does not count. No scope would help, so the challenge names none.
func Role(path string, oneOf ...string) Rule {
	oneOf = slices.Clone(oneOf)
	rule := Rule{name: path}
	if path == "" || len(oneOf) == 0 || slices.Contains(oneOf, "") {
		rule.broken = errors.New("Role needs a path, and roles that have a name")
	}
	rule.ask = func(_ context.Context, t *consumer.Token) error {
		held := claimAt(t, path)
		if !slices.ContainsFunc(oneOf, func(role string) bool { return holds(held, role) }) {
			return errForbidden
		}
		return nil
	}
	return rule
}

// claimAt returns nil if there is no such claim.
func claimAt(t *consumer.Token, path string) any {
	if value, ok := t.Claim(path); ok {
		return value
	}
	name, rest, nested := strings.Cut(path, ".")
	value, _ := t.Claim(name)
	for nested {
		object, _ := value.(map[string]any)
		name, rest, nested = strings.Cut(rest, ".")
		value = object[name]
	}
	return value
}

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
