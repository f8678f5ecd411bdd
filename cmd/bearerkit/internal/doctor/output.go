package doctor

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
)

// document is the JSON output. docs/cli.md describes it.
type document struct {
	Issuer   string    `json:"issuer"`
	Audience []string  `json:"audience"`
	Profile  string    `json:"profile"`
	API      string    `json:"api"`
	Token    string    `json:"token"` // the verdict: accepted, rejected, unknown, or "" without a token
	Problems int       `json:"problems"`
	Warnings int       `json:"warnings"`
	Findings []Finding `json:"findings"`
	Settings []Setting `json:"settings"` // all settings of the findings, one for each field
}

// document returns the JSON output for the Config that the user has given.
func (d *doctor) document(given consumer.Config) document {
	findings := slices.Clone(d.findings)
	for i := range findings {
		findings[i].Settings = orEmpty(findings[i].Settings)
	}
	return document{
		Issuer: cli.URL(given.Issuer), Audience: orEmpty(given.Audience), Profile: given.Profile.String(), API: cli.URL(d.api), Token: string(d.verdict),
		Problems: d.count(Problem), Warnings: d.count(Warning), Findings: orEmpty(findings), Settings: orEmpty(d.settings),
	}
}

// orEmpty returns a list that JSON writes as [] and not as null.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// section returns the heading of a finding.
func (f Finding) section() string {
	name, _, _ := strings.Cut(f.Check, ".")
	switch name {
	case "api", "tls":
		return strings.ToUpper(name)
	case "resource":
		return "API metadata"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// labelWidth is the width of the first column.
const labelWidth = 14

// print writes the findings as text.
func (d *doctor) print(env *cli.Env) {
	width := env.Width()
	previous := ""
	for _, f := range d.findings {
		label := ""
		if f.section() != previous {
			previous, label = f.section(), f.section()
		}
		printFinding(env, f, label, width)
	}
	d.printSummary(env)
}

// printFinding writes one finding: a mark, the section, what was found, what to change, and the settings.
func printFinding(env *cli.Env, f Finding, label string, width int) {
	indent := strings.Repeat(" ", labelWidth+2)
	text := cli.Wrap(cli.Clean(f.Found), width, indent)
	fmt.Fprintf(env.Stdout, "%s %s%s\n", mark(env, f.Severity), env.Paint(cli.Bold, pad(label, labelWidth)), text)
	if f.Change == "" {
		return
	}
	fmt.Fprintf(env.Stdout, "%s%s\n", indent, env.Paint(cli.Blue, "→ ")+cli.Wrap(cli.Clean(f.Change), width, indent+"  "))
	for _, s := range f.Settings {
		fmt.Fprintf(env.Stdout, "%s  %s = %s\n", indent, env.Paint(cli.Bold, s.Field), env.Paint(cli.Green, s.Value))
	}
	if len(f.Settings) == 0 && f.Field != "" {
		fmt.Fprintf(env.Stdout, "%s  %s\n", indent, env.Paint(cli.Dim, "controlled by "+f.Field))
	}
}

// pad appends spaces.
func pad(text string, width int) string { return text + strings.Repeat(" ", max(width-len(text), 0)) }

// mark returns the mark of a severity.
func mark(env *cli.Env, s Severity) string {
	switch s {
	case Problem:
		return env.Paint(cli.Red, "✗")
	case Warning:
		return env.Paint(cli.Yellow, "!")
	default:
		return env.Paint(cli.Green, "✓")
	}
}

// printSummary writes the number of problems, and the settings as code.
func (d *doctor) printSummary(env *cli.Env) {
	problems, warnings := d.count(Problem), d.count(Warning)
	color := cli.Green
	if problems > 0 {
		color = cli.Red
	}
	text := fmt.Sprintf("%s, %s.", count(problems, "problem"), count(warnings, "warning"))
	fmt.Fprintf(env.Stdout, "\n%s", env.Paint(color, text))
	if len(d.settings) == 0 {
		fmt.Fprintln(env.Stdout)
		return
	}
	if d.verdict == verdictAccepted {
		fmt.Fprint(env.Stdout, " The token is accepted with these settings:\n\n")
	} else {
		fmt.Fprint(env.Stdout, " These settings are wrong or missing:\n\n")
	}
	longest := 0
	for _, s := range d.settings {
		longest = max(longest, len(s.Field))
	}
	for _, s := range d.settings {
		fmt.Fprintf(env.Stdout, "    %s = %s\n", pad(s.Field, longest), s.Value)
	}
}
