package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
)

// verdict is the result of all checks. The values are part of the JSON output.
type verdict string

const (
	accepted  verdict = "accepted"
	rejected  verdict = "rejected"
	undecided verdict = "undecided" // no check failed, but some were not made
)

// report is what the command shows about a token.
type report struct {
	token      *inspect.Token
	checks     []check
	reason     consumer.Reason // why package consumer rejects the token
	verdict    verdict
	fix        string // what to do next; empty: nothing
	showClaims bool
}

// decide sets the verdict and the fix.
func (r *report) decide() {
	r.verdict, r.fix = rejected, fixOfKind(r.token.Kind)
	if len(r.checks) == 0 {
		if r.token.Kind == inspect.KindOpaque || r.token.Kind == inspect.KindEncrypted {
			r.verdict = undecided
		}
		return
	}
	if i := slices.IndexFunc(r.checks, func(c check) bool { return c.Result == failed }); i >= 0 {
		if r.fix == "" {
			r.fix = fixOfCheck(r.checks[i].Name, r.reason)
		}
		return
	}
	if r.token.Kind == inspect.KindMalformed {
		return
	}
	if r.reason != "" { // package consumer rejects the token for a reason that no check shows
		r.fix = fixOfCheck("", r.reason)
		return
	}
	r.verdict, r.fix = accepted, ""
	var names []string
	for _, c := range r.checks {
		if c.Result == notChecked {
			r.verdict = undecided
			names = append(names, c.Name)
		}
	}
	if len(names) > 0 {
		r.fix = "These checks were not made: " + strings.Join(names, ", ") + ". The lines above say what they need."
	}
}

// parameters are the header parameters whose values are shown: short ones, which are not keys or certificates.
func parameters() []string { return []string{"alg", "b64", "crit", "cty", "enc", "kid", "typ", "zip"} }

// claims are the claims whose values are shown without --show-claims: those about the token, the client and the API.
func claims() []string {
	return []string{
		"acr", "amr", "appid", "aud", "auth_time", "azp", "cid", "client_id", "exp", "htm", "htu", "iat", "iss", "nbf", "scope", "scp",
		"tid", "token_use", "type", "typ", "ver",
	}
}

// choose returns the members of object that may be shown, and the names of the others. A nil list
// shows all.
func choose(object map[string]any, shown []string) (values map[string]any, hidden []string) {
	values, hidden = make(map[string]any), []string{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if shown == nil || slices.Contains(shown, name) {
			values[name] = object[name]
		} else {
			hidden = append(hidden, name)
		}
	}
	return values, hidden
}

// document is the JSON output. docs/cli.md describes it.
type document struct {
	Kind             inspect.Kind    `json:"kind"`
	Because          string          `json:"because"`
	Removed          []string        `json:"removed"`
	Length           int             `json:"length"`
	Header           map[string]any  `json:"header"`
	HiddenParameters []string        `json:"hidden_parameters"`
	Claims           map[string]any  `json:"claims"`
	HiddenClaims     []string        `json:"hidden_claims"`
	Checks           []check         `json:"checks"`
	Verdict          verdict         `json:"verdict"`
	Reason           consumer.Reason `json:"reason"`
	Fix              string          `json:"fix"`
}

// document returns the JSON output.
func (r *report) document() document {
	d := document{
		Kind: r.token.Kind, Because: r.token.Because, Removed: append([]string{}, r.token.Removed...), Length: len(r.token.Raw),
		Checks: make([]check, len(r.checks)), Verdict: r.verdict, Reason: r.reason, Fix: r.fix,
	}
	for i, c := range r.checks {
		d.Checks[i] = c.scrub()
	}
	d.Header, d.HiddenParameters = choose(r.token.Header, parameters())
	shown := claims()
	if r.showClaims {
		shown = nil
	}
	d.Claims, d.HiddenClaims = choose(r.token.Claims, shown)
	d.Header, d.HiddenParameters = scrubObject(d.Header), scrubNames(d.HiddenParameters)
	d.Claims, d.HiddenClaims = scrubObject(d.Claims), scrubNames(d.HiddenClaims)
	d.Because = cli.HideTokens(d.Because)
	return d
}

// labelWidth is the width of the first column.
const labelWidth = 11

