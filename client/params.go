package client

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
)

// WithParams returns a client that sends params with every request for a token, whatever the grant: what a server wants
// besides the RFCs. It shares keys, metadata and nonces with c, and lets go of the parameters it had before.
//
// They replace `scope`, `resource` and `audience` of the Config, though not those of a call. What else a request has of its
// own (`code`, `refresh_token`, …), what says which client it is, and a parameter with several values, which only `resource`
// and `audience` may have (RFC 6749 §3.2), is an error of that request. params are copied.
func (c *Client) WithParams(params url.Values) *Client {
	copied := make(url.Values, len(params))
	for name, values := range params {
		copied[name] = slices.Clone(values)
	}
	return &Client{c.shared, copied}
}

// parameters are those of a request for a token: the Config's, instead of them those of WithParams, instead of them the
// call's. One that the call has without a value is not the Config's to send.
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

// checkExtra refuses parameters of the caller that speak for the client, which is done in one place only (RFC 6749 §2.3),
// that the request has already, or that come several times.
func checkExtra(extra, own url.Values) error {
	for name, values := range extra {
		problem := ""
		switch {
		case isReserved(name):
			problem = "is not for the caller to set"
		case own.Get(name) != "" && !isReplaceable(name):
			problem = "is there already"
		case len(values) > 1 && !isRepeatable(name):
			problem = "has several values"
		default:
			continue
		}
		return fmt.Errorf("client: the extra parameter %q %s", clip(name), problem)
	}
	return nil
}

func isReserved(name string) bool {
	return slices.Contains(
		[]string{"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type"}, strings.ToLower(name),
	)
}

func isReplaceable(name string) bool { return name == "scope" || isRepeatable(name) }

// isRepeatable: RFC 8707 §2, RFC 8693 §2.1.
func isRepeatable(name string) bool { return name == "resource" || name == "audience" }

// asked are the scopes that params ask for, or else scopes.
func asked(params url.Values, scopes []string) []string {
	if own := strings.Fields(params.Get("scope")); len(own) > 0 {
		return own
	}
	return scopes
}
