package adaptertest

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// table returns rows for all responses of a resource server, and for the ways in which a framework could change one.
func table() []row {
	return slices.Concat(credentials(), elsewhere(), tokens(), verifiers(), policies(), outages(), preflights(), nesting(), handlers(),
		signIns(), bearers(), posted(slices.Concat(proofKeys(), schemes(), proofStates(), certificates(), challenges())...))
}

const (
	bare              = `Bearer realm="api"`
	invalidRequest    = bare + `, error="invalid_request"`
	invalidToken      = bare + `, error="invalid_token"`
	ordersRead        = `, scope="orders:read"`
	insufficientScope = bare + `, error="insufficient_scope", scope="orders:read orders:write"`
)

const order7 = "alice: order 7\n"

// passed is expected if the handler runs with a token.
func passed() want {
	return want{status: http.StatusOK, body: order7, decisions: []string{"200 "}, decided: "alice", verified: 1, runs: 1}
}

// anonymous is expected if the handler runs without a token.
func anonymous(decisions ...string) want {
	return want{status: http.StatusOK, body: "nobody: order 7\n", decisions: decisions, runs: 1}
}

// refused is expected if the request is rejected.
func refused(status int, reason consumer.Reason, challenge string) want {
	w := want{
		status: status,
		header: map[string]string{
			"WWW-Authenticate": challenge,
			"Content-Type":     "application/problem+json",
			"Cache-Control":    "no-store",
			"Retry-After":      "",
		},
		decisions: []string{fmt.Sprint(status, " ", reason)},
		verified:  1,
	}
	if status == http.StatusServiceUnavailable {
		w.header["Retry-After"] = "5"
	}
	return w
}

// unverified is expected if the request is rejected before a token is verified.
func unverified(status int, reason consumer.Reason, challenge string) want {
	w := refused(status, reason, challenge)
	w.verified, w.decided = 0, "-"
	return w
}

// named is expected if a rule rejects the token of alice.
func named(w want) want {
	w.decided = "alice"
	return w
}

// authorization returns a header with the given Authorization lines.
func authorization(lines ...string) func(*bearertest.Issuer) http.Header {
	return func(*bearertest.Issuer) http.Header { return http.Header{"Authorization": lines} }
}

// spoiled returns a header with a changed token.
func spoiled(spoil func(*bearertest.Token) *bearertest.Token) func(*bearertest.Issuer) http.Header {
	return func(issuer *bearertest.Issuer) http.Header {
		return http.Header{"Authorization": {"Bearer " + spoil(reader(issuer)).Sign()}}
	}
}

// reader returns a valid token with the scope orders:read.
func reader(issuer *bearertest.Issuer) *bearertest.Token {
	return issuer.AccessToken().Set("scope", "orders:read")
}

// good returns a header with a valid token.
func good(issuer *bearertest.Issuer) http.Header {
	return http.Header{"Authorization": {"Bearer " + reader(issuer).Sign()}}
}

// ruled puts one Guard with rules on the route.
func ruled(rules ...middleware.Rule) func(*world) (group, own []Guarded) {
	return set(nil, rules...)
}

// set is ruled with a changed Config.
func set(change settings, rules ...middleware.Rule) func(*world) (group, own []Guarded) {
	return func(w *world) (group, own []Guarded) {
		return nil, []Guarded{{Guard: w.guard(change), Rules: rules}}
	}
}
