package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bearerkit/bearerkit/middleware"
)

// Description says how [Describe] describes the tokens of a Guard.
type Description struct {
	// Issuer is the issuer of the tokens. Its metadata is at Issuer followed by /.well-known/openid-configuration. Required,
	// unless MetadataURL is set.
	Issuer string

	// MetadataURL is the URL of the metadata of the issuer, https or a loopback host. Empty: it follows from Issuer.
	MetadataURL string

	// BasePath has the meaning of BasePath in [Config]. The patterns of the policy must begin with it. Empty: they begin with
	// the paths of the `servers` in the document.
	BasePath string

	// DPoP and MutualTLS say which kinds of bound tokens the Guard accepts. Set DPoP if the Guard has middleware.Config.DPoP, and
	// MutualTLS if it has middleware.Config.MTLS. Rules that require a bound token are described with the kinds that are true;
	// MutualTLS needs OpenAPI 3.1. If none applies, such a rule is a problem.
	DPoP, MutualTLS bool
}

// The names of the schemes that Describe adds.
const (
	nameToken     = "openId"
	nameRoles     = "bearerRoles"
	nameDPoP      = "dpop"
	nameMutualTLS = "mutualTLS"
)

// Describe returns the document with the rules of policy: security schemes in components.securitySchemes, and a `security`
// for each operation. It replaces the `security` of the operations and nothing else. The order, the comments and the members
// that start with x- are preserved; a document in JSON remains JSON. Blank lines and the indentation may change.
//
// The scopes of rules become scopes of an openIdConnect scheme. Their roles become names of an http scheme (OpenAPI 3.1 section
// 4.8.30); in a document of version 3.0, they are omitted. Rules that require a bound token become the http scheme DPoP or the
// type mutualTLS. All other requirements, such as those of Claim or Check, are not described. So a client that meets the
// description may still be rejected.
//
// These are problems:
//
//   - an operation that no pattern of the policy matches, because the Guard rejects its requests;
//   - an operation in another file, or in a path item that several paths with different rules use;
//   - a scheme of the document that has one of the names openId, bearerRoles, dpop and mutualTLS, and another content;
//   - a rule with more than 100 alternatives;
//   - everything in the paths that is a problem for [Read].
//
// The error joins a [*Problem] for each. It has another type if policy is empty or invalid, or if d names no valid URL.
func Describe(document []byte, policy *Policy, d Description) ([]byte, error) {
	found := new(problems)
	r := &reader{cfg: Config{BasePath: d.BasePath}, found: found, lenient: true}
	r.files = newFiles(document, r.cfg, found)
	root := r.files.root()
	if root.isObject() {
		r.readDocument(root)
	}
	w := &writer{reader: r, description: d, policy: policy, written: make(map[*yaml.Node]string), schemes: make(map[string]bool)}
	if err := w.prepare(); err != nil {
		return nil, err
	}
	if len(found.list) == 0 {
		w.writeAll(root)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	if json.Valid(document) {
		var out bytes.Buffer
		writeJSON(&out, root.node, 0)
		out.WriteString("\n")
		return out.Bytes(), nil
	}
	return yaml.Dump(root.node, yaml.WithIndent(2))
}

// writer adds the rules of a policy to a document.
type writer struct {
	*reader

	description Description
	policy      *Policy
	mux         *http.ServeMux
	written     map[*yaml.Node]string // the security that each operation has got
	schemes     map[string]bool       // those that operations use
}

// rules is the handler of a pattern of the policy.
type rules struct {
	http.Handler

	list   []middleware.Rule
	public bool
}

// prepare checks the description and the policy.
func (w *writer) prepare() error {
	var faults []error
	address := w.metadataURL()
	if u, err := url.Parse(address); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		faults = append(faults, errors.New("openapi: Description.Issuer or Description.MetadataURL is required, expected an https URL"))
	}
	if w.policy == nil || len(w.policy.Rules)+len(w.policy.Public) == 0 {
		return errors.Join(append(faults, errors.New("openapi: the policy is empty"))...)
	}
	w.mux = http.NewServeMux()
	for pattern, list := range w.policy.Rules {
		for _, rule := range list {
			if err := rule.Err(); err != nil {
				faults = append(faults, err)
			}
		}
		faults = append(faults, register(w.mux, pattern, rules{list: list}))
	}
	for _, pattern := range w.policy.Public {
		faults = append(faults, register(w.mux, pattern, rules{public: true}))
	}
	return errors.Join(faults...)
}

// metadataURL returns the URL of the metadata.
func (w *writer) metadataURL() string {
	if w.description.MetadataURL != "" {
		return w.description.MetadataURL
	}
	return strings.TrimSuffix(w.description.Issuer, "/") + "/.well-known/openid-configuration"
}

