package adaptertest

import (
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// nesting returns rows with Guards on a group and on a route in it.
func nesting() []row {
	read, write := middleware.Scopes("orders:read"), middleware.Scopes("orders:write")
	optional := func(_ *consumer.Config, g *middleware.Config) { g.Optional = true }
	otherAudience := func(c *consumer.Config, _ *middleware.Config) { c.Audience = []string{"https://other.test"} }

	once := passed()
	once.decisions = []string{"200 ", "200 "}
	twice := once
	twice.verified = 2
	innerScope := refused(http.StatusForbidden, consumer.ReasonScope, insufficientScope)
	innerScope.decisions = []string{"200 ", "403 scope"}
	innerAudience := refused(http.StatusUnauthorized, consumer.ReasonAudience, invalidToken)
	innerAudience.decisions, innerAudience.verified = []string{"200 ", "401 audience"}, 2
	innerMissing := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare)
	innerMissing.decisions = []string{"200 ", "401 no_token"}
	innerMissingScope := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare+ordersRead)
	innerMissingScope.decisions = innerMissing.decisions

	return []row{
		{name: "nested, verified once", guards: of(nil, nil, []middleware.Rule{read}), want: once},
		{
			name: "nested, the group rejects", guards: of(nil, []middleware.Rule{read, write}, nil),
			want: refused(http.StatusForbidden, consumer.ReasonScope, insufficientScope),
		},
		{name: "nested, the route rejects", guards: of(nil, []middleware.Rule{read}, []middleware.Rule{write}), want: innerScope},
		{
			name: "nested, no credentials", header: authorization(), guards: of(nil, nil, nil),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare),
		},
		{name: "nested three deep", guards: func(w *world) ([]Guarded, []Guarded) {
			g := w.guard(nil)
			return []Guarded{{Guard: g}}, []Guarded{{Guard: g, Rules: []middleware.Rule{read}}, {Guard: g}}
		}, want: want{
			status: http.StatusOK, body: order7, decisions: []string{"200 ", "200 ", "200 "}, verified: 1, runs: 1,
		}},
		{name: "group alone", guards: func(w *world) ([]Guarded, []Guarded) {
			return []Guarded{{Guard: w.guard(nil), Rules: []middleware.Rule{read}}}, nil
		}, want: passed()},
		{name: "two Guards", guards: by(nil, nil), want: twice},
		{name: "two Guards, the inner for another API", guards: by(nil, otherAudience), want: innerAudience},
		{
			name: "two Guards, the outer for another API", guards: by(otherAudience, nil),
			want: refused(http.StatusUnauthorized, consumer.ReasonAudience, invalidToken),
		},
		{
			name: "two Guards, the outer Optional, no credentials", header: authorization(), guards: by(optional, nil),
			want: innerMissing,
		},
		{
			name: "nested, Optional, no credentials, a rule on the route", header: authorization(),
			guards: of(optional, nil, []middleware.Rule{read}), want: innerMissingScope,
		},
	}
}

// of uses one Guard for a group and for a route in it.
func of(change settings, group, own []middleware.Rule) func(*world) ([]Guarded, []Guarded) {
	return func(w *world) ([]Guarded, []Guarded) {
		g := w.guard(change)
		return []Guarded{{g, group}}, []Guarded{{g, own}}
	}
}

// by uses one Guard for a group and another for a route in it.
func by(outer, inner settings) func(*world) ([]Guarded, []Guarded) {
	return func(w *world) ([]Guarded, []Guarded) {
		return []Guarded{{Guard: w.guard(outer)}}, []Guarded{{Guard: w.guard(inner)}}
	}
}
