package openapi

import (
	"maps"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/middleware"
)

// Read returns the policy of an OpenAPI 3.0 or 3.1 document, which is JSON or YAML.
//
// The `security` of an operation, or that of the document if the operation has none, lists alternatives. Each alternative
// names one or more schemes, and all of them are required. An empty list, or one that contains only {}, makes the operation
// public. These are problems:
//
//   - an operation without `security` in a document without `security`: write security: [] for a public operation;
//   - {} together with other alternatives, because a Guard cannot make a token optional for one route;
//   - a scheme that components.securitySchemes does not have, or whose type only Config.Scheme can handle;
//   - schemes of several authorization servers, because a Guard does not know which of them a scheme means: use Config.Scheme;
//   - a scope that no flow of an oauth2 scheme lists;
//   - roles in an OpenAPI 3.0 document, which allows names only for oauth2 and openIdConnect;
//   - a path that ServeMux cannot express, such as /files/{id}.json, and two paths that match the same requests;
//   - a member of an operation, a path or the document that OpenAPI does not define: it could be a misspelled `security`.
//
// A path with a slash at the end matches only that path. HEAD has the rules of GET, unless the document describes it. All other
// methods that the document does not describe are rejected. The operations of callbacks and webhooks are not read.
//
// The package kin-openapi reads the document too. If it finds other operations or other requirements, that is a problem.
//
// If there are problems, the error joins a [*Problem] for each. If kin-openapi cannot read the document, the error has another type.
// Read does not keep document.
func Read(document []byte, cfg Config) (*Policy, error) {
	found := new(problems)
	r := &reader{cfg: cfg, found: found, files: newFiles(document, cfg, found)}
	if root := r.files.root(); root.isObject() {
		r.readDocument(root)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if err := r.compare(document); err != nil {
		return nil, err
	}
	return r.policy(), found.err()
}

// reader reads one document.
type reader struct {
	cfg        Config
	found      *problems
	files      *files
	version    string // 3.0 or 3.1
	operations []operation
	used       []scheme // that operations require
	lenient    bool     // security is not read, because it will be replaced
}

// operation is an operation of a document.
type operation struct {
	at       place
	method   string
	path     string // as the document has it
	patterns []string
	needs    []requirement // alternatives; none: public
}

// readDocument reads the operations of a document.
func (r *reader) readDocument(root place) {
	version, _ := root.member("openapi").text()
	switch {
	case strings.HasPrefix(version, "3.0."):
		r.version = "3.0"
	case strings.HasPrefix(version, "3.1."):
		r.version = "3.1"
	default:
		r.found.add(root.member("openapi"), "is %q, expected a text such as 3.1.1 or 3.0.4", clip(version))
		return
	}
	r.knownMembers(root, rootMembers())
	paths := root.member("paths")
	if paths.exists() && !paths.isObject() {
		r.found.add(paths, "is not an object")
	}
	paths.members(func(path string, item place) {
		if !strings.HasPrefix(path, "x-") {
			r.readPath(path, item)
		}
	})
	if len(r.operations) == 0 && len(r.found.list) == 0 {
		r.found.add(paths, "has no operations")
	}
	r.checkServers()
	r.checkPatterns()
}

// readPath reads the operations of a path.
func (r *reader) readPath(path string, at place) {
	item := at
	if at.member("$ref").exists() {
		at.members(func(name string, value place) {
			if name != "$ref" && name != "summary" && name != "description" {
				r.found.add(value, "is next to $ref, where its meaning is undefined: move it to the path item that $ref names")
			}
		})
		item = r.files.resolve(at)
	}
	if !item.exists() {
		return // resolve has recorded why
	}
	if !item.isObject() {
		r.found.add(item, "is not an object")
		return
	}
	r.knownMembers(item, pathMembers())
	for _, method := range methods() {
		value := item.member(method)
		if !value.exists() {
			continue
		}
		r.readOperation(path, strings.ToUpper(method), item, value)
	}
}

// readOperation reads one operation.
func (r *reader) readOperation(path, method string, item, at place) {
	if !at.isObject() {
		r.found.add(at, "is not an object")
		return
	}
	r.knownMembers(at, operationMembers())
	op := operation{at: at, method: method, path: path}
	if !r.lenient {
		op.needs = r.readSecurity(at)
	}
	segments, err := segmentsOf(path)
	if err != nil {
		r.found.add(at, "the path %q %v", clip(path), err)
	}
	for _, base := range r.basePaths(item, at) {
		op.patterns = append(op.patterns, method+" "+base+segments)
	}
	r.operations = append(r.operations, op)
}

// knownMembers records the members of an object that OpenAPI does not have.
func (r *reader) knownMembers(at place, known []string) {
	at.members(func(name string, value place) {
		if !slices.Contains(known, name) && !strings.HasPrefix(name, "x-") {
			r.found.add(value, "is not a member that OpenAPI %s has here: correct or remove it, or let its name start with x-", r.version)
		}
	})
}

func rootMembers() []string {
	return []string{"openapi", "info", "jsonSchemaDialect", "servers", "paths", "webhooks", "components", "security", "tags", "externalDocs"}
}

func pathMembers() []string {
	return append(methods(), "$ref", "summary", "description", "servers", "parameters")
}

func operationMembers() []string {
	return []string{
		"tags", "summary", "description", "externalDocs", "operationId", "parameters", "requestBody", "responses", "callbacks",
		"deprecated", "security", "servers",
	}
}

func methods() []string {
	return []string{"get", "put", "post", "delete", "options", "head", "patch", "trace"}
}

// policy returns the policy of the operations. There must be no problems so far.
func (r *reader) policy() *Policy {
	p := &Policy{Rules: make(map[string][]middleware.Rule)}
	for _, op := range r.operations {
		for _, pattern := range op.patterns {
			if len(op.needs) == 0 {
				p.Public = append(p.Public, pattern)
			} else {
				p.Rules[pattern] = r.rulesOf(op)
			}
		}
	}
	slices.Sort(p.Public)
	return p
}

// Patterns returns all patterns of the policy, sorted.
func (p *Policy) Patterns() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for pattern := range maps.Keys(p.Rules) {
			if !yield(pattern) {
				return
			}
		}
		for _, pattern := range p.Public {
			if !yield(pattern) {
				return
			}
		}
	})
}
