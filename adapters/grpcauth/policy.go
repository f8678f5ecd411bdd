package grpcauth

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/grpc"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// entry is the policy of a method, or of all methods of a service.
type entry struct {
	public    bool
	rules     []middleware.Rule
	plaintext []middleware.Rule // for connections that are not encrypted; no token meets them
}

// anyMethod takes the place of the method in a name that matches all methods of a service.
const anyMethod = "*"

// unlisted is the entry for methods that the policy does not list.
func unlisted() entry {
	never := deny("unlisted method", "no name in Config.Policy or Config.Public matches the method (grpcauth.Config)")
	return entry{rules: []middleware.Rule{never}, plaintext: []middleware.Rule{never}}
}

// deny returns a rule that rejects every token. detail appears only in the log.
func deny(name, detail string) middleware.Rule {
	return middleware.Check(name, func(context.Context, *consumer.Token) error {
		return &middleware.Refusal{Status: http.StatusForbidden, Detail: detail}
	})
}

// addRules adds an entry of Config.Policy.
func (i *Interceptors) addRules(name string, rules []middleware.Rule) error {
	field := fmt.Sprintf("Config.Policy[%q]", name)
	if err := fault(rules); err != nil {
		return fmt.Errorf("grpcauth: %s: %w", field, err)
	}
	encrypted := deny("encrypted connection", "the connection is not encrypted (grpcauth.Config.InsecureAllowPlaintext)")
	return i.add(field, name, entry{
		rules: slices.Clone(rules), plaintext: append([]middleware.Rule{encrypted}, rules...),
	})
}

// fault joins the faults of rules.
func fault(rules []middleware.Rule) error {
	var faults []error
	for _, rule := range rules {
		faults = append(faults, rule.Err())
	}
	return errors.Join(faults...)
}

// add adds an entry for a method or a service.
func (i *Interceptors) add(field, name string, e entry) error {
	service, method, ok := split(name)
	if !ok {
		return fmt.Errorf(`grpcauth: %s is %q, expected "/package.Service/Method" or "/package.Service/*"`, field, name)
	}
	table, key := i.methods, name
	if method == anyMethod {
		table, key = i.services, service
	}
	if _, twice := table[key]; twice {
		return fmt.Errorf("grpcauth: %s is %q, which is listed twice in Config.Policy and Config.Public", field, name)
	}
	table[key] = e
	return nil
}

// lookup returns the entry for a method.
func (i *Interceptors) lookup(fullMethod string) entry {
	if e, listed := i.find(fullMethod); listed {
		return e
	}
	return i.unlisted
}

// find returns the entry of a method, or else that of its service. listed is false if there is neither. The entry for a service does not list methods with
// unusual characters. An UnknownServiceHandler that forwards calls may send Show?x or %53how to a server that reads it as Show,
// for which the policy may have another entry.
func (i *Interceptors) find(fullMethod string) (e entry, listed bool) {
	if e, listed = i.methods[fullMethod]; listed {
		return e, true
	}
	end := max(strings.LastIndexByte(fullMethod, '/'), 0)
	if e, listed = i.services[fullMethod[:end]]; listed && isPlain(fullMethod[end+1:]) {
		return e, true
	}
	return entry{}, false
}

// isPlain reports whether all readers of a path understand the name of a method in the same way.
func isPlain(method string) bool {
	return strings.Trim(method, ".") != "" && !strings.ContainsFunc(method, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		return !letter && (r < '0' || r > '9') && !strings.ContainsRune("._-~", r)
	})
}

// split splits the full name of a method at its last slash. service begins with a slash, and may
// contain others. ok is false if the name is malformed.
func split(name string) (service, method string, ok bool) {
	end := strings.LastIndexByte(name, '/')
	if end < 1 || name[0] != '/' {
		return "", "", false
	}
	service, method = name[:end], name[end+1:]
	for _, part := range append(strings.Split(service[1:], "/"), method) {
		if part == "" || part != anyMethod && strings.ContainsFunc(part, isForeign) {
			return "", "", false
		}
	}
	return service, method, !strings.Contains(service, anyMethod)
}

// isForeign reports whether r must not occur in the name of a service or method.
func isForeign(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`*?#%:"\`, r) }

// ServiceInfo lists the services that are registered on a server. [*grpc.Server] implements it.
type ServiceInfo interface {
	GetServiceInfo() map[string]grpc.ServiceInfo
}

// CheckServer compares the policy with the methods that are registered on server, which is usually a [*grpc.Server]. Call it
// after all services are registered. It returns an error if the policy does not list a method of the server, because all calls
// of that method are rejected, or if the policy lists a name that the server does not have. The error joins all differences.
func (i *Interceptors) CheckServer(server ServiceInfo) error {
	methods, services := make(map[string]bool), make(map[string]bool)
	for service, info := range server.GetServiceInfo() {
		services["/"+service] = true
		for _, method := range info.Methods {
			methods["/"+service+"/"+method.Name] = true
		}
	}
	var faults []error
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		if _, listed := i.find(name); !listed {
			faults = append(faults, fmt.Errorf("grpcauth: the server has the method %q, which neither Config.Policy nor Config.Public lists", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.methods)) {
		if !methods[name] {
			faults = append(faults, fmt.Errorf("grpcauth: the policy lists the method %q, which the server does not have", name))
		}
	}
	for _, service := range slices.Sorted(maps.Keys(i.services)) {
		if !services[service] {
			faults = append(faults, fmt.Errorf("grpcauth: the policy lists the service %q, which the server does not have", service+"/"+anyMethod))
		}
	}
	return errors.Join(faults...)
}
