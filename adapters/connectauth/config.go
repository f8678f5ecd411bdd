package connectauth

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/middleware"
)

// Config describes the policy of a server. [New] copies it.
type Config struct {
	// Guard authenticates the calls. Required.
	Guard *middleware.Guard

	// Policy contains the rules of each procedure. A key is "/package.Service/Method", as in the constants of generated code,
	// or "/package.Service/*" for all procedures of a service that neither Policy nor Public lists by name. The rules of the
	// two kinds of keys are not combined. An empty list of rules requires a valid token only. A request with any other path is
	// rejected: with PermissionDenied (403) if it has a valid token, and with the error for the missing or invalid token
	// otherwise. Required, unless Public is set.
	//
	// A key must equal the path of the request. If the handler that New returns is inside of [http.StripPrefix], this is the
	// path without the prefix. If it is outside, the keys must begin with the prefix: "/api/package.Service/Method".
	Policy map[string][]middleware.Rule

	// Public lists procedures that need no token. The names have the same form as the keys of Policy. Tokens in calls of these
	// procedures are not verified, and [Token] returns none. An entry for a procedure takes precedence over the entry for its
	// service, whichever of Policy and Public contains it. Health checks are "/grpc.health.v1.Health/*". Nil: every procedure
	// needs a token.
	Public []string

	// Recheck is the interval at which the token of an open stream is verified again; see [middleware.Recheck]. It is the
	// longest time that a revoked token may still be used, in addition to the time for which the Verifier caches the status of
	// a token. A negative value is an error. Zero: one minute.
	Recheck time.Duration
}

// New returns a handler that applies the policy of cfg to every request, and calls next for the requests that pass. It
// rejects all other requests itself, in the protocol of the caller. The handler is safe for concurrent use.
//
// The error joins all faults of cfg, such as paths that are malformed or listed twice, and invalid rules. Each fault names its
// field. New adds the scopes of the rules to the metadata of the Guard (see [middleware.Guard.Declare]). It does no I/O.
func New(cfg Config, next http.Handler) (http.Handler, error) {
	p := &policy{next: next, procedures: make(map[string]http.Handler), services: make(map[string]http.Handler)}
	var faults []error
	if cfg.Guard == nil {
		faults = append(faults, errors.New("connectauth: Config.Guard is required"))
	}
	if next == nil {
		faults = append(faults, errors.New("connectauth: New: next is nil, expected a handler"))
	}
	if len(cfg.Policy) == 0 && len(cfg.Public) == 0 {
		faults = append(faults, errors.New("connectauth: Config.Policy is empty, expected at least one procedure"))
	}
	if cfg.Recheck < 0 {
		faults = append(faults, fmt.Errorf("connectauth: Config.Recheck is %v, expected zero or more", cfg.Recheck))
	}
	for _, path := range slices.Sorted(maps.Keys(cfg.Policy)) {
		faults = append(faults, p.addRules(path, cfg))
	}
	for n, path := range cfg.Public {
		faults = append(faults, p.add(fmt.Sprintf("Config.Public[%d]", n), path, next))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	for _, rules := range cfg.Policy {
		cfg.Guard.Declare(rules...)
	}
	p.unlisted = guard{Guard: cfg.Guard, rules: []middleware.Rule{unlisted()}}
	return p, nil
}

// addRules adds an entry of Config.Policy.
func (p *policy) addRules(path string, cfg Config) error {
	field := fmt.Sprintf("Config.Policy[%q]", path)
	var faults []error
	for _, rule := range cfg.Policy[path] {
		if err := rule.Err(); err != nil {
			faults = append(faults, fmt.Errorf("connectauth: %s: %w", field, err))
		}
	}
	listed := guard{Guard: cfg.Guard, rules: slices.Clone(cfg.Policy[path]), recheck: cfg.Recheck}
	return errors.Join(append(faults, p.add(field, path, listed.wrap(p.next)))...)
}

// add adds the handler for a procedure or a service.
func (p *policy) add(field, path string, handler http.Handler) error {
	service, method, ok := split(path)
	if !ok {
		return fmt.Errorf(`connectauth: %s is %q, expected "/package.Service/Method" or "/package.Service/*"`, field, path)
	}
	table, key := p.procedures, path
	if method == anyMethod {
		table, key = p.services, service
	}
	if _, twice := table[key]; twice {
		return fmt.Errorf("connectauth: %s is %q, which is listed twice in Config.Policy and Config.Public", field, path)
	}
	table[key] = handler
	return nil
}

// anyMethod is the last segment of a path for all procedures of a service.
const anyMethod = "*"

// split splits the path of a procedure at its last slash. service begins with a slash. ok is false if a segment is empty, or has
// characters that some clients percent-encode.
func split(path string) (service, method string, ok bool) {
	end := strings.LastIndexByte(path, '/')
	if end < 1 || path[0] != '/' {
		return "", "", false
	}
	service, method = path[:end], path[end+1:]
	if method != anyMethod && !isSegment(method) {
		return "", "", false
	}
	for segment := range strings.SplitSeq(service[1:], "/") {
		if !isSegment(segment) {
			return "", "", false
		}
	}
	return service, method, true
}

// isSegment reports whether segment has only characters that need no percent-encoding (RFC 3986 section 2.3), and is not a dot
// segment, which routers remove.
func isSegment(segment string) bool {
	return strings.Trim(segment, ".") != "" && !strings.ContainsFunc(segment, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._-~", r)
	})
}
