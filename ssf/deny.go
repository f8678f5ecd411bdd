package ssf

import (
	"context"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// denyTokens saves the entries of the deny list for an event, and sets its Targets. covered reports whether the tokens that the event
// is about are certainly denied. It is false if tokens may carry no name of the subject.
func (r *Receiver) denyTokens(ctx context.Context, event *Event) (covered bool, err error) {
	if event.Effect == EffectNone {
		return false, nil
	}
	targets, err := r.targetsOf(ctx, *event)
	if err != nil {
		return false, err
	}
	before := event.before(time.Now().Add(r.cfg.ClockSkew))
	for _, t := range targets {
		certain, err := r.denier.denyTarget(ctx, t, event.Effect, before)
		if err != nil {
			return false, err
		}
		covered = covered || certain
	}
	event.Targets = targets
	return covered, nil
}

// entryMargin is how much longer than the lifetime of a token an entry is kept. The clock of the issuer may be maxClockSkew ahead of
// this machine, and an API may accept a token until maxClockSkew after its exp.
const entryMargin = 2 * maxClockSkew

// denier saves entries of a deny list.
type denier struct {
	list         store.DenyList
	lifetime     time.Duration // of access tokens
	sessionClaim bool          // access tokens have sid
}

// denyTarget denies the tokens of a target: all tokens of a session, one token, or the tokens that a user or a client received before the
// given time. certain is false if only a session was denied, although tokens may not carry sid.
func (d denier) denyTarget(ctx context.Context, t Target, effect Effect, before time.Time) (certain bool, err error) {
	until := time.Now().Add(d.lifetime + entryMargin)
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
		return false, unavailable("an entry of the deny list was not saved (Config.Storage)", err)
	}
	return certain, nil
}

// before returns a time: e denies the tokens that were issued before it. latest is the time of this machine plus the clock skew. The
// result is not later than latest, unless IssuedAt is. In that case the clock of this machine is behind that of the transmitter, and a
// limit of latest would leave the tokens of the last minutes valid. IssuedAt was verified to be at most maxClockSkew in the future.
func (e Event) before(latest time.Time) time.Time {
	before := nextSecond(e.Time)
	if issued := nextSecond(e.IssuedAt); issued.After(latest) {
		latest = issued
	}
	if before.After(latest) {
		return latest
	}
	return before
}

// nextSecond returns the beginning of the next second. Tokens of the same second as an event are denied, because most issuers write
// times in seconds.
func nextSecond(t time.Time) time.Time { return t.Truncate(time.Second).Add(time.Second) }