// print writes the report as text.
func (r *report) print(env *cli.Env) {
	d := r.document()
	p := printer{env: env, indent: strings.Repeat(" ", labelWidth+2)}
	text := fmt.Sprintf("%s, %d bytes", d.Kind, d.Length)
	if d.Because != "" {
		text += "; it is recognized by " + d.Because
	}
	p.line(" ", "token", text+".")
	if len(d.Removed) > 0 {
		p.line(" ", "", "Removed around it: "+strings.Join(d.Removed, ", ")+".")
	}
	p.values("header", d.Header, d.HiddenParameters, "not shown")
	p.values("claims", d.Claims, d.HiddenClaims, "not shown (--show-claims)")
	for _, c := range d.Checks {
		p.check(c)
	}
	color := map[verdict]cli.Color{accepted: cli.Green, rejected: cli.Red, undecided: cli.Yellow}[d.Verdict]
	fmt.Fprintf(env.Stdout, "\n%s\n", env.Paint(color, sentence(d.Verdict)))
	if d.Fix != "" {
		fmt.Fprintln(env.Stdout, cli.Wrap(cli.Clean(d.Fix), env.Width(), ""))
	}
}

// sentence returns the verdict as text.
func sentence(v verdict) string {
	switch v {
	case accepted:
		return "An API with these settings accepts the token."
	case rejected:
		return "The token is rejected."
	default:
		return "The token cannot be checked completely."
	}
}

// printer writes aligned text.
type printer struct {
	env    *cli.Env
	indent string
}

// line writes a mark, a label and a text that may be longer than a line.
func (p printer) line(mark, label, text string) {
	label += strings.Repeat(" ", max(labelWidth-len(label), 0))
	fmt.Fprintf(p.env.Stdout, "%s %s%s\n", mark, p.env.Paint(cli.Bold, label), cli.Wrap(cli.Clean(text), p.env.Width(), p.indent))
}

// values writes the members of an object, one per line.
func (p printer) values(label string, object map[string]any, hidden []string, note string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		p.line(" ", label, cli.Clean(name)+" "+textOf(name, object[name]))
		label = ""
	}
	if len(hidden) == 0 {
		return
	}
	quoted := make([]string, len(hidden))
	for i, name := range hidden {
		quoted[i] = cli.Quote(name)
	}
	p.line(" ", label, note+": "+strings.Join(quoted, ", "))
}

// check writes one check: its result, what it compared, its rule and its setting.
func (p printer) check(c check) {
	mark := map[result]string{
		passed: p.env.Paint(cli.Green, "✓"), failed: p.env.Paint(cli.Red, "✗"), notReached: "-", notChecked: p.env.Paint(cli.Yellow, "?"),
	}[c.Result]
	text := string(c.Result)
	switch {
	case c.Result == passed && c.Received != "":
		text += ": " + c.Received
	case c.Result == passed:
	case c.Detail != "":
		text += ": " + c.Detail
	case c.Expected != "":
		text += ": expected " + c.Expected
	}
	if c.Result == notChecked && c.Received != "" {
		text += "; received " + c.Received
	}
	p.line(mark, c.Name, text+".")
	source := c.Rule
	if c.Field != "" {
		source += ", " + c.Field
	}
	fmt.Fprintf(p.env.Stdout, "%s%s\n", p.indent, p.env.Paint(cli.Dim, source))
}

// dates are the claims that hold a number of seconds (RFC 7519 section 2).
func dates() []string { return []string{"exp", "nbf", "iat", "auth_time"} }

// maxShown is the number of bytes of a value that is shown as text.
const maxShown = 300

// textOf returns a value as text, and a date also in the form of RFC 3339 with its distance from now.
func textOf(name string, value any) string {
	data, err := json.Marshal(value)
	if err != nil {
		return "(not shown)"
	}
	text := string(data)
	if s, ok := value.(string); ok {
		return cli.Quote(s)
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	if number, ok := value.(json.Number); ok && slices.Contains(dates(), name) {
		if at, ok := dateOf(number); ok {
			return text + " (" + at.UTC().Format(time.RFC3339) + ", " + distance(time.Until(at)) + ")"
		}
	}
	return text
}

// maxDate is the last second that RFC 3339 can represent.
const maxDate = 253402300799

// dateOf converts a NumericDate. ok is false if it is out of range.
func dateOf(number json.Number) (at time.Time, ok bool) {
	seconds, _, err := big.ParseFloat(cut(number.String(), 40), 10, 64, big.ToNearestEven)
	if err != nil || seconds.Sign() < 0 || seconds.Cmp(big.NewFloat(maxDate)) > 0 {
		return time.Time{}, false
	}
	whole, _ := seconds.Int64()
	return time.Unix(whole, 0), true
}

// cut returns text, or "" if it is longer than limit bytes.
func cut(text string, limit int) string {
	if len(text) > limit {
		return ""
	}
	return text
}

// distance describes how far a time is from now.
func distance(d time.Duration) string {
	if d < 0 {
		return rounded(-d) + " ago"
	}
	return "in " + rounded(d)
}

// rounded returns a duration in its largest unit.
func rounded(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d/time.Minute))
	case d < 2*day:
		return fmt.Sprintf("%d h", int(d/time.Hour))
	}
	return fmt.Sprintf("%d days", int(d/day))
}
