package consumer

import "strings"

// Explanation lists the checks of one token, or of one request, in the order in which they run. It is for development: see
// [Config.Explain]. It quotes parts of tokens that may be forged: `alg`, `typ`, `kid`, `iss`, `aud`, the dates, the client,
// the tenant, and claims for the kind of token. It never contains the token, its signature, a secret, `sub`, an email
// address, a scope, or another claim about a user.
type Explanation struct {
	// Issuer is Config.Issuer of the Consumer that checked the token. Empty: no Consumer was selected.
	Issuer string `json:"issuer"`

	// Reason says why the token or the request was rejected. Empty: it was accepted.
	Reason Reason `json:"reason"`

	// Checks lists the checks. Checks that Config does not enable are not in the list.
	Checks []CheckResult `json:"checks"`
}

// CheckResult is the result of one check of an [Explanation].
type CheckResult struct {
	// Name identifies the check, for example "audience".
	Name string `json:"name"`

	// Result says whether the check passed.
	Result Result `json:"result"`

	// Expected and Received describe the two sides of the comparison. Received quotes at most 100 bytes of each value.
	// It is empty if the check makes no comparison, or if the value must not be shown.
	Expected string `json:"expected"`
	Received string `json:"received"`

	// Detail is the detail of the error of a failed check. See [Error.LogDetail].
	Detail string `json:"detail"`

	// Field names the setting that decides, for example "Config.Audience". It is a field of the Config of this package, or
	// of package middleware in checks of a Guard. Empty: no setting decides.
	Field string `json:"field"`
}

// Result is the result of a check.
type Result string

// The results of a check.
const (
	ResultPassed     Result = "passed"
	ResultFailed     Result = "failed"
	ResultNotReached Result = "not_reached" // the check did not run, because an earlier check failed
)

// String returns the explanation as text: one line with the result, and one line for each check.
func (x Explanation) String() string {
	var b strings.Builder
	if x.Issuer == "" {
		b.WriteString("no issuer: ")
	} else {
		b.WriteString("issuer " + x.Issuer + ": ")
	}
	if x.Reason == "" {
		b.WriteString("accepted\n")
	} else {
		b.WriteString("rejected (" + string(x.Reason) + ")\n")
	}
	for _, check := range x.Checks {
		b.WriteString(check.String() + "\n")
	}
	return b.String()
}

// String returns the result as one line, without a line break at the end.
func (r CheckResult) String() string {
	text := string(r.Result) + " " + r.Name + ": expected " + r.Expected
	if r.Received != "" {
		text += ", received " + r.Received
	}
	if r.Detail != "" {
		text += ": " + r.Detail
	}
	if r.Field != "" && !strings.Contains(text, r.Field) {
		text += " (" + r.Field + ")"
	}
	return text
}
