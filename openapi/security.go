package openapi

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// The types of security schemes.
const (
	typeOAuth2    = "oauth2"
	typeOpenID    = "openIdConnect"
	typeHTTP      = "http"
	typeMutualTLS = "mutualTLS"
)

// scheme is a security scheme that an operation requires.
type scheme struct {
	Scheme

	at     place
	own    []middleware.Rule // of Config.Scheme
	mapped bool              // Config.Scheme knows it
}

// requirement is one alternative: all of its schemes are required.
type requirement []scheme

// isToken reports whether the scheme is one for which the Guard requires a token.
func (s scheme) isToken() bool {
	return s.mapped || s.Type == typeOAuth2 || s.Type == typeOpenID || s.Type == typeHTTP
}

// readSecurity returns the alternatives of an operation. There are none if it is public.
func (r *reader) readSecurity(op place) []requirement {
	// The security of an operation replaces that of the document, and does not add to it (OpenAPI 3.1.1, Section 4.8.10.1). An empty
	// array is there, so it replaces the default with "public".
	security := op.member("security")
	if !security.exists() {
		security = r.files.root().member("security")
	}
	if !security.exists() {
		r.found.add(op, "has no security, and neither has the document: write security: [] if the operation is public")
		return nil
	}
	if !security.isArray() {
		r.found.add(security, "is not an array")
		return nil
	}
	var needs []requirement
	empty := 0
	security.elements(func(at place) {
		if !at.isObject() {
			r.found.add(at, "is not an object")
			return
		}
		// Each member is a scheme, and all of them are required. A scheme that cannot be read is missing in need. That is safe, because
		// readScheme has recorded a problem, and Read returns no policy then.
		need := requirement{}
		at.members(func(name string, names place) {
			if s, ok := r.readScheme(name, names); ok {
				need = append(need, s)
			}
		})
		switch {
		case at.node != nil && len(plain(at.node).Content) == 0:
			empty++
			return
		case len(need) > 0 && !slices.ContainsFunc(need, scheme.isToken):
			r.found.add(at, "requires a client certificate alone, expected also a scheme with a token, or Config.Scheme")
		}
		needs = append(needs, need)
	})
	if empty > 0 && len(needs) > 0 {
		r.found.add(security, "makes a token optional with {}, which a Guard cannot do for one route: remove {} or the others")
	}
	return needs
}

// readScheme returns the scheme called name with the scopes or roles in a requirement.
func (r *reader) readScheme(name string, names place) (scheme, bool) {
	s := scheme{Scheme: Scheme{Name: name}, at: names}
	if !names.isArray() {
		r.found.add(names, "is not an array")
		return s, false
	}
	ok := true
	names.elements(func(at place) {
		text, isText := at.text()
		if !isText || text == "" {
			r.found.add(at, "is not a text with a scope or a role")
			ok = false
		}
		s.Names = append(s.Names, text)
	})
	// Names are those of the main document, also for an operation in another file (OpenAPI 3.1.1, Section 4.6).
	definition := r.files.root().member("components").member("securitySchemes").member(name)
	if !definition.exists() {
		r.found.add(names, "is not a security scheme in /components/securitySchemes")
		return s, false
	}
	if definition = r.files.resolve(definition); !definition.exists() {
		return s, false
	}
	s.Type, _ = definition.member("type").text()
	httpScheme, _ := definition.member("scheme").text()
	s.HTTPScheme = strings.ToLower(httpScheme)
	s.OpenIDConnectURL, _ = definition.member("openIdConnectUrl").text()
	if !ok || !r.checkScheme(&s, definition) {
		return s, false
	}
	s.at = definition
	r.used = append(r.used, s)
	return s, true
}

// checkScheme reports whether the rules of the scheme are known.
func (r *reader) checkScheme(s *scheme, definition place) bool {
	before := len(r.found.list)
	// The callback of the application decides first. It gets a copy, because it could change the names that are compared later.
	if r.cfg.Scheme != nil {
		copied := s.Scheme
		copied.Names = slices.Clone(s.Names)
		s.own, s.mapped = r.cfg.Scheme(copied)
	}
	for _, rule := range s.own {
		if err := rule.Err(); err != nil {
			r.found.add(s.at, "Config.Scheme returned an invalid rule: %v", err)
		}
	}
	switch {
	case s.mapped:
	case s.Type == typeOAuth2:
		r.checkScopes(s)
		r.checkFlows(s, definition)
	case s.Type == typeOpenID:
		r.checkScopes(s)
	case s.Type == typeHTTP && (s.HTTPScheme == "bearer" || s.HTTPScheme == "dpop"), s.Type == typeMutualTLS:
		if r.version == "3.0" && len(s.Names) > 0 {
			r.found.add(s.at, "has names, which OpenAPI 3.0 allows only for oauth2 and openIdConnect")
		}
		if s.Type == typeMutualTLS && len(s.Names) > 0 {
			r.found.add(s.at, "has names, but a client certificate has neither scopes nor roles: use Config.Scheme")
		}
	default:
		r.found.add(s.at, "is a scheme of the type %q %s, which a Guard does not know: use Config.Scheme", clip(s.Type), clip(s.HTTPScheme))
	}
	return len(r.found.list) == before
}

