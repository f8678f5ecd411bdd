package middleware

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/nilcheck"
	"github.com/bearerkit/bearerkit/resourcemetadata"
)

// maxListedIssuers is the largest number of issuers of the Verifier that the document lists. Users could not choose from a longer
// list, and the document would become large.
const maxListedIssuers = 100

// offlineAccess is the scope for a refresh token (OpenID Connect Core 1.0 section 11). It is an agreement between the client
// and the authorization server, so a resource does not request it, even if one of its rules does.
const offlineAccess = "offline_access"

// document is the metadata document of a Guard. It is generated when it is requested, and again after rules were declared.
type document struct {
	base     resourcemetadata.Metadata // all members that do not depend on rules
	declared *declared                 // the scopes and types of the rules; shared with the Guards of Replace
	current  atomic.Pointer[rendered]  // nil before the first request
}

// rendered is the text of a document.
type rendered struct {
	version uint64 // of declared
	body    []byte // with a line break at the end
	etag    string // with quotes
}

// newDocument returns the document for cfg, or nil if cfg.Resource is empty. Its error joins all faults of cfg.Metadata.
func newDocument(cfg *Config, dpop *dpopChecker, rules *declared) (*document, error) {
	if cfg.Resource == "" {
		if !reflect.ValueOf(cfg.Metadata).IsZero() {
			return nil, errors.New("middleware: Config.Metadata is set, but Config.Resource is empty, expected the identifier of the API")
		}
		return nil, nil //nolint:nilnil // there is no document
	}
	if faults := cfg.metadataFaults(); faults != nil {
		return nil, errors.Join(faults...)
	}
	base, err := cfg.metadata(dpop)
	if err != nil {
		return nil, err
	}
	return &document{base: base, declared: rules}, nil
}

// metadataFaults returns an error for each member of Config.Metadata that is generated, and for each that is not valid.
func (cfg *Config) metadataFaults() (faults []error) {
	m := &cfg.Metadata
	for _, field := range []struct {
		name string
		zero bool
		from string
	}{
		{"Resource", m.Resource == "", "Config.Resource"},
		{"ScopesSupported", m.ScopesSupported == nil, "the rules; Guard.Declare adds further ones"},
		{"AuthorizationDetailsTypesSupported", m.AuthorizationDetailsTypesSupported == nil, "the rules; Guard.Declare adds further ones"},
		{"DPoPSigningAlgValuesSupported", m.DPoPSigningAlgValuesSupported == nil, "Config.DPoP"},
		{"DPoPBoundAccessTokensRequired", !m.DPoPBoundAccessTokensRequired, "Config.DPoP"},
		{"TLSClientCertificateBoundAccessTokens", !m.TLSClientCertificateBoundAccessTokens, "Config.MTLS"},
	} {
		if !field.zero {
			faults = append(faults, fmt.Errorf("middleware: Config.Metadata.%s is set, expected zero: it is generated from %s", field.name, field.from))
		}
	}
	// The methods are generated if the Guard knows all its sources. Otherwise the user may list them.
	if _, known := cfg.bearerMethods(); known && m.BearerMethodsSupported != nil {
		faults = append(faults, errors.New("middleware: Config.Metadata.BearerMethodsSupported is set, expected nil: "+
			"it is generated from Config.TokenSources, unless that contains sources of the application, FirstOf, HeaderToken or CookieToken"))
	}
	for _, method := range m.BearerMethodsSupported {
		if !slices.Contains([]string{"header", "body", "query"}, method) {
			faults = append(faults, fmt.Errorf("middleware: Config.Metadata.BearerMethodsSupported contains %q, expected header, body or query", method))
		}
	}
	checked := *m
	checked.Resource = cfg.Resource
	if err := new(resourcemetadata.Client).Validate(cfg.Resource, &checked); err != nil && len(faults) == 0 {
		faults = append(faults, fmt.Errorf("middleware: Config.Metadata: %w", err))
	}
	return faults
}

