package mcpauth

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// other is the key for all names without their own entry. It works like a prefix of length zero.
const other = "*"

// methodsField is the field of Config with the rules of methods. Its keys are never patterns.
const methodsField = "Methods"

// policy contains the rules of all operations. It is immutable, so requests read it without a lock.
type policy struct {
	methods map[string][]middleware.Rule // Config.Methods
	entries [kinds]entries               // the rules for targets, by kind; that of none is empty
}

// entries contains the rules of one field of Config: Tools, Prompts or Resources.
type entries struct {
	field    string                       // the name of the field, for errors
	rules    map[string][]middleware.Rule // the field itself
	prefixes bool                         // whether keys may end in "*": only in Resources

	ordered []string           // the keys that are prefixes, without "*", the longest first
	similar map[string]similar // by key; empty unless prefixes is set
}

// newEntries returns entries with a copy of rules.
func newEntries(field string, rules map[string][]middleware.Rule, prefixes bool) entries {
	list := entries{field: field, rules: clone(rules), prefixes: prefixes, similar: make(map[string]similar)}
	for key := range rules {
		if list.isPattern(key) {
			list.ordered = append(list.ordered, strings.TrimSuffix(key, other))
		}
		if prefixes {
			list.similar[key] = similarTo(strings.TrimSuffix(key, other), list.isPattern(key))
		}
	}
	slices.SortFunc(list.ordered, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return list
}

// isPattern reports whether a key is for several names: it is "*", or a prefix.
func (e *entries) isPattern(key string) bool {
	return key == other || e.prefixes && strings.HasSuffix(key, other)
}

// lists returns the rules of all fields that are maps. Those of Methods become entries too, for checks of the configuration.
func (p *policy) lists() []entries {
	return append(p.entries[:], entries{field: methodsField, rules: p.methods})
}

// requirement contains the rules of one entry.
type requirement struct {
	entry string            // the field and the key, such as "Tools delete_note"; empty for an operation without an entry
	rules []middleware.Rule // may be empty: then every admitted token meets the requirement
}

// requirements returns the requirements of op: that of its method in Methods, and that of each of its targets. If a required entry
// does not exist, it returns one requirement with a rule that no token meets.
func (p *policy) requirements(op operation) (needs []requirement) {
	if rules, listed := p.methods[op.method]; listed {
		needs = append(needs, requirement{methodsField + " " + op.method, rules})
	} else if op.kind == none && !isOpen(op.method) {
		return []requirement{{rules: []middleware.Rule{unlisted(methodsField, op.method)}}}
	}
	for _, name := range op.names {
		list := &p.entries[op.kind]
		key, found := list.find(name)
		if !found {
			return []requirement{{rules: []middleware.Rule{unlisted(list.field, name)}}}
		}
		needs = append(needs, requirement{list.field + " " + key, list.rules[key]})
	}
	return needs
}

// requirementsOf returns the requirements of all messages in a body, each entry once. So a body with 100 calls of one tool does
// not apply its rules 100 times.
func (p *policy) requirementsOf(messages []message) (needs []requirement) {
	known := make(map[string]bool)
	for _, one := range messages {
		if one.method == "" {
			continue // the response to a request of the server; the owner of the session needs no further rights for it
		}
		for _, need := range p.requirements(one.operation) {
			if need.entry == "" || !known[need.entry] {
				known[need.entry] = true
				needs = append(needs, need)
			}
		}
	}
	return needs
}

// rulesOf returns the rules of all requirements.
func rulesOf(needs []requirement) (rules []middleware.Rule) {
	for _, one := range needs {
		rules = append(rules, one.rules...)
	}
	return rules
}

// find returns the key of the entry for name: the name itself if it is a key, or else the longest prefix, or "*". A name that is
// itself a pattern, such as "*", is never found as a key.
func (e *entries) find(name string) (key string, found bool) {
	if _, listed := e.rules[name]; listed && !e.isPattern(name) {
		return name, true
	}
	// Only prefixes need this check. A key that is equal to the URI names exactly this resource.
	if e.prefixes && isAmbiguous(name) {
		return "", false
	}
	for _, prefix := range e.ordered {
		// The prefixes are ordered by length, so the first one that fits is the longest.
		if strings.HasPrefix(name, prefix) {
			return prefix + other, !e.isEvasion(name, prefix+other)
		}
	}
	return "", false
}

// isEvasion reports whether a handler could read uri as one to which a more specific key than found applies. Then the rules of
// found must not decide, because those of the other key may be stricter. The more specific key is the one with the longer text.
func (e *entries) isEvasion(uri, found string) bool {
	if !e.prefixes {
		return false
	}
	text := normal(uri)
	path := withoutQuery(text)
	for _, one := range e.similar {
		if len(one.text) > len(e.similar[found].text) && one.fits(text, path) {
			return true
		}
	}
	return false
}

// isOpen reports whether the method needs no entry in the policy: the specification defines it, and it has no target. A method that
// a later revision of the specification adds needs an entry in Methods until it is added here.
func isOpen(method string) bool {
	switch method {
	case "initialize", "ping", "server/discover", "logging/setLevel", "subscriptions/listen",
		"tools/list", "prompts/list", "resources/list", "resources/templates/list",
		"notifications/initialized", "notifications/cancelled", "notifications/progress", "notifications/roots/list_changed":
		return true
	}
	return false
}

// all returns the rules of all entries, for the metadata document.
func (p *policy) all() (rules []middleware.Rule) {
	for _, list := range p.lists() {
		for _, key := range slices.Sorted(maps.Keys(list.rules)) {
			rules = append(rules, list.rules[key]...)
		}
	}
	return rules
}

// unlisted returns the rule for an operation whose method or target has no entry in a field of Config. No token meets it. The log
// names the field and the missing entry; the client receives only the status.
func unlisted(field, name string) middleware.Rule {
	return middleware.Check("mcp_policy", func(context.Context, *consumer.Token) error {
		return &middleware.Refusal{
			Status: http.StatusForbidden, Reason: consumer.ReasonPolicy,
			Detail: fmt.Sprintf("mcpauth: Config.%s has no entry for %q", field, shortened(name, 100)),
		}
	})
}

// shortened returns the first limit bytes of text. Use it for texts that clients or tokens contain, so that the log stays small.
func shortened(text string, limit int) string { return text[:min(len(text), limit)] }

// codeInvalidToken is an error code of RFC 6750 section 3.1.
const codeInvalidToken = "invalid_token"

// audience returns the rule that the token was issued for this server. configured is Config.Audience. If it is nil, the rule calls
// resource, which returns the resource of the Guard, for each request: Guard.Replace may change it. The Verifier checks the
// audience too, but it may accept tokens of several APIs.
func audience(configured []string, resource func() string) middleware.Rule {
	return middleware.Check("mcp_audience", func(_ context.Context, t *consumer.Token) error {
		accepted := configured
		if accepted == nil {
			accepted = namesOf(resource())
		}
		if slices.ContainsFunc(t.Audience(), func(aud string) bool { return slices.Contains(accepted, aud) }) {
			return nil
		}
		received := shortened(fmt.Sprintf("%q", t.Audience()), 100)
		return &middleware.Refusal{
			Status: http.StatusUnauthorized, Code: codeInvalidToken, Reason: consumer.ReasonAudience,
			Detail: fmt.Sprintf("mcpauth: aud %s does not contain any of %q (Config.Audience)", received, accepted),
		}
	})
}

// namesOf returns the audiences that identify a resource. A URL without a path identifies the same resource as the URL with the
// path "/" (RFC 3986 section 6.2.3), and some clients and servers always write the second form. If Guard.Replace has removed the
// resource, namesOf returns nil, so all tokens are rejected.
func namesOf(resource string) []string {
	if resource == "" {
		return nil
	}
	if u, err := url.Parse(resource); err == nil && u.Path == "" {
		return []string{resource, resource + "/"}
	}
	return []string{resource}
}