// checkScopes records names that are not scopes.
func (r *reader) checkScopes(s *scheme) {
	if len(s.Names) == 0 {
		return
	}
	if err := middleware.Scopes(s.Names...).Err(); err != nil {
		r.found.add(s.at, "%v", err)
	}
}

// checkFlows records scopes that no flow lists. A misspelled scope would only be found when all requests are rejected.
func (r *reader) checkFlows(s *scheme, definition place) {
	flows := definition.member("flows")
	for _, name := range s.Names {
		listed := false
		flows.members(func(_ string, flow place) { listed = listed || flow.member("scopes").member(name).exists() })
		if !listed {
			r.found.add(s.at, "has the scope %q, which no flow of the scheme lists", clip(name))
		}
	}
}

// checkServers records schemes of different authorization servers. A Guard may accept the tokens of several, and a token of
// one of them must not be accepted where the document requires another.
func (r *reader) checkServers() {
	for i, s := range r.used {
		for _, other := range r.used[:i] {
			mine, others := s.origins(), other.origins()
			// A scheme without any URL, such as http with bearer, fits every authorization server.
			shared := slices.ContainsFunc(mine, func(origin string) bool { return slices.Contains(others, origin) })
			if s.Name != other.Name && len(mine) > 0 && len(others) > 0 && !shared {
				r.found.add(s.at, "names another authorization server than the scheme %q: use Config.Scheme to say whose tokens each of them requires", clip(other.Name))
				return
			}
		}
	}
}

// origins returns the origins of the URLs of a scheme. There are none if they are not known, or if Config.Scheme decides. An origin
// identifies the authorization server well enough here: a document has no member with the issuer for schemes of the type oauth2.
func (s scheme) origins() (origins []string) {
	if s.mapped {
		return nil
	}
	add := func(text string) {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			origins = append(origins, strings.ToLower(u.Scheme+"://"+u.Host))
		}
	}
	add(s.OpenIDConnectURL)
	s.at.member("flows").members(func(_ string, flow place) {
		for _, name := range []string{"authorizationUrl", "tokenUrl", "deviceAuthorizationUrl"} {
			text, _ := flow.member(name).text()
			add(text)
		}
	})
	return origins
}

// rulesOf returns the rules of an operation that requires a token. One alternative is enough, and all schemes in it are required.
func (r *reader) rulesOf(op operation) []middleware.Rule {
	var alternatives []middleware.Rule
	for _, need := range op.needs {
		rules := need.rules()
		if len(rules) == 0 { // the other alternatives require more, so they decide nothing
			return nil // any valid token meets this alternative
		}
		if len(op.needs) == 1 {
			return rules
		}
		if len(rules) > 1 {
			rules = []middleware.Rule{middleware.All(rules...)}
		}
		alternatives = append(alternatives, rules...)
	}
	return []middleware.Rule{middleware.Any(alternatives...)}
}

// rules returns the rules of one alternative. All of them must permit the request, and the first one that rejects it writes the challenge.
func (need requirement) rules() (rules []middleware.Rule) {
	sorted := slices.SortedStableFunc(slices.Values(need), func(a, b scheme) int { return cmp.Compare(a.rank(), b.rank()) })
	for _, s := range sorted {
		rules = append(rules, s.rules()...)
	}
	return rules
}

// rank orders the rules of an alternative: first the binding of the token, because a client needs another token for it, then
// scopes, then everything else.
func (s scheme) rank() int {
	switch {
	case s.mapped:
		return 2
	case s.Type == typeMutualTLS, s.HTTPScheme == "dpop":
		return 0
	}
	return 1
}

// rules returns the rules of a scheme. A scheme without scopes and roles has none: the Guard requires a valid token for the operation
// anyway.
func (s scheme) rules() (rules []middleware.Rule) {
	switch {
	case s.mapped:
		return s.own
	case s.Type == typeMutualTLS:
		return boundTo("a client certificate", func(c consumer.Confirmation) string { return c.CertificateThumbprint })
	case s.Type == typeOAuth2, s.Type == typeOpenID:
		if len(s.Names) > 0 {
			rules = append(rules, middleware.Scopes(s.Names...))
		}
		return rules
	case s.HTTPScheme == "dpop":
		rules = boundTo("a key for DPoP", func(c consumer.Confirmation) string { return c.JWKThumbprint })
	}
	for _, role := range s.Names {
		rules = append(rules, middleware.AnyRole(role))
	}
	return rules
}

// boundTo returns the rules for a token that is bound to a kind of key. The Guard verifies the binding itself. The first rule
// responds with a challenge for a bound token, and the second one compares the kind.
func boundTo(kind string, thumbprint func(consumer.Confirmation) string) []middleware.Rule {
	return []middleware.Rule{
		middleware.SenderConstrained(),
		middleware.Check("bound_to", func(_ context.Context, t *consumer.Token) error {
			if bound, _ := t.Confirmation(); thumbprint(bound) == "" {
				return fmt.Errorf("%w: it is not bound to %s", consumer.ErrInvalidToken, kind)
			}
			return nil
		}),
	}
}
