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
	// Guard decides about the calls. Required.
	Guard *middleware.Guard

	// Policy contains the rules of each procedure. A key is "/package.Service/Method", as in the constants of generated code,
	// or "/package.Service/*" for all procedures of a service that neither Policy nor Public lists by name. An empty list of
	// rules requires a valid token only. Requests with any other path are rejected: with PermissionDenied (403) if they have a
	// valid token, and otherwise like every request without one. Required, unless Public is set.
	//
	// A key must equal the path of the request. Behind [http.StripPrefix], this is the path without the prefix. In front of
	// it, the keys must begin with the prefix: "/api/package.Service/Method".
	Policy map[string][]middleware.Rule

	// Public lists procedures that need no token, in the form of the keys of Policy. Tokens in their calls are not verified,
	// and [Token] returns none. A procedure that is listed by name is public or not, whatever the entry for its service
	// says. Health checks are "/grpc.health.v1.Health/*". Nil: every procedure needs a token.
	Public []string

	// Recheck is the interval at which the token of an open stream is verified again; see [middleware.Recheck]. It is the
	// longest time that a revoked token may still be used, apart from the caches of the Verifier. Zero: one minute.
	Recheck time.Duration
}

// New returns a handler that applies the policy of cfg to every request, and calls next for the requests that pass. It
// rejects all other requests itself, in the protocol of the caller. The handler is safe for concurrent use.
//
// If cfg has faults, the error joins all of them, and each names its field: paths that are malformed or listed twice, and
// rules that are invalid. New adds the scopes of the rules to the metadata of the Guard (see [middleware.Guard.Declare]).
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

// split splits the path of a procedure. ok is false if a segment is empty, or has characters that may be encoded.
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

// isSegment reports whether a path can contain segment without an encoding, and whether routers keep it.
func isSegment(segment string) bool {
	return strings.Trim(segment, ".") != "" && !strings.ContainsFunc(segment, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._-~", r)
	})
}
