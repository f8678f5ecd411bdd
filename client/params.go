package client

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// WithParams returns a client that adds params to every token request, whatever the grant. Use it for parameters that a
// server needs and this package does not know. The new client shares its keys, metadata and nonces with c. It does not have
// the parameters of an earlier WithParams. params is copied.
//
// params may replace scope, resource and audience of the Config, unless the call itself sets them. Each of the following
// makes the request fail: any other parameter that the request has already, such as code or refresh_token; a parameter that
// identifies or authenticates the client; and several values of one parameter, except for resource and audience (RFC 6749,
// Section 3.2).
func (c *Client) WithParams(params url.Values) *Client {
	copied := make(url.Values, len(params))
	for name, values := range params {
		copied[name] = slices.Clone(values)
	}
	return &Client{shared: c.shared, params: copied}
}

// parameters returns the parameters of a token request. Those of call replace those of WithParams, which replace those of
// the Config. A name that is nil in call is omitted from the request unless WithParams sets it.
func (c *Client) parameters(grantType string, call url.Values, scopes []string) (url.Values, error) {
	if err := checkExtra(c.params, call); err != nil {
		return nil, err
	}
	all := url.Values{"scope": {scopeOf(scopes)}, "resource": c.cfg.Resource, "audience": {c.cfg.Audience}}
	for name, values := range call {
		if values == nil {
			delete(all, name)
		}
	}
	maps.Copy(all, c.params)
	for name, values := range call {
		if values != nil {
			all[name] = values
		}
	}
	all.Set("grant_type", grantType)
	return all, nil
}

// checkExtra returns an error if extra has a parameter that identifies or authenticates the client (RFC 6749, Section 2.3),
// one that own already sets, or one with several values.
func checkExtra(extra, own url.Values) error {
	for name, values := range extra {
		problem := ""
		switch {
		case isReserved(name):
			problem = "identifies or authenticates the client, and cannot be set"
		case own.Get(name) != "" && !isReplaceable(name):
			problem = "is already set by the request"
		case len(values) > 1 && !isRepeatable(name):
			problem = "has several values"
		default:
			continue
		}
		return fmt.Errorf("client: the extra parameter %q %s", clip(name), problem)
	}
	return nil
}

// isReserved reports whether a parameter identifies or authenticates the client, or selects the grant. Its name is compared
// without case, since some servers do so.
func isReserved(name string) bool {
	return slices.Contains(
		[]string{"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type"}, strings.ToLower(name),
	)
}

// isReplaceable reports whether a parameter of the caller may replace the one of the request.
func isReplaceable(name string) bool { return name == "scope" || isRepeatable(name) }

// isRepeatable reports whether a parameter may have several values (RFC 8707, Section 2; RFC 8693, Section 2.1).
func isRepeatable(name string) bool { return name == "resource" || name == "audience" }

// requestedScopes returns the scopes in params, or scopes if it has none.
func requestedScopes(params url.Values, scopes []string) []string {
	if own := strings.Fields(params.Get("scope")); len(own) > 0 {
		return own
	}
	return scopes
}
