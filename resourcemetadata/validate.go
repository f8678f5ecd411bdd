package resourcemetadata

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/bearerkit/bearerkit/internal/fetch"
	"github.com/bearerkit/bearerkit/quirk"
)

// Validate checks metadata that was created by hand. It requires that
//
//   - m.Resource equals resource, which is an https URL without fragment and user information,
//   - m.JWKSURI is empty or an https URL,
//   - m.AuthorizationServers are https URLs without query and fragment (RFC 8414 section 2),
//   - m.ResourceSigningAlgValuesSupported does not contain "none",
//   - m.ScopesSupported are valid scopes (RFC 6749 section 3.3),
//   - m.Extra does not contain a member that has a field in Metadata,
//   - the URLs of the documentation, the policy and the terms of service are empty, http or https URLs.
//
// [Client.InsecureAllowHTTP] describes where http is allowed. The error joins all faults. [Client.Discover], [Client.Fetch]
// and [Client.Parse] are less strict: only the checks of Resource, JWKSURI and "none" result in errors. They omit invalid values of
// the other members, and [Metadata.Quirks] reports them.
func (c *Client) Validate(resource string, m *Metadata) error {
	err := c.validate(m, resource, func(got string) bool { return got == resource })
	faults := []error{err}
	fields := m.fields()
	for _, name := range slices.Sorted(maps.Keys(m.Extra)) {
		if _, known := fields[name]; known {
			faults = append(faults, fmt.Errorf("member %q is in Extra, expected the name of a member that has no field", name))
		}
	}
	if home, fault := fetch.ParseURL(resource, c.InsecureAllowHTTP); fault == nil {
		invalid := c.invalid(m, home)
		for _, name := range slices.Sorted(maps.Keys(invalid)) {
			for _, value := range invalid[name] {
				faults = append(faults, fmt.Errorf("%s: received %.200q, expected %s", name, value, expectation(name)))
			}
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("resourcemetadata: %w", err)
	}
	return nil
}

// finish validates m and removes the invalid values of members for which that is enough. target and accept are those of fetch.
func (c *Client) finish(m *Metadata, target string, accept func(string) bool) error {
	if err := c.validate(m, target, accept); err != nil {
		return err
	}
	home, err := fetch.ParseURL(target, c.InsecureAllowHTTP)
	if err != nil {
		return err
	}
	fields := m.fields()
	for name, invalid := range c.invalid(m, home) {
		m.note(quirk.InvalidValue, "metadata "+name, memberRFC)
		switch field := fields[name].(type) {
		case *string:
			*field = ""
		case *[]string:
			rejected := make(map[string]bool, len(invalid)) // searching the list for each value would take seconds for long documents
			for _, value := range invalid {
				rejected[value] = true
			}
			*field = slices.DeleteFunc(*field, func(value string) bool { return rejected[value] })
		}
	}
	return nil
}

// validate makes the checks whose failure makes the whole document unusable. accept reports whether `resource` is acceptable.
func (c *Client) validate(m *Metadata, target string, accept func(string) bool) error {
	home, err := fetch.ParseURL(target, c.InsecureAllowHTTP)
	if err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	// Without this check, a server could publish the metadata of any other resource (RFC 9728 section 7.3).
	if !accept(m.Resource) {
		return &MismatchError{Want: target, Got: m.Resource}
	}
	if err := c.checkURL(m.Resource, home); err != nil {
		return fmt.Errorf("resource: %w", err)
	}
	if m.JWKSURI != "" {
		if err := c.checkURL(m.JWKSURI, home); err != nil {
			return fmt.Errorf("jwks_uri: %w", err)
		}
	}
	if slices.Contains(m.ResourceSigningAlgValuesSupported, "none") {
		return errors.New(`resource_signing_alg_values_supported: contains "none", expected algorithms of signatures`)
	}
	return nil
}

// invalid returns the values that are not valid, by the name of their member. They make only the value unusable.
func (c *Client) invalid(m *Metadata, home *url.URL) map[string][]string {
	found := make(map[string][]string)
	for _, issuer := range m.AuthorizationServers {
		if err := c.checkURL(issuer, home); err != nil || strings.Contains(issuer, "?") {
			found["authorization_servers"] = append(found["authorization_servers"], issuer)
		}
	}
	for _, scope := range m.ScopesSupported {
		if !isScope(scope) {
			found["scopes_supported"] = append(found["scopes_supported"], scope)
		}
	}
	pages := map[string]string{
		"resource_documentation": m.ResourceDocumentation, "resource_policy_uri": m.ResourcePolicyURI, "resource_tos_uri": m.ResourceTOSURI,
	}
	for name, page := range pages {
		if u, err := url.Parse(page); page != "" && (err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http") {
			found[name] = []string{page}
		}
	}
	return found
}

// expectation returns the text for errors that says what a value of the member called name must be.
func expectation(name string) string {
	switch name {
	case "authorization_servers":
		return "an https URL without query and fragment"
	case "scopes_supported":
		return "a scope (RFC 6749 section 3.3)"
	}
	return "an http or https URL"
}

// isScope reports whether s is a scope-token (RFC 6749 section 3.3).
func isScope(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}