// writeAll writes the security of all operations and the schemes that they use.
func (w *writer) writeAll(root place) {
	for _, op := range w.operations {
		if op.at.file != root.file {
			w.found.add(op.at, "is in another file, which Describe does not change")
			continue
		}
		list, ok := w.find(op)
		if !ok {
			w.found.add(op.at, "is described, but no pattern of the policy matches it: the Guard rejects its requests")
			continue
		}
		security := w.securityOf(op, list)
		text := textOf(security)
		if before, again := w.written[plain(op.at.node)]; again && before != text {
			w.found.add(op.at, "is used by several paths with different rules: give each of them its own path item")
		}
		w.written[plain(op.at.node)] = text
		setMember(plain(op.at.node), "security", security)
	}
	if len(w.schemes) == 0 {
		return
	}
	schemes := objectAt(objectAt(plain(root.node), "components"), "securitySchemes")
	for _, name := range []string{nameToken, nameRoles, nameDPoP, nameMutualTLS} {
		if !w.schemes[name] {
			continue
		}
		definition := w.definition(name)
		at := root.member("components").member("securitySchemes").member(name)
		if at.exists() && textOf(plain(at.node)) != textOf(definition) {
			w.found.add(at, "exists and differs from the scheme of that name that Describe adds: rename it")
		}
		setMember(schemes, name, definition)
	}
}

// find returns the rules for the requests of an operation. All its patterns must have the same.
func (w *writer) find(op operation) (found rules, ok bool) {
	for _, pattern := range op.patterns {
		// Parameters become a text that no pattern has as a literal. The last segment {$} means a slash at the end.
		_, path, _ := strings.Cut(pattern, " ")
		segments := strings.Split(strings.TrimSuffix(path, "{$}"), "/")
		for i, segment := range segments {
			if strings.HasPrefix(segment, "{") {
				segments[i] = "0~any~0"
			}
		}
		address, err := url.Parse(strings.Join(segments, "/"))
		if err != nil {
			return found, false
		}
		handler, _ := w.mux.Handler(&http.Request{Method: op.method, URL: address})
		if found, ok = handler.(rules); !ok {
			return found, false
		}
	}
	return found, ok
}

// securityOf returns the security of an operation.
func (w *writer) securityOf(op operation, r rules) *yaml.Node {
	security := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq"}
	if r.public {
		security.Style = yaml.FlowStyle
		return security
	}
	ways := []middleware.Alternative{{}}
	if len(r.list) > 0 {
		if ways = middleware.All(r.list...).Alternatives(); len(ways) == 0 {
			w.found.add(op.at, "has a rule with more than 100 alternatives")
		}
	}
	for _, way := range ways {
		for _, binding := range w.bindings(op, way) {
			security.Content = append(security.Content, w.requirement(way, binding))
		}
	}
	return security
}

// bindings returns the names of the schemes with which a client can present a bound token, or "" if none is required.
func (w *writer) bindings(op operation, way middleware.Alternative) (names []string) {
	if !way.Bound {
		return []string{""}
	}
	if w.description.DPoP {
		names = append(names, nameDPoP)
	}
	if w.description.MutualTLS && w.version != "3.0" {
		names = append(names, nameMutualTLS)
	}
	if len(names) == 0 {
		w.found.add(op.at, "requires a bound token: set Description.DPoP, or with OpenAPI 3.1 Description.MutualTLS")
	}
	return names
}

// requirement returns a security requirement object.
func (w *writer) requirement(way middleware.Alternative, binding string) *yaml.Node {
	object := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	add := func(name string, names []string) {
		w.schemes[name] = true
		list := &yaml.Node{Kind: yaml.SequenceNode, Tag: "!!seq", Style: yaml.FlowStyle}
		for _, each := range names {
			list.Content = append(list.Content, textNode(each))
		}
		setMember(object, name, list)
	}
	add(nameToken, way.Scopes)
	if len(way.Roles) > 0 && w.version != "3.0" {
		add(nameRoles, way.Roles)
	}
	if binding != "" {
		add(binding, nil)
	}
	return object
}

// definition returns the security scheme that Describe adds under a name.
func (w *writer) definition(name string) *yaml.Node {
	members := map[string][]string{
		nameToken:     {"type", typeOpenID, "openIdConnectUrl", w.metadataURL()},
		nameRoles:     {"type", typeHTTP, "scheme", "bearer", "bearerFormat", "JWT"},
		nameDPoP:      {"type", typeHTTP, "scheme", "DPoP"},
		nameMutualTLS: {"type", typeMutualTLS},
	}[name]
	object := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for pair := range slices.Chunk(members, 2) {
		setMember(object, pair[0], textNode(pair[1]))
	}
	return object
}
