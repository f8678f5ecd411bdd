package bearertest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// assault is the state while the rows run for one target.
type assault struct {
	handler  http.Handler
	issuer   *Issuer
	target   Target
	place    place   // of the token in requests of the target
	stranger *Issuer // nobody trusts it; its keys have the same `kid`s

	good     response     // to the valid token
	counted  bool         // the deployment requests keys from issuer, so that its requests can be counted
	override []byte       // the key set that replaced that of issuer, before the rows changed it
	extra    *publication // nil: not published yet
}

// row is one line of the attack table.
type row struct {
	name string
	rule rule
	test func(c *check)
}

// rule is the reason for a row.
type rule struct {
	source string // the sections of the specifications
	change string // what to change in a deployment that fails
}

// check collects the result of one row.
type check struct {
	*assault
	row      row
	sent     int
	failures []string
	skipped  string
}

// newAssault sends a valid token, and a request without one. problem says why the deployment cannot be tested.
func newAssault(handler http.Handler, issuer *Issuer, target Target) (a *assault, problem string) {
	if problem := target.problem(); problem != "" {
		return nil, problem
	}
	a = &assault{
		handler: handler, issuer: issuer, target: target,
		stranger: NewIssuer(IssuerConfig{Audience: issuer.audience, Algorithms: issuer.algorithms}),
		override: issuer.replaced(),
		place:    target.place(),
	}
	if problem := a.skipProblem(); problem != "" {
		return nil, problem
	}
	token := target.token(issuer)
	a.good = send(handler, target.requestWith(token.Sign()))
	if !a.good.accepted() {
		return nil, a.setupProblem(token)
	}
	a.counted = len(issuer.Requests()) > 0
	if open := send(handler, target.request()); open.accepted() && !target.Optional {
		return nil, fmt.Sprintf("bearertest: %s accepts requests without a token: %v\n"+
			"  Guard the route, or set Target.Optional if requests without credentials may pass.", a.line(), open)
	}
	return a, ""
}

// setupProblem explains why the valid token may have been rejected.
func (a *assault) setupProblem(token *Token) string {
	hint := "Compare the claims with the configuration of the deployment: the issuer, the audience, and the scopes of the route. " +
		"Target.Token and Target.Scope change the token."
	switch status := a.good.status; {
	case a.good.panicked != nil:
		hint = "The handler panics for a valid request."
	case status == http.StatusNotFound || status == http.StatusMethodNotAllowed:
		hint = "Set Target.URL and Target.Method to those of a route of the handler."
	case status == http.StatusForbidden:
		hint = "Set Target.Scope to the scopes that the route requires, or Target.Token if it requires other claims."
	case status >= 500:
		hint = "The deployment could probably not fetch the keys. Let it use Issuer.Client as its HTTP client, or serve the Issuer on a socket."
	case status >= 300 && status < 400:
		hint = "Set Target.URL to the location of the redirect."
	}
	return fmt.Sprintf("bearertest: the valid token must be accepted before attacks are tested, but it was not\n"+
		"  sent:     %s, with %s\n  expected: a status of 2xx\n  received: %v\n  change:   %s",
		a.line(), describe(token.Sign()), a.good, hint)
}

// skipProblem describes a mistake in Target.Skip, or is empty.
func (a *assault) skipProblem() string {
	for _, key := range slices.Sorted(maps.Keys(a.target.Skip)) {
		known := slices.ContainsFunc(a.rows(), func(row row) bool { return row.name == key || row.id() == key })
		if !known {
			return fmt.Sprintf("bearertest: there is no row %q in the attack table (Target.Skip)", key)
		}
		if a.target.Skip[key] == "" {
			return fmt.Sprintf("bearertest: Skip must say why the row %q is skipped (Target.Skip)", key)
		}
	}
	return ""
}

// id returns the part of the name before the first underscore.
func (r row) id() string {
	id, _, _ := strings.Cut(r.name, "_")
	return id
}

// rows returns the attack table. The rows about key sets come first, because the deployment has to fetch the changed set,
// and the floods come last, because they use up the fetches that it allows.
func (a *assault) rows() []row {
	return slices.Concat(
		a.keySetRows(), a.algorithmRows(), a.signatureRows(), a.keyRows(), a.formRows(), a.jsonRows(), a.timeRows(),
		a.audienceRows(), a.issuerRows(), a.kindRows(), a.scopeRows(), a.schemeRows(), a.placeRows(), a.methodRows(),
		a.challengeRows(), a.leakRows(), a.cacheRows(), a.proofRows(), a.floodRows(), a.brokenSetRows(), a.elapsedRows(),
	)
}

// run runs one row.
func (a *assault) run(row row) *check {
	c := &check{assault: a, row: row}
	for _, key := range []string{row.name, row.id()} {
		if reason := a.target.Skip[key]; reason != "" {
			c.skipped = reason + " (Target.Skip)"
			return c
		}
	}
	row.test(c)
	if c.sent > 0 {
		c.skipped = ""
	}
	return c
}

// restore restores the key set that the issuer published before the rows ran.
func (a *assault) restore() { a.issuer.SetJWKS(a.override) }

// replaced returns the document of SetJWKS, or nil.
func (i *Issuer) replaced() []byte {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.override)
}

// token returns a new valid token.
func (a *assault) token() *Token { return a.target.token(a.issuer) }

// line returns the method and the path of the target.
func (a *assault) line() string {
	path, _, _ := strings.Cut(a.target.url(), "?")
	return a.target.method() + " " + path
}
