package registry

import (
	"errors"
	"slices"
)

// Flow is a flow as it stands in a client's record and in configurations. The zero value is no flow. Values that come
// from outside go through [ParseFlow].
type Flow string

// The flows. Their values are those of the seed system's databases.
const (
	FlowAuthorizationCode         Flow = "authorizationCode"         // RFC 6749 §4.1
	FlowAuthorizationCodeWithPKCE Flow = "authorizationCodeWithPKCE" // RFC 7636
	FlowClientCredentials         Flow = "clientCredentials"         // RFC 6749 §4.4
	FlowRefreshToken              Flow = "refresh_token"             // RFC 6749 §6
	FlowDeviceCode                Flow = "device_code"               // RFC 8628
	FlowPassword                  Flow = "password"                  // RFC 6749 §4.3; RFC 9700 §2.4 says not to use it
	FlowPasswordMFA               Flow = "passwordMfa"               // Auth0's extension of the password flow
	FlowOIDCAuthorizationCode     Flow = "oidcAuthorizationCode"     // OpenID Connect Core §3.1

	// FlowAll stands for every flow in a configuration. It is no flow of a client: [ValidFlows] refuses it.
	FlowAll Flow = "all"
)

// ErrUnknownFlow is what [ParseFlow] fails with.
var ErrUnknownFlow = errors.New("registry: unknown flow")

// description is what is known of a flow.
type description struct {
	flow   Flow
	alias  string // how the TypeScript original spells it, where that differs
	name   string
	grants []string
}

// descriptions are in the order in which AllFlows returns the flows.
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

func describe(f Flow) (description, bool) {
	known := descriptions()
	at := slices.IndexFunc(known, func(d description) bool { return d.flow == f })
	if at < 0 {
		return description{}, false
	}
	return known[at], true
}

// AllFlows returns the eight flows. FlowAll is not among them.
func AllFlows() []Flow {
	var flows []Flow
	for _, d := range descriptions() {
		flows = append(flows, d.flow)
	}
	return flows
}

// ParseFlow reads a flow in either spelling: "refresh_token" or "refreshToken", "device_code" or "deviceCode". It reads "all",
// too. Anything else, also in another case, is [ErrUnknownFlow].
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

// ValidFlows reports whether each of flows is a flow that a client can have, in the spelling of the constants. FlowAll is none, and
// no flows at all are valid.
func ValidFlows(flows []Flow) bool {
	return !slices.ContainsFunc(flows, func(f Flow) bool {
		_, known := describe(f)
		return !known
	})
}

// FlowNames returns the names of flows, in their order, each as [Flow.Name] gives it.
func FlowNames(flows []Flow) []string {
	names := make([]string, len(flows))
	for i, f := range flows {
		names[i] = f.Name()
	}
	return names
}

// Name returns what to call the flow before people, such as "Device Code". It is empty for FlowAll and for what is no flow.
func (f Flow) Name() string {
	d, _ := describe(f)
	return d.name
}

// GrantTypes returns the values of grant_type with which a token is asked for in this flow: for FlowAll those of every flow,
// for what is no flow none.
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
