package client

import "github.com/bearerkit/bearerkit/client/flow"

// Flow is an OAuth flow, as configurations and client/registry name it.
type Flow = flow.Flow

// The flows. FlowAll stands for all of them in a configuration, and is none itself.
const (
	FlowAll                       = flow.All
	FlowAuthorizationCode         = flow.AuthorizationCode
	FlowAuthorizationCodeWithPKCE = flow.AuthorizationCodeWithPKCE
	FlowClientCredentials         = flow.ClientCredentials
	FlowRefreshToken              = flow.RefreshToken
	FlowDeviceCode                = flow.DeviceCode
	FlowPassword                  = flow.Password
	FlowPasswordMFA               = flow.PasswordMFA
	FlowOIDCAuthorizationCode     = flow.OIDCAuthorizationCode
)

// AllFlows returns the eight flows.
func AllFlows() []Flow { return flow.Values() }

// ParseFlow reads a flow in either spelling of the seed system, and "all". The error is [flow.ErrUnknown].
func ParseFlow(text string) (Flow, error) { return flow.Parse(text) }

// FlowNames returns the flows' names for people, in their order.
func FlowNames(flows []Flow) []string { return flow.Names(flows) }

// AreValidFlows reports whether each is a flow of a client, which FlowAll is not.
func AreValidFlows(flows []Flow) bool { return flow.Valid(flows) }

// ValidFlows is [AreValidFlows].
func ValidFlows(flows []Flow) bool { return flow.Valid(flows) }
