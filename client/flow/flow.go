// Package flow names the OAuth flows that a client may use. It is apart so that package client and package
// client/registry, which do not import each other, speak of the same type.
package flow

import (
	"errors"
	"slices"
)

// Flow is a flow as it stands in a client's record and in configurations. The zero value is no flow. Values that come
// from outside go through [Parse].
type Flow string

// The flows. Their values are those of the seed system's databases.
const (
	AuthorizationCode         Flow = "authorizationCode"         // RFC 6749 §4.1
	AuthorizationCodeWithPKCE Flow = "authorizationCodeWithPKCE" // RFC 7636
	ClientCredentials         Flow = "clientCredentials"         // RFC 6749 §4.4
	RefreshToken              Flow = "refresh_token"             // RFC 6749 §6
	DeviceCode                Flow = "device_code"               // RFC 8628
	Password                  Flow = "password"                  // RFC 6749 §4.3; RFC 9700 §2.4 says not to use it
	PasswordMFA               Flow = "passwordMfa"               // Auth0's extension of the password flow
	OIDCAuthorizationCode     Flow = "oidcAuthorizationCode"     // OpenID Connect Core §3.1

	// All stands for every flow in a configuration. It is no flow of a client: [Valid] refuses it.
	All Flow = "all"
)

// ErrUnknown is what [Parse] fails with.
var ErrUnknown = errors.New("flow: unknown flow")

// description is what is known of a flow.
type description struct {
	flow   Flow
	alias  string // how the TypeScript original spells it, where that differs
	name   string
	grants []string
}

// descriptions are in the order in which Values returns the flows.
func descriptions() []description {
	const (
		code   = "authorization_code"
		device = "urn:ietf:params:oauth:grant-type:device_code"
		mfa    = "http://auth0.com/oauth/grant-type/mfa-"
	)
	return []description{
		{AuthorizationCode, "", "Authorization Code", []string{code}},
		{AuthorizationCodeWithPKCE, "", "Authorization Code with PKCE", []string{code}},
		{ClientCredentials, "", "Client Credentials", []string{"client_credentials"}},
		{RefreshToken, "refreshToken", "Refresh Token", []string{"refresh_token"}},
		{DeviceCode, "deviceCode", "Device Code", []string{device}},
		{Password, "", "Password", []string{"password"}},
		{PasswordMFA, "", "Password MFA", []string{mfa + "otp", mfa + "oob"}},
		{OIDCAuthorizationCode, "", "OIDC Authorization Code", []string{code}},
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

// Values returns the eight flows. All is not among them.
func Values() []Flow {
	var flows []Flow
	for _, d := range descriptions() {
		flows = append(flows, d.flow)
	}
	return flows
}

// Parse reads a flow in either spelling: "refresh_token" or "refreshToken", "device_code" or "deviceCode". It reads "all",
// too. Anything else, also in another case, is [ErrUnknown].
func Parse(text string) (Flow, error) {
	if text == string(All) {
		return All, nil
	}
	for _, d := range descriptions() {
		if text == string(d.flow) || text != "" && text == d.alias {
			return d.flow, nil
		}
	}
	return "", ErrUnknown
}

// Valid reports whether each of flows is a flow that a client can have, in the spelling of the constants. All is none, and
// no flows at all are valid.
func Valid(flows []Flow) bool {
	return !slices.ContainsFunc(flows, func(f Flow) bool {
		_, known := describe(f)
		return !known
	})
}

// Names returns the names of flows, in their order, each as [Flow.Name] gives it.
func Names(flows []Flow) []string {
	names := make([]string, len(flows))
	for i, f := range flows {
		names[i] = f.Name()
	}
	return names
}

// Name returns what to call the flow before people, such as "Device Code". It is empty for All and for what is no flow.
func (f Flow) Name() string {
	d, _ := describe(f)
	return d.name
}

// GrantTypes returns the values of grant_type with which a token is asked for in this flow: for All those of every flow,
// for what is no flow none.
func (f Flow) GrantTypes() []string {
	if f != All {
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
