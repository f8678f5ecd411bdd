package ssf

// Effect is what an event denies.
type Effect int

const (
	// EffectNone means that the event denies no tokens.
	EffectNone Effect = iota

	// EffectSubject means that the event denies all tokens that its subject received before the event. A client can obtain new
	// ones, if the issuer still issues them. If the subject names no user, but a session or a token, the event denies the tokens
	// of that session, or that token.
	EffectSubject

	// EffectSession means that the event denies all tokens of its session. Without Config.SessionClaim, it also denies the
	// tokens that the user of the session received before the event. If the subject has no session, the effect is that of
	// EffectSubject.
	EffectSession
)

// String returns the name of the effect: none, subject or session.
func (e Effect) String() string {
	switch e {
	case EffectSubject:
		return "subject"
	case EffectSession:
		return "session"
	case EffectNone:
	}
	return "none"
}

// DefaultEffect returns the effect of an event if Config.Effect is nil:
//
//   - session-revoked and sessions-revoked: EffectSession;
//   - account-disabled, account-purged, token-claims-change and identifier-changed: EffectSubject;
//   - credential-change: EffectSubject, or EffectNone if the credential was created;
//   - assurance-level-change: EffectSubject, or EffectNone if the level has increased;
//   - all other events: EffectNone.
//
// If an account or its claims have changed, EffectSubject rejects the tokens that were issued before. Clients then obtain tokens
// with the new claims.
func DefaultEffect(event Event) Effect {
	switch event.Type {
	case TypeSessionRevoked, TypeSessionsRevoked:
		return EffectSession
	case TypeAccountDisabled, TypeAccountPurged, TypeTokenClaimsChange, TypeIdentifierChanged:
		return EffectSubject
	case TypeCredentialChange:
		if event.text("change_type") != "create" {
			return EffectSubject
		}
	case TypeAssuranceLevelChange:
		if event.text("change_direction") != "increase" {
			return EffectSubject
		}
	}
	return EffectNone
}
