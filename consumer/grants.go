package consumer

import (
	"strings"

	"github.com/bearerkit/bearerkit/internal/compact"
)

// defaultScopeClaims lists the claims that hold scopes if neither the Config nor the profile names others (RFC 9068
// section 2.2.3, and `scp` of several products).
func defaultScopeClaims() []string { return []string{"scope", "scp"} }

// grants reads the scopes that the token grants.
func (r *rules) grants(c *claimReader, t *Token) {
	for _, name := range r.ScopeClaims {
		// An empty claim is present: it grants nothing, and a later claim does not change that.
		if v, ok := c.Get(name); ok && !c.found.isAbsent(inScope, v) {
			t.scopes = c.scopes(name, v)
			return
		}
	}
}

// rolesOf returns the roles of t. They are read when they are used for the first time, because most APIs use none.
func (t *Token) rolesOf() []string {
	if known := t.roles.Load(); known != nil {
		return *known
	}
	paths := defaultRules().RoleClaims
	if t.consumer != nil {
		paths = t.consumer.rules.RoleClaims
	}
	var roles []string
	for _, path := range paths {
		roles = appendRoles(roles, t.claims, path)
	}
	t.roles.Store(&roles) // two calls at the same time store equal lists
	return roles
}

// scopes reads granted scopes: one string with a space between them, or an array.
func (c *claimReader) scopes(name string, v compact.Value) []string {
	text, ok := v.Text()
	if !ok {
		return c.strings(name, v)
	}
	scopes := c.room()
	for text != "" {
		var scope string
		if scope, text, _ = strings.Cut(text, " "); scope != "" { // the only separator (RFC 6749 section 3.3)
			scopes = append(scopes, scope)
		}
	}
	return c.keep(scopes)
}

// appendRoles adds the roles at path, which is not empty. The value is a string or an array; elements of an array that
// are not strings are skipped. Any other value has no roles: a rule that needs one rejects the request.
func appendRoles(roles []string, o compact.Object, path []string) []string {
	last := len(path) - 1
	for _, name := range path[:last] {
		v, _ := o.Get(name)
		o, _ = v.Object()
	}
	v, _ := o.Get(path[last])
	if role, ok := v.Text(); ok && role != "" {
		return append(roles, role)
	}
	for element := range v.Elements() {
		if role, ok := element.Text(); ok && role != "" {
			roles = append(roles, role)
		}
	}
	return roles
}
