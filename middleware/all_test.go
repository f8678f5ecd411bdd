package middleware_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/middleware"
)

func TestAlternatives(t *testing.T) {
	t.Parallel()
	type ways = []middleware.Alternative
	scopes := func(names ...string) middleware.Alternative { return middleware.Alternative{Scopes: names} }
	many := make([]string, 101)
	for i := range many {
		many[i] = "s" + strconv.Itoa(i)
	}
	tests := map[string]struct {
		rule middleware.Rule
		want ways
	}{
		"scopes":      {middleware.Scopes("a", "b"), ways{scopes("a", "b")}},
		"any scope":   {middleware.AnyScope("a", "b"), ways{scopes("a"), scopes("b")}},
		"role":        {middleware.Role("roles", "r", "s"), ways{{Roles: []string{"r"}}, {Roles: []string{"s"}}}},
		"role path":   {middleware.RolePath([]string{"a", "b"}, "r"), ways{{Roles: []string{"r"}}}},
		"any role":    {middleware.AnyRole("r"), ways{{Roles: []string{"r"}}}},
		"constrained": {middleware.SenderConstrained(), ways{{Bound: true}}},
		"step-up":     {middleware.StepUp(time.Hour), ways{{}}},
		"any":         {middleware.Any(middleware.Scopes("a", "b"), middleware.AnyRole("r"), middleware.StepUp(time.Hour)), ways{scopes("a", "b"), {Roles: []string{"r"}}, {}}},
		"all": {
			middleware.All(middleware.AnyScope("a", "b"), middleware.Scopes("b", "c"), middleware.AnyRole("r"), middleware.SenderConstrained()),
			ways{{Scopes: []string{"a", "b", "c"}, Roles: []string{"r"}, Bound: true}, {Scopes: []string{"b", "c"}, Roles: []string{"r"}, Bound: true}},
		},
		"too many":          {middleware.AnyScope(many...), ways{}},
		"too many in any":   {middleware.Any(middleware.AnyScope(many...), middleware.Scopes("a")), ways{}},
		"too many in all":   {middleware.All(middleware.AnyScope(many...), middleware.Scopes("a")), ways{}},
		"too many products": {middleware.All(middleware.AnyScope(many[:11]...), middleware.AnyRole(many[:11]...)), ways{}},
	}
	for name, test := range tests {
		if diff := cmp.Diff(test.want, test.rule.Alternatives()); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
	rule := middleware.Scopes("a")
	rule.Alternatives()[0].Scopes[0] = "changed"
	if got := rule.Alternatives()[0].Scopes[0]; got != "a" {
		t.Errorf("the caller has changed the rule to %q", got)
	}
}
