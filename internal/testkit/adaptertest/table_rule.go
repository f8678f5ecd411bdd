package adaptertest

import (
	"context"
	"errors"
	"net/http"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

// policies returns rows about rules that are met or not met.
func policies() []row {
	read, write := middleware.Scopes("orders:read"), middleware.Scopes("orders:read", "orders:write")
	admin := middleware.Role("realm_access.roles", "admin")
	forAdmins := spoiled(func(t *bearertest.Token) *bearertest.Token {
		return t.Set("realm_access", map[string]any{"roles": []string{"admin"}})
	})
	tenant := middleware.Claim("tenant", func(value any) bool { return value == "x" })
	dotted := middleware.RolePath([]string{"resource_access", "orders.example.com", "roles"}, "admin")
	forDotted := func(client string) func(*bearertest.Issuer) http.Header {
		return spoiled(func(t *bearertest.Token) *bearertest.Token {
			return t.Set("resource_access", map[string]any{client: map[string]any{"roles": []string{"admin"}}})
		})
	}
	forbidden := named(refused(http.StatusForbidden, consumer.ReasonPolicy, bare))
	scope := named(refused(http.StatusForbidden, consumer.ReasonScope, insufficientScope))
	return []row{
		{name: "scope held", guards: ruled(read), want: passed()},
		{name: "scope missing", guards: ruled(write), want: scope},
		{name: "HEAD, scope missing", method: http.MethodHead, guards: ruled(write), want: scope},
		{name: "one of the scopes held", guards: ruled(middleware.AnyScope("orders:admin", "orders:read")), want: passed()},
		{name: "scopes of two rules", guards: ruled(read, middleware.Scopes("orders:write")), want: scope},
		{name: "role held", header: forAdmins, guards: ruled(admin), want: passed()},
		{name: "role missing", guards: ruled(admin), want: forbidden},
		{name: "role at a path with dots held", header: forDotted("orders.example.com"), guards: ruled(dotted), want: passed()},
		{name: "role at a path with dots missing", header: forDotted("other.example.com"), guards: ruled(dotted), want: forbidden},
		{name: "claim missing", guards: ruled(tenant), want: forbidden},
		{name: "check fails", guards: ruled(check(errors.New("not today"))), want: forbidden},
		{name: "check passes", guards: ruled(check(nil)), want: passed()},
		{name: "any of two rules", guards: ruled(middleware.Any(admin, read)), want: passed()},
		{name: "none of two rules", guards: ruled(middleware.Any(admin, tenant)), want: forbidden},
		{
			name: "invalid rule", guards: ruled(middleware.Rule{}),
			want: refused(http.StatusInternalServerError, consumer.ReasonInternal, ""),
		},
	}
}

// check returns a rule with a constant result.
func check(answer error) middleware.Rule {
	return middleware.Check("mine", func(context.Context, *consumer.Token) error { return answer })
}

// outages returns rows about requests that cannot be decided. Their responses have no challenge, because other credentials would not help.
func outages() []row {
	fault := &consumer.Error{Reason: consumer.ReasonInternal, Err: errors.New("a fault of the check's own")}
	withKeys := func(keys jwks.Source) func(*world) (group, own []Guarded) {
		return set(func(c *consumer.Config, _ *middleware.Config) { c.Keys = keys })
	}
	withStatus := func(status statusFunc) func(*world) (group, own []Guarded) {
		return set(func(c *consumer.Config, _ *middleware.Config) { c.Status = status })
	}
	down := errors.New("down")
	noKeys := refused(http.StatusServiceUnavailable, consumer.ReasonKeysUnavailable, "")
	gone := want{status: 499, decisions: []string{"499 canceled"}, verified: 1} // without it, net/http would send 200
	return []row{
		{name: "issuer down", guards: set(func(c *consumer.Config, _ *middleware.Config) {
			c.HTTPClient = bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test"}).Client()
		}), want: noKeys},
		{name: "keys unavailable", guards: withKeys(keysFunc(func(context.Context) error { return jwks.ErrUnavailable })), want: noKeys},
		{
			name: "token revoked", guards: withStatus(func() (bool, error) { return false, nil }),
			want: refused(http.StatusUnauthorized, consumer.ReasonRevoked, invalidToken),
		},
		{
			name: "status unavailable", guards: withStatus(func() (bool, error) { return true, down }),
			want: refused(http.StatusServiceUnavailable, consumer.ReasonStatusUnavailable, ""),
		},
		{
			name: "check has a fault", guards: ruled(check(fault)),
			want: refused(http.StatusInternalServerError, consumer.ReasonInternal, ""),
		},
		{
			name: "check times out", guards: ruled(check(context.DeadlineExceeded)),
			want: refused(http.StatusServiceUnavailable, consumer.ReasonInternal, ""),
		},
		{name: "canceled request", gone: true, guards: withKeys(keysFunc(context.Context.Err)), want: gone},
	}
}

// keysFunc is a source without keys. It returns the error of the function.
type keysFunc func(context.Context) error

// Keys implements [jwks.Source].
func (f keysFunc) Keys(ctx context.Context, _, _ string) ([]jwks.Key, error) { return nil, f(ctx) }

// statusFunc is a status store with a constant result.
type statusFunc func() (bool, error)

// Active implements [consumer.TokenStatus].
func (f statusFunc) Active(context.Context, consumer.StatusToken) (bool, error) { return f() }
