package ssf

import (
	"context"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// deny saves the entries of the deny list for an event, and sets its Targets. covered reports whether the tokens that the event
// is about are denied for certain. It is false if tokens carry no name of the subject.
func (r *Receiver) deny(ctx context.Context, event *Event) (covered bool, err error) {
	if event.Effect == EffectNone {
		return false, nil
	}
	targets, err := r.targetsOf(ctx, *event)
	if err != nil {
		return false, err
	}
	for _, t := range targets {
		certain, err := r.denier.deny(ctx, t, event.Effect, event.Time)
		if err != nil {
			return false, err
		}
		covered = covered || certain
	}
	event.Targets = targets
	return covered, nil
}

// denier saves entries of a deny list.
type denier struct {
	list         store.DenyList
	lifetime     time.Duration // of access tokens
	skew         time.Duration // how far the clock of the sender may differ
	sessionClaim bool          // access tokens have sid
}

// deny denies the tokens of a target because of an event that occurred at the given time. certain is false if only a session
// was denied, although tokens may not carry sid.
func (d denier) deny(ctx context.Context, t Target, effect Effect, at time.Time) (certain bool, err error) {
	now := time.Now()
	before, until := d.before(at, now), now.Add(d.lifetime+maxClockSkew)
	// narrow means that a session or a token is denied, if the target has one, and not all tokens of the user.
	narrow := effect == EffectSession || t.Subject == ""
	certain = true
	switch {
	case narrow && t.Session != "":
		err = d.list.DenySession(ctx, t.Issuer, t.Session, until)
		if err == nil && !d.sessionClaim && t.Subject != "" { // tokens of the session may lack sid
			err = d.list.DenySubject(ctx, t.Issuer, t.Subject, before, until)
		}
		certain = d.sessionClaim || t.Subject != ""
	case narrow && t.TokenID != "":
		err = d.list.DenyToken(ctx, t.Issuer, t.TokenID, until)
		if err == nil && t.Subject != "" { // the session may have other tokens
			err = d.list.DenySubject(ctx, t.Issuer, t.Subject, before, until)
		}
	case t.Subject != "":
		err = d.list.DenySubject(ctx, t.Issuer, t.Subject, before, until)
	default:
		err = d.list.DenyClient(ctx, t.Issuer, t.ClientID, before, until)
	}
	if err != nil {
		return false, unavailable("the deny list (Config.Storage)", err)
	}
	return certain, nil
}

// before returns the time before which denied tokens were issued. Tokens of the same second as the event are denied, because most
// issuers write times in seconds. A time in the future denies no tokens that are issued later than now, apart from the difference of
// the clocks.
func (d denier) before(event, now time.Time) time.Time {
	before := event.Truncate(time.Second).Add(time.Second)
	if latest := now.Add(d.skew); before.After(latest) {
		return latest
	}
	return before
}
