package ssf

// The types of events that this package knows. [DefaultEffect] says which of them deny tokens.
//
//nolint:gosec // no type is a credential
const (
	// TypeSessionRevoked and the next three are defined in CAEP section 3.
	TypeSessionRevoked       = "https://schemas.openid.net/secevent/caep/event-type/session-revoked"
	TypeTokenClaimsChange    = "https://schemas.openid.net/secevent/caep/event-type/token-claims-change"
	TypeCredentialChange     = "https://schemas.openid.net/secevent/caep/event-type/credential-change"
	TypeAssuranceLevelChange = "https://schemas.openid.net/secevent/caep/event-type/assurance-level-change"

	// TypeAccountDisabled and the next four are defined in RISC section 2. RISC deprecates sessions-revoked.
	TypeAccountDisabled   = "https://schemas.openid.net/secevent/risc/event-type/account-disabled"
	TypeAccountEnabled    = "https://schemas.openid.net/secevent/risc/event-type/account-enabled"
	TypeAccountPurged     = "https://schemas.openid.net/secevent/risc/event-type/account-purged"
	TypeIdentifierChanged = "https://schemas.openid.net/secevent/risc/event-type/identifier-changed"
	TypeSessionsRevoked   = "https://schemas.openid.net/secevent/risc/event-type/sessions-revoked"

	// TypeVerification and TypeStreamUpdated are events about the stream itself (SSF sections 8.1.4.1 and 8.1.5).
	TypeVerification  = "https://schemas.openid.net/secevent/ssf/event-type/verification"
	TypeStreamUpdated = "https://schemas.openid.net/secevent/ssf/event-type/stream-updated"
)

// isKnown reports whether this package knows an event type.
func isKnown(name string) bool {
	switch name {
	case TypeSessionRevoked, TypeTokenClaimsChange, TypeCredentialChange, TypeAssuranceLevelChange, TypeAccountDisabled,
		TypeAccountEnabled, TypeAccountPurged, TypeIdentifierChanged, TypeSessionsRevoked, TypeVerification, TypeStreamUpdated:
		return true
	}
	return false
}
