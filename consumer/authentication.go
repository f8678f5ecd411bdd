package consumer

import (
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/compact"
)

// ACR returns `acr`, the name of the authentication context class that the sign-in of the user satisfied (RFC 9068 section
// 2.2.1). The issuer defines the names; compare them byte for byte. ACR returns "" if the token has no `acr`, or if it is not a
// string.
func (t *Token) ACR() string { return textOf(t.claims, "acr") }

// AMR returns `amr`, the methods with which the user signed in (RFC 9068 section 2.2.1), such as pwd or otp. It is nil if the
// token has no `amr`, or if it is neither a string nor an array of strings. The caller may change the slice.
func (t *Token) AMR() []string {
	v, _ := t.claims.Get("amr")
	if method, ok := v.Text(); ok && method != "" {
		return []string{method}
	}
	methods, _ := v.Strings()
	return methods
}

// AuthTime returns `auth_time`, the time at which the user signed in (RFC 9068 section 2.2.1). A token that was renewed has
// the time of the original sign-in. AuthTime returns the zero time if the token has no `auth_time`, or if it is not a
// NumericDate (RFC 7519 section 2).
//
// Use [Token.AuthenticatedWithin] to compare it with the current time.
func (t *Token) AuthTime() time.Time {
	v, ok := t.claims.Get("auth_time")
	if !ok {
		return time.Time{}
	}
	var r claimReader
	date := r.date("auth_time", v)
	if r.fault != nil {
		return time.Time{}
	}
	return date
}

// AuthenticatedWithin reports whether the user signed in at most maxAge ago (RFC 9470 section 3). It returns false if the token
// has no valid `auth_time`, or if that time is in the future. It allows for the clock skew in both directions, as the checks of
// `exp` and `iat` do: Config.ClockSkew of the Consumer or ClaimChecker that checked the token, or 10 seconds for a token of
// [NewToken]. A negative maxAge counts as zero. AuthenticatedWithin does not allocate.
func (t *Token) AuthenticatedWithin(maxAge time.Duration) bool {
	signedIn := t.AuthTime()
	if signedIn.IsZero() {
		return false
	}
	skew := defaultClockSkew
	if t.consumer != nil {
		skew = t.consumer.cfg.ClockSkew
	}
	// The wall clock may have been set back since the verification. That must not make a sign-in look more recent.
	now := clock.Now()
	latest := t.verified.Add(t.verified.AgeAt(now)).Time()
	return signedIn.Sub(now.Time()) <= skew && latest.Sub(signedIn)-skew <= max(maxAge, 0)
}

// Actor is a party that acts on behalf of the subject of a token (RFC 8693 section 4.1).
type Actor struct {
	// Subject is `sub` of the actor. It is unique only within its issuer. Empty: the actor has no `sub`.
	Subject string

	// Issuer is `iss` of the actor. Empty: the actor has no `iss`; its subject is then usually one of Token.Issuer.
	Issuer string

	// ClientID is `client_id` of the actor. Empty: the actor has no `client_id`.
	ClientID string

	// Prior lists the earlier actors, the most recent first. They are for audit logs only: an access decision must not
	// depend on them (RFC 8693 section 4.1). The Prior of these actors is nil. Nil: there are no earlier actors.
	Prior []Actor
}

// Actor returns the party that currently acts on behalf of the subject: the outermost `act` (RFC 8693 section 4.1). ok is
// false if the token has no `act`, which means that the subject acts for itself. All fields of the Actor may be empty. Use
// [Token.Decode] to read other members, such as an email address. The claim `may_act`, which names a party that may become an
// actor, has no effect. [Token.Principal] is about the subject and not about the actor.
//
// A token whose `act` is not an object, or has a `sub`, `iss`, `client_id` or `act` of the wrong type, is rejected when it is
// verified. JSON in a token may be nested 16 levels deep, so there are at most 15 actors.
func (t *Token) Actor() (actor Actor, ok bool) {
	if t.actor == nil {
		return Actor{}, false
	}
	actor = *t.actor
	actor.Prior = slices.Clone(actor.Prior) // the caller may change it
	return actor, true
}

// actors reads `act` and each `act` within it. It returns nil if the claim is null. A malformed act is rejected and not treated
// as absent. Otherwise an API that rejects delegated tokens would accept this one.
func (c *claimReader) actors(v compact.Value) *Actor {
	var chain []Actor
	for v.Kind() != compact.KindNone && v.Kind() != compact.KindNull {
		members, ok := v.Object()
		if !ok {
			c.wrongType("act", v, "an object")
			return nil
		}
		chain = append(chain, Actor{
			Subject: c.actorText(members, "sub"), Issuer: c.actorText(members, "iss"),
			ClientID: c.actorText(members, "client_id"),
		})
		v, _ = members.Get("act") // the depth of the JSON text limits the loop
	}
	if len(chain) == 0 {
		return nil
	}
	current := chain[0]
	if len(chain) > 1 {
		current.Prior = chain[1:]
	}
	return &current
}

// actorText reads a member of `act` that is a string, or absent.
func (c *claimReader) actorText(members compact.Object, name string) string {
	v, ok := members.Get(name)
	if !ok || v.Kind() == compact.KindNull {
		return ""
	}
	text, ok := v.Text()
	if !ok {
		c.wrongType("act."+name, v, "a string")
	}
	return text
}
