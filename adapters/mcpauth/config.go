package mcpauth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/bearerkit/bearerkit/middleware"
)

// Config configures a [Handler]. [New] copies it.
type Config struct {
	// Guard verifies the tokens and writes the responses to rejected requests. Its Config.Resource must be set: it is the URL
	// of the MCP endpoint as clients use it. Required.
	//
	// [middleware.Config].Optional has no effect here: every request needs a token.
	Guard *middleware.Guard

	// Server is the MCP server. New adds a receiving middleware to it, so it can no longer be used without a Handler:
	// messages over other transports are rejected. Required.
	Server *mcp.Server

	// Rules apply to every request, including initialize and the GET requests that open streams. The challenge to a request
	// without a token lists their scopes, so clients request these scopes when they sign in. Without scopes in the challenge,
	// many clients request all scopes of the metadata document. Nil: only the audience and the principal of the token are
	// checked, as in every request.
	Rules []middleware.Rule

	// Tools contains the rules for each tool, by name. The key "*" is for all tools that have no entry. New rejects other
	// keys that end in "*". Nil: all calls are rejected.
	Tools map[string][]middleware.Rule

	// Prompts contains the rules for each prompt, by name. The key "*" is for all prompts that have no entry. Nil: all prompts
	// are rejected.
	Prompts map[string][]middleware.Rule

	// Resources contains the rules for each resource, by URI. A key that ends in "*" is a prefix: "note://inbox/*" is for all
	// URIs that begin with "note://inbox/". A key that equals the URI decides, or else the longest prefix. Nil: all resources
	// are rejected.
	//
	// A URI that a handler could read as another one fits no prefix. This is a URI with a "." or ".." segment, a backslash, or
	// characters that are percent-encoded twice. It is also a URI to which a longer key would apply after a change that some
	// handlers make: they decode it, ignore its case, remove its user, port, query or fragment, or merge repeated slashes.
	Resources map[string][]middleware.Rule

	// Methods contains additional rules for methods, such as "tools/list". They apply together with those of Tools, Prompts and
	// Resources. Custom methods, which the specification does not define, are rejected without an entry. Nil: no additional
	// rules, and all custom methods are rejected.
	Methods map[string][]middleware.Rule

	// ListAllowedOnly removes the tools, prompts and resources that the token may not use from the results of the list
	// methods. Clients then do not find out that more scopes would give access to them, so they never request these scopes. A
	// resource template is looked up in Resources by the text of its URI template. False: lists are complete.
	ListAllowedOnly bool

	// Audience lists the identifiers of this server in the claim `aud`. A token must have one of them. Set it only for
	// authorization servers that do not support the parameter resource (RFC 8707). The Verifier must accept the same
	// identifiers. Nil: the Config.Resource of the Guard. If that URL has no path, the URL with the path "/" is also accepted.
	Audience []string

	// RecheckInterval is the interval at which the token of a stream, of a running call, or of a request with a slow body is
	// verified again ([middleware.Recheck]). New rejects a negative interval. Zero: one minute.
	RecheckInterval time.Duration

	// MaxSessions is the largest number of sessions of one principal. A further session ends the least recently used one. New
	// rejects a negative number. Zero: 100. Stateless servers have no sessions.
	MaxSessions int

	// ForwardHeaders lists request headers that tools may read in [mcp.RequestExtra], in addition to Accept, Content-Type,
	// Last-Event-ID, Origin, Traceparent, Tracestate, User-Agent, and the Mcp- headers of the specification. The Handler removes
	// all other headers, because each may contain a credential. New rejects Authorization, Cookie, DPoP and Proxy-Authorization. Do
	// not list a header that a TokenSource of the Guard reads. Nil: no other headers.
	ForwardHeaders []string

	// HTTP configures the transport of the SDK. The zero value serves sessions. Revision 2026-07-28 of the specification has no
	// sessions, so clients of that revision then use an older revision. Set Stateless to serve revision 2026-07-28. New rejects
	// a negative MaxRequestBodyBytes; zero means 4 MiB.
	HTTP mcp.StreamableHTTPOptions
}

// defaultMaxSessions is the limit if Config.MaxSessions is zero.
const defaultMaxSessions = 100

// New returns a Handler for cfg. It adds a receiving middleware to cfg.Server, and the scopes of all rules to the metadata
// document of cfg.Guard. Add your own receiving middleware to the server before you call New. The SDK runs the middleware that
// was added last first, so yours then runs after the rules were applied, and finds the token in its context.
//
// The error joins all faults of cfg: a missing Guard or Server, a Guard without a Resource, invalid rules and keys, and
// values that are out of range. If there is an error, cfg.Server is unchanged.
func New(cfg Config) (*Handler, error) {
	faults := cfg.requiredFaults()
	faults = append(faults, cfg.valueFaults()...)
	table := newPolicy(&cfg)
	faults = append(faults, table.faults()...)
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return newHandler(cfg, table), nil
}

