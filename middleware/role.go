package middleware

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
)

// Role requires that the claim at path contains one of the roles in oneOf. If the token has a claim whose name is path
// itself, including dots, Role reads that claim, as in "https://example.com/roles". Otherwise the dots separate the names
// of nested objects, as in "realm_access.roles". Names are compared byte for byte.
//
// The value of the claim is a string (one role), an array of strings, or an object whose member names are the roles.
// Members of the object that are null or false do not count. The challenge lists no scope, because no scope would
// change the result.
func Role(path string, oneOf ...string) Rule {
	oneOf = slices.Clone(oneOf)
	rule := Rule{name: path}
	if path == "" || len(oneOf) == 0 || slices.Contains(oneOf, "") {
		rule.broken = errors.New("Role needs a path and at least one role; roles must not be empty")
	}
	rule.test = func(_ context.Context, t *consumer.Token) error {
		held := claimAt(t, path)
		if !slices.ContainsFunc(oneOf, func(role string) bool { return holds(held, role) }) {
			return errForbidden
		}
		return nil
	}
	return rule
}

// claimAt returns the claim at path, or nil if there is none.
func claimAt(t *consumer.Token, path string) any {
	if value, ok := t.Claim(path); ok {
		return value
	}
	// Reading a member of something that is not an object yields nil, so a path that leads nowhere ends with nil.
	name, rest, nested := strings.Cut(path, ".")
	value, _ := t.Claim(name)
	for nested {
		object, _ := value.(map[string]any)
		name, rest, nested = strings.Cut(rest, ".")
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
