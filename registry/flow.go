package registry

import (
	"errors"
	"slices"
)

// Flow is an OAuth flow that a client may use. The record of the client contains its value. Use [ParseFlow] for values
// from configurations and requests. The zero value is not a flow.
type Flow string

// The flows. Their values are those that crossauth stores in its databases.
const (
	FlowAuthorizationCode         Flow = "authorizationCode"         // RFC 6749 section 4.1
	FlowAuthorizationCodeWithPKCE Flow = "authorizationCodeWithPKCE" // RFC 7636
	FlowClientCredentials         Flow = "clientCredentials"         // RFC 6749 section 4.4
	FlowRefreshToken              Flow = "refresh_token"             // RFC 6749 section 6
	FlowDeviceCode                Flow = "device_code"               // RFC 8628
	FlowPassword                  Flow = "password"                  // RFC 6749 section 4.3; RFC 9700 section 2.4 forbids it
	FlowPasswordMFA               Flow = "passwordMfa"               // Auth0's extension of the password flow
	FlowOIDCAuthorizationCode     Flow = "oidcAuthorizationCode"     // OpenID Connect Core section 3.1

	// FlowAll selects all flows in a configuration. A client cannot have it: [ValidFlows] rejects it.
	FlowAll Flow = "all"
)

// ErrUnknownFlow is the error of [ParseFlow].
var ErrUnknownFlow = errors.New("registry: unknown flow")

// description describes a flow.
type description struct {
	flow   Flow
	alias  string   // the spelling in the TypeScript version of crossauth, if it differs
	name   string   // the display name
	grants []string // the values of grant_type
}

// descriptions returns all flows, in the order of AllFlows.
func descriptions() []description {
	const (
		code   = "authorization_code"
		device = "urn:ietf:params:oauth:grant-type:device_code"
		mfa    = "http://auth0.com/oauth/grant-type/mfa-"
	)
	return []description{
		{FlowAuthorizationCode, "", "Authorization Code", []string{code}},
		{FlowAuthorizationCodeWithPKCE, "", "Authorization Code with PKCE", []string{code}},
		{FlowClientCredentials, "", "Client Credentials", []string{"client_credentials"}},
		{FlowRefreshToken, "refreshToken", "Refresh Token", []string{"refresh_token"}},
		{FlowDeviceCode, "deviceCode", "Device Code", []string{device}},
		{FlowPassword, "", "Password", []string{"password"}},
		{FlowPasswordMFA, "", "Password MFA", []string{mfa + "otp", mfa + "oob"}},
		{FlowOIDCAuthorizationCode, "", "OIDC Authorization Code", []string{code}},
	}
}

// describe returns the description of f, and false for FlowAll and for unknown flows.
func describe(f Flow) (description, bool) {
	known := descriptions()
	at := slices.IndexFunc(known, func(d description) bool { return d.flow == f })
	if at < 0 {
		return description{}, false
	}
	return known[at], true
}

// AllFlows returns the eight flows, without FlowAll.
func AllFlows() []Flow {
	var flows []Flow
	for _, d := range descriptions() {
		flows = append(flows, d.flow)
	}
	return flows
}

// ParseFlow returns the flow with the given value, or [FlowAll] for "all". It also accepts the spellings "refreshToken" and
// "deviceCode". For any other text, including one in another case, the error is [ErrUnknownFlow].
func ParseFlow(text string) (Flow, error) {
	if text == string(FlowAll) {
		return FlowAll, nil
	}
	for _, d := range descriptions() {
		if text == string(d.flow) || text != "" && text == d.alias {
			return d.flow, nil
		}
	}
	return "", ErrUnknownFlow
}

// ValidFlows reports whether a client can have each of the flows, in the spelling of the constants. It returns false if
// flows contains FlowAll, and true if flows is empty.
func ValidFlows(flows []Flow) bool {
	return !slices.ContainsFunc(flows, func(f Flow) bool {
		_, known := describe(f)
		return !known
	})
}

// FlowNames returns the [Flow.Name] of each of the flows, in the same order.
func FlowNames(flows []Flow) []string {
	names := make([]string, len(flows))
	for i, f := range flows {
		names[i] = f.Name()
	}
	return names
}

// Name returns the display name of the flow, such as "Device Code". It returns "" for FlowAll and for unknown flows.
func (f Flow) Name() string {
	d, _ := describe(f)
	return d.name
}

// GrantTypes returns the values of the grant_type parameter that token requests of this flow use. For FlowAll it returns
// those of every flow, and for an unknown flow none.
func (f Flow) GrantTypes() []string {
	if f != FlowAll {
		d, _ := describe(f)
		return d.grants
	}
	var grants []string
	for _, d := range descriptions() {
		grants = append(grants, d.grants...)
	}
	slices.Sort(grants)
	return slices.Compact(grants)
}