// metadata returns all members that do not depend on rules. It shares no memory with cfg.Metadata.
func (cfg *Config) metadata(dpop *dpopChecker) (resourcemetadata.Metadata, error) {
	m := cfg.Metadata
	m.Resource = cfg.Resource
	m.AuthorizationServers = slices.Clone(m.AuthorizationServers)
	if m.AuthorizationServers == nil {
		m.AuthorizationServers = issuersOf(cfg.Verifier)
	}
	m.ResourceSigningAlgValuesSupported = slices.Clone(m.ResourceSigningAlgValuesSupported)
	m.BearerMethodsSupported = slices.Clone(m.BearerMethodsSupported)
	if m.BearerMethodsSupported == nil {
		m.BearerMethodsSupported, _ = cfg.bearerMethods()
	}
	m.TLSClientCertificateBoundAccessTokens = cfg.MTLS != nil
	if dpop != nil {
		m.DPoPSigningAlgValuesSupported, m.DPoPBoundAccessTokensRequired = dpop.checker.Algorithms(), dpop.cfg.Required
	}
	var err error
	m.Extra, err = frozen(m.Extra)
	return m, err
}

// frozen returns a copy of extra with the JSON texts of its values, so that later changes of a value have no effect.
func frozen(extra map[string]any) (map[string]any, error) {
	if len(extra) == 0 {
		return nil, nil //nolint:nilnil // no members
	}
	copied := make(map[string]any, len(extra))
	for name, value := range extra {
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("middleware: Config.Metadata.Extra[%.100q] has no JSON form: %w", name, err)
		}
		copied[name] = json.RawMessage(text)
	}
	return copied, nil
}

// bearerMethods returns the methods of RFC 6750 section 2 with which the Guard accepts a bearer token. known is false if the list may
// be incomplete, because TokenSources contains a source that methodOf does not recognize.
func (cfg *Config) bearerMethods() (methods []string, known bool) {
	if cfg.DPoP != nil && cfg.DPoP.Required {
		return nil, true // no bearer token is accepted, but RFC 9728 section 3.2 does not allow an empty list
	}
	if cfg.TokenSources == nil {
		return []string{"header"}, true
	}
	read, known := make(map[string]bool), true
	for _, source := range cfg.TokenSources {
		method, ok := methodOf(source)
		read[method], known = true, known && ok
	}
	for _, method := range []string{"header", "body", "query"} {
		if read[method] {
			methods = append(methods, method)
		}
	}
	return methods, known
}

// methodOf returns the method of a source that reads one place of RFC 6750.
func methodOf(source TokenSource) (method string, ok bool) {
	// Functions cannot be compared, but these three have one address each.
	switch reflect.ValueOf(source).Pointer() {
	case reflect.ValueOf(BearerToken).Pointer():
		return "header", true
	case reflect.ValueOf(FormToken).Pointer():
		return "body", true
	case reflect.ValueOf(QueryToken).Pointer():
		return "query", true
	}
	return "", false
}

// issuersOf returns the issuers of v that can be authorization servers, sorted. The list is empty if v has no method that returns
// them, or if there are more than maxListedIssuers.
func issuersOf(v consumer.Verifier) []string {
	if nilcheck.IsNil(v) { // New reports it
		return nil
	}
	var issuers []string
	switch v := v.(type) {
	case interface{ Issuers() []string }:
		issuers = slices.Clone(v.Issuers())
	case interface{ Issuer() string }:
		issuers = []string{v.Issuer()}
	}
	// Load balancers and workload identities have issuers that are not URLs.
	issuers = slices.DeleteFunc(issuers, func(issuer string) bool {
		u, err := url.Parse(issuer)
		return err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || strings.ContainsAny(issuer, "?#")
	})
	slices.Sort(issuers)
	issuers = slices.Compact(issuers)
	if len(issuers) > maxListedIssuers {
		return nil
	}
	return issuers
}

// text returns the current text of d. It generates the text again if rules were declared since the last call.
func (d *document) text() (*rendered, error) {
	if current := d.current.Load(); current != nil && current.version == d.declared.version.Load() {
		return current, nil
	}
	// lists returns the version that belongs to its result. If rules are declared meanwhile, the next call generates the text again.
	m := d.base
	var version uint64
	m.ScopesSupported, m.AuthorizationDetailsTypesSupported, version = d.declared.lists()
	m.ScopesSupported = slices.DeleteFunc(m.ScopesSupported, func(scope string) bool { return scope == offlineAccess })
	body, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	body = append(body, '\n')
	// The hash is the ETag, so all processes with the same Config and rules send the same one.
	sum := sha256.Sum256(body)
	next := &rendered{version: version, body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:18]) + `"`}
	d.current.Store(next)
	return next, nil
}