// requiredFaults returns an error for each required field that is not set.
func (cfg *Config) requiredFaults() (faults []error) {
	if cfg.Guard == nil {
		faults = append(faults, errors.New("mcpauth: Config.Guard is nil, expected a *middleware.Guard"))
	} else if cfg.Guard.Resource() == "" {
		faults = append(faults, errors.New("mcpauth: Config.Guard has no resource, expected the URL of the MCP endpoint in "+
			"middleware.Config.Resource: tokens for other servers cannot be rejected without it"))
	}
	if cfg.Server == nil {
		faults = append(faults, errors.New("mcpauth: Config.Server is nil, expected an *mcp.Server"))
	}
	return faults
}

// valueFaults returns an error for each value that is out of range, except for the keys and rules of the policy.
func (cfg *Config) valueFaults() (faults []error) {
	if cfg.MaxSessions < 0 {
		faults = append(faults, fmt.Errorf("mcpauth: Config.MaxSessions is %d, expected zero or more", cfg.MaxSessions))
	}
	if cfg.RecheckInterval < 0 {
		faults = append(faults, fmt.Errorf("mcpauth: Config.RecheckInterval is %v, expected zero or more", cfg.RecheckInterval))
	}
	if cfg.HTTP.MaxRequestBodyBytes < 0 {
		faults = append(faults, errors.New("mcpauth: Config.HTTP.MaxRequestBodyBytes is negative, expected zero or more: "+
			"request bodies must have a limit"))
	}
	if cfg.Audience != nil && (len(cfg.Audience) == 0 || slices.Contains(cfg.Audience, "")) {
		faults = append(faults, errors.New("mcpauth: Config.Audience is empty or contains an empty string, expected nil or "+
			"the identifiers of this server"))
	}
	if err := ruleFault(cfg.Rules); err != nil {
		faults = append(faults, fmt.Errorf("mcpauth: Config.Rules: %w", err))
	}
	for _, name := range cfg.ForwardHeaders {
		if isCredentialHeader(name) {
			faults = append(faults, fmt.Errorf("mcpauth: Config.ForwardHeaders contains %q, which carries credentials", name))
		}
	}
	return faults
}

// newPolicy returns a policy with a copy of the rules of cfg, so that later changes of the maps have no effect.
func newPolicy(cfg *Config) *policy {
	table := &policy{methods: clone(cfg.Methods)}
	table.entries[tool] = newEntries("Tools", cfg.Tools, false)
	table.entries[prompt] = newEntries("Prompts", cfg.Prompts, false)
	table.entries[resource] = newEntries("Resources", cfg.Resources, true)
	return table
}

// faults returns the invalid rules and keys of the policy.
func (p *policy) faults() (faults []error) {
	for _, list := range p.lists() {
		for _, key := range slices.Sorted(maps.Keys(list.rules)) {
			if expected := list.keyFault(key); expected != "" {
				faults = append(faults, fmt.Errorf("mcpauth: Config.%s has the key %q, expected %s", list.field, key, expected))
			}
			if err := ruleFault(list.rules[key]); err != nil {
				faults = append(faults, fmt.Errorf("mcpauth: Config.%s[%q]: %w", list.field, key, err))
			}
		}
	}
	return faults
}

// keyFault returns what is expected instead of an invalid key, or "". A key that looks like a prefix but is not one is invalid:
// its rules would never be applied, and the key "*" could decide instead.
func (e *entries) keyFault(key string) (expected string) {
	switch {
	case key == "":
		return "a name"
	case e.prefixes && strings.Contains(strings.TrimSuffix(key, other), other):
		return `a URI, with "*" only at the end`
	case e.field == methodsField && strings.HasSuffix(key, other):
		return "the name of a method, which has no pattern"
	case !e.prefixes && key != other && strings.HasSuffix(key, other):
		return `a name, or "*" for all names without an entry`
	}
	return ""
}

// ruleFault returns an error if one of the rules is invalid.
func ruleFault(rules []middleware.Rule) (faults error) {
	for _, rule := range rules {
		faults = errors.Join(faults, rule.Err())
	}
	return faults
}

// clone copies the map and its lists. Rules are immutable, so they need no copy.
func clone(rules map[string][]middleware.Rule) map[string][]middleware.Rule {
	copied := make(map[string][]middleware.Rule, len(rules))
	for name, list := range rules {
		copied[name] = slices.Clone(list)
	}
	return copied
}
