package bearertest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Attacks tests a deployment: the HTTP handler that serves an API, including all of its middleware. It may use bearerkit or not.
// For each target, Attacks sends a valid token, which the handler must accept, and then a table of requests that attackers
// send. Each row of the table is a subtest whose name starts with an id, such as 13_exp_absent or B3_two_authorization_headers.
// The file docs/attacks.md of the repository lists them. Without a target, Attacks tests GET / with the tokens of
// [Issuer.AccessToken].
//
//	func TestAttacks(t *testing.T) {
//		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
//		handler := newServer(issuer.URL(), issuer.Client()) // the code that main uses
//		bearertest.Attacks(t, handler, issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
//	}
//
// The handler must trust issuer, and must fetch its keys from it, through [Issuer.Client] or a socket. If it has the keys from
// elsewhere, the rows that need the fetches are skipped. To test a server that runs elsewhere, pass [RemoteHandler].
//
// A failure says what was sent, what was expected and received, which rule requires it, and what to change. It never contains a
// signature. A row that does not apply is skipped, and says why. Some rows are stricter than the specifications; their rule says
// so. [Target.Skip] skips rows.
//
// Attacks publishes other key sets at the issuer with the effect of [Issuer.SetJWKS], and restores the previous one. The issuer
// must not be used by other tests at the same time. Attacks starts no goroutine and does not sleep, except with Target.Sleep. In a
// testing/synctest bubble, where subtests are not possible, the rows run within t.
func Attacks(t *testing.T, handler http.Handler, issuer *Issuer, targets ...Target) {
	t.Helper()
	if len(targets) == 0 {
		targets = []Target{{}}
	}
	for _, target := range targets {
		if len(targets) == 1 {
			attack(t, "", handler, issuer, target)
			continue
		}
		subtest(t, target.name(), func(t *testing.T, prefix string) { attack(t, prefix, handler, issuer, target) })
	}
}

// Target describes one route of a deployment, and the requests that it accepts. The zero value is GET / with a token of
// [Issuer.AccessToken] in the Authorization header.
type Target struct {
	// Method is the method of the requests. Empty: GET.
	Method string

	// URL is the path of the route, with an optional query, or its absolute URL. Empty: /.
	URL string

	// Header contains further header fields of each request, such as Content-Type. Nil: none.
	Header http.Header

	// Body is the body of each request. Empty: no body.
	Body string

	// Token returns a new token that the route accepts. It is called often, and must return another Token each time. Nil:
	// Issuer.AccessToken, with Scope. Set it if the deployment requires other claims or another `typ`.
	Token func() *Token

	// Scope contains the scopes that the route requires, separated by spaces. They are added to the valid token as the claim
	// `scope`. Empty: no scope is added, and the rows about missing scopes are skipped.
	Scope string

	// Credential adds a token to a request, in the place where the deployment reads it. It is called for each request, so it can
	// add a DPoP proof. The token may be malformed. Nil: an Authorization header with the scheme Bearer.
	Credential func(r *http.Request, token string)

	// ClockSkew is how long the deployment accepts a token after `exp` and before `nbf`. Zero: 5 minutes, which is the most that
	// RFC 7519 allows ("no more than a few minutes"). A smaller value, as configured, makes the rows about times stricter.
	ClockSkew time.Duration

	// Optional says that the route accepts requests without credentials. False: it must reject them.
	Optional bool

	// AcceptsIDTokens says that the deployment accepts ID tokens as access tokens, and skips the row about them. False: it must
	// reject them.
	AcceptsIDTokens bool

	// Sleep lets the given time pass for the deployment. In a testing/synctest bubble, set it to time.Sleep. Nil: the rows for
	// which time must pass are skipped.
	Sleep func(time.Duration)

	// Skip contains rows that are not run, with the reasons. A key is the name of a row, such as "13_iat_in_the_future", or the id
	// before its first underscore, such as "13", for all rows with that id. Nil: no row is skipped.
	Skip map[string]string
}

// attack runs all rows for one target. prefix is the start of the names of the rows, if they are not subtests.
func attack(t *testing.T, prefix string, handler http.Handler, issuer *Issuer, target Target) {
	t.Helper()
	a, problem := newAssault(handler, issuer, target)
	if problem != "" {
		t.Fatal(prefix + problem)
	}
	defer a.restore()
	for _, row := range a.rows() {
		subtest(t, prefix+row.name, func(t *testing.T, prefix string) {
			t.Helper()
			result := a.run(row)
			switch {
			case len(result.failures) > 0:
				t.Error(prefix + strings.Join(result.failures, "\n"))
			case result.skipped != "" && prefix == "":
				t.Skip(result.skipped)
			case result.skipped != "":
				t.Log(prefix + "skipped: " + result.skipped)
			}
		})
	}
}

// subtest runs f as a subtest. In a bubble of testing/synctest, where Run panics before it does anything, it runs f within t,
// with a prefix for the messages.
func subtest(t *testing.T, name string, f func(t *testing.T, prefix string)) {
	t.Helper()
	if inBubble(t, name, f) {
		f(t, name+": ")
	}
}

// inBubble runs f as a subtest, and returns false. In a bubble of testing/synctest, it returns true and does not run f.
func inBubble(t *testing.T, name string, f func(t *testing.T, prefix string)) (bubble bool) {
	t.Helper()
	defer func() {
		if reason := recover(); reason != nil {
			if text, ok := reason.(string); !ok || !strings.Contains(text, "synctest") {
				panic(reason) //nolint:forbidigo // a panic of the testing package, which this function does not handle
			}
			bubble = true
		}
	}()
	t.Run(name, func(t *testing.T) {
		t.Helper()
		f(t, "")
	})
	return false
}
