package doctor

import (
	"slices"
	"strconv"
	"strings"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/consumer"
)

// Severity says how bad a finding is.
type Severity string

// The severities. A problem makes the exit code 1.
const (
	OK      Severity = "ok"
	Warning Severity = "warning"
	Problem Severity = "problem"
)

// Actor is the party that has to act.
type Actor string

// The actors.
const (
	ActorAPI     Actor = "api"     // the operator of the API changes its Config
	ActorIssuer  Actor = "issuer"  // the operator of the authorization server
	ActorClient  Actor = "client"  // the developer of the client
	ActorMachine Actor = "machine" // the operator of this machine or its network
)

// Finding is one result of doctor. The JSON names are documented in docs/cli.md.
type Finding struct {
	// Check identifies the check. The part in front of the first dot names the section: issuer, metadata, keys, clock, tls,
	// token, resource or api.
	Check string `json:"check"`

	Severity Severity `json:"severity"`

	// Found says what was found.
	Found string `json:"found"`

	// Change says what to change. It is empty for severity ok.
	Change string `json:"change"`

	// Actor is who has to make the change. It is empty for severity ok.
	Actor Actor `json:"actor"`

	// Field is the field of a Config that controls the check, with its package. Empty: none does.
	Field string `json:"field"`

	// Settings are the fields to write, if a change of the Config of the API is the solution.
	Settings []Setting `json:"settings"`
}

// Setting is a field of a Config and the value to write.
type Setting struct {
	// Field is the field with its package, such as consumer.Config.Issuer.
	Field string `json:"field"`

	// Value is the value as a Go expression.
	Value string `json:"value"`

	apply func(cfg *consumer.Config) // nil for fields of other types
}

// The prefixes of Field.
const (
	inConsumer   = "consumer.Config."
	inMiddleware = "middleware.Config."
)

// setting returns a Setting of consumer.Config.
func setting(name, value string, apply func(cfg *consumer.Config)) Setting {
	return Setting{Field: inConsumer + name, Value: value, apply: apply}
}

// quoteGo returns text as a Go string literal of printable ASCII characters.
func quoteGo(text string) string { return strconv.QuoteToASCII(text) }

// quoteList returns texts as a Go expression.
func quoteList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, text := range texts {
		quoted[i] = quoteGo(text)
	}
	return "[]string{" + strings.Join(quoted, ", ") + "}"
}

// setIssuer returns the setting of Config.Issuer.
func setIssuer(issuer string) Setting {
	return setting("Issuer", quoteGo(issuer), func(cfg *consumer.Config) { cfg.Issuer = issuer })
}

// setAudience returns the setting of Config.Audience.
func setAudience(audience ...string) Setting {
	return setting("Audience", quoteList(audience), func(cfg *consumer.Config) { cfg.Audience = audience })
}

// setMetadataURL returns the setting of Config.MetadataURL.
func setMetadataURL(url string) Setting {
	return setting("MetadataURL", quoteGo(url), func(cfg *consumer.Config) { cfg.MetadataURL = url })
}

// report collects the findings.
type report struct {
	findings []Finding
	settings []Setting // the changes so far, one for each field
}

// ok adds a finding without a problem.
func (r *report) ok(check, field, found string) {
	r.findings = append(r.findings, Finding{Check: check, Severity: OK, Found: cli.HideURLs(found), Field: field})
}

// add adds a finding and records its settings.
func (r *report) add(f Finding) {
	if f.Field == "" && len(f.Settings) > 0 {
		f.Field = f.Settings[0].Field
	}
	f.Found, f.Change = cli.HideURLs(f.Found), cli.HideURLs(f.Change) // the settings have the whole URL, because the user needs it
	r.findings = append(r.findings, f)
	for _, s := range f.Settings {
		r.settings = slices.DeleteFunc(r.settings, func(old Setting) bool { return old.Field == s.Field })
		r.settings = append(r.settings, s)
	}
}

// count returns the number of findings with a severity.
func (r *report) count(severity Severity) int {
	n := 0
	for _, f := range r.findings {
		if f.Severity == severity {
			n++
		}
	}
	return n
}
