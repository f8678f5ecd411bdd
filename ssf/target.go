package ssf

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

const maxTargets = 100 // of one event

// Target names tokens of an issuer. At least one of its names must be set. If several are set, the [Effect] of the event selects
// which of them are used:
//
//   - EffectSubject uses the first one that is set: Subject, Session, TokenID or ClientID.
//   - EffectSession uses the first one that is set: Session, TokenID, Subject or ClientID. With a TokenID, or with a Session and
//     without Config.SessionClaim, it also uses Subject, if that is set.
//
// If Config.MapSubject is nil or returns no targets, these rules map the subject of an event to targets. A format that no rule
// names is not mapped.
//
//   - iss_sub: the Subject of the Issuer, if Config.TokenIssuers contains that issuer.
//   - opaque: the Subject of each of Config.TokenIssuers. If the event is session-revoked, the Session too, because CAEP section
//     3.1 uses the format for both.
//   - jwt_id: the token of the Issuer, if Config.TokenIssuers contains that issuer.
//   - aliases: the targets of all identifiers.
//   - complex: the member session gives the Session, or the TokenID if its format is jwt_id. The member user gives the Subject.
//     Other members are ignored if one of these is mapped: the event then denies more tokens than it is about, and never fewer.
//     The member application gives the ClientID, if it is the only member.
type Target struct {
	// Issuer is the `iss` of the tokens. In a result of Config.MapSubject, an empty Issuer means each of Config.TokenIssuers.
	Issuer string

	// Subject is the `sub` of the tokens.
	Subject string

	// Session is the `sid` of the tokens.
	Session string

	// TokenID is the `jti` of a token.
	TokenID string

	// ClientID is the client that received the tokens.
	ClientID string
}

// targetsOf returns the targets of the subject of an event.
func (r *Receiver) targetsOf(ctx context.Context, event Event) ([]Target, error) {
	if r.cfg.MapSubject != nil {
		mapped, err := r.cfg.MapSubject(ctx, event.Subject)
		if err != nil {
			return nil, unavailable("Config.MapSubject returned an error", err)
		}
		if len(mapped) > 0 {
			return r.complete(mapped)
		}
	}
	targets := r.mapped(event.Subject)
	if event.Type != TypeSessionRevoked {
		return targets, nil
	}
	// An opaque identifier may be that of the session, so it is used as Subject and as Session.
	for _, s := range append([]Subject{event.Subject}, event.Subject.Aliases...) {
		if s.Format == formatOpaque {
			targets = append(targets, r.named(s, func(t *Target) *string { return &t.Session })...)
		}
	}
	return targets, nil
}

// complete checks targets of the application, and fills in their issuers.
func (r *Receiver) complete(mapped []Target) (targets []Target, err error) {
	for _, t := range mapped {
		issuers := []string{t.Issuer}
		if t.Issuer == "" {
			issuers = r.cfg.TokenIssuers
		}
		for _, issuer := range issuers {
			t.Issuer = issuer
			targets = append(targets, t)
		}
		if (Target{Issuer: t.Issuer}) == t { // only the issuer is set
			return nil, errors.New("ssf: Config.MapSubject returned a Target without a name, expected Subject, Session, TokenID or ClientID")
		}
	}
	if len(targets) > maxTargets {
		return nil, fmt.Errorf("ssf: Config.MapSubject returned %d targets, expected at most %d", len(targets), maxTargets)
	}
	return targets, nil
}

// mapped returns the targets of a subject by the rules of Target.
func (r *Receiver) mapped(s Subject) (targets []Target) {
	switch s.Format {
	case formatAliases:
		for _, alias := range s.Aliases {
			targets = append(targets, r.mapped(alias)...)
		}
		return targets
	case formatComplex:
		return r.mappedMembers(s.Members)
	case formatJWT:
		if slices.Contains(r.cfg.TokenIssuers, s.Issuer) {
			targets = append(targets, Target{Issuer: s.Issuer, TokenID: s.ID})
		}
		return targets
	}
	return r.named(s, func(t *Target) *string { return &t.Subject })
}

// named returns a target for each issuer that the identifier of s applies to. name returns the field that contains the identifier.
func (r *Receiver) named(s Subject, name func(*Target) *string) (targets []Target) {
	for _, issuer := range r.cfg.TokenIssuers {
		if s.Format == formatOpaque || s.Format == formatIssuerSubject && s.Issuer == issuer {
			t := Target{Issuer: issuer}
			*name(&t) = s.ID
			targets = append(targets, t)
		}
	}
	return targets
}

// mappedMembers returns the targets of a complex subject. A session and a user of the same issuer form one target, so that the effect of
// the event decides which of them is denied.
func (r *Receiver) mappedMembers(members map[string]Subject) []Target {
	targets := r.named(members["user"], func(t *Target) *string { return &t.Subject })
	sessions := r.named(members["session"], func(t *Target) *string { return &t.Session })
	if members["session"].Format == formatJWT {
		sessions = r.mapped(members["session"])
	}
	for _, session := range sessions {
		// A session of another issuer than that of the user, or without a user, is a target of its own.
		of := slices.IndexFunc(targets, func(t Target) bool { return t.Issuer == session.Issuer })
		if of < 0 {
			targets = append(targets, session)
		} else {
			targets[of].Session, targets[of].TokenID = session.Session, session.TokenID
		}
	}
	if application, ok := members["application"]; ok && len(members) == 1 {
		return r.named(application, func(t *Target) *string { return &t.ClientID })
	}
	return targets
}
