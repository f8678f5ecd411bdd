package weblogin

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// The kinds of records of sessions that the server has ended (OpenID Connect Back-Channel Logout §2.4).
const (
	endedSession  = "sid"
	endedSubject  = "sub"
	endedNameless = "nosid" // sessions of a subject that have no `sid`

	endedField = "ended"
)

// loggedOutElsewhere records that the server has ended sessions. It does not look for these sessions, because not every
// store can list them; each request looks up the records instead. A token with a `sid` also ends all sessions of its
// subject that have no `sid`, because any of them may be the one that the server has ended.
func (a *App) loggedOutElsewhere(ctx context.Context, t *client.LogoutToken) error {
	switch {
	case t.SessionID() == "":
		return a.mark(ctx, a.owner.ended(endedSubject, t.Issuer(), t.Subject()), t.IssuedAt())
	case t.Subject() == "":
		return a.mark(ctx, a.owner.ended(endedSession, t.Issuer(), t.SessionID()), t.IssuedAt())
	}
	return errors.Join(
		a.mark(ctx, a.owner.ended(endedSession, t.Issuer(), t.SessionID()), t.IssuedAt()),
		a.mark(ctx, a.owner.ended(endedNameless, t.Issuer(), t.Subject()), t.IssuedAt()),
	)
}

// mark records that sessions have ended whose ID token was issued at or before at. Both times are of the server's clock.
// A logout token that arrives late or twice does not replace a record with a later time.
func (a *App) mark(ctx context.Context, entry string, at time.Time) error {
	// The lock keeps two logout tokens from reading the record at the same time, and then writing the earlier of the two
	// times last.
	unlock, err := a.tokens.lockEntry(ctx, entry)
	if err != nil {
		return err
	}
	defer unlock()
	before, found, err := a.marked(ctx, entry)
	if err != nil || found && !at.After(before) {
		return err
	}
	return a.store.put(ctx, entry, endedField, timeText(at), a.store.recordLifetime())
}

// timeText returns the text of a time in a record. Time.UnmarshalText reads it.
func timeText(t time.Time) []byte { return []byte(t.UTC().Format(time.RFC3339Nano)) }

// marked returns the time of a record. found reports whether there is one.
func (a *App) marked(ctx context.Context, entry string) (at time.Time, found bool, err error) {
	text, found, err := a.store.get(ctx, entry, endedField)
	if err != nil || !found {
		return time.Time{}, false, err
	}
	return at, true, at.UnmarshalText(text)
}

// endedElsewhere reports whether the server has ended the session of l. A login without an ID token has no subject and no
// session id, so no logout token can name it.
func (a *App) endedElsewhere(ctx context.Context, l login) (bool, error) {
	if l.Subject == "" {
		return false, nil
	}
	// Two records apply to each login: that of all sessions of the subject, and either that of its sid or, without a sid,
	// that of the subject's sessions without one.
	entries := []string{a.owner.ended(endedSubject, l.issuer(), l.Subject), a.owner.ended(endedNameless, l.issuer(), l.Subject)}
	if l.SessionID != "" {
		entries[1] = a.owner.ended(endedSession, l.issuer(), l.SessionID)
	}
	for _, entry := range entries {
		at, found, err := a.marked(ctx, entry)
		// A login whose ID token was issued after the record is a new sign-in, which the record does not end.
		if err != nil || found && !at.Before(l.Issued) {
			return true, err
		}
	}
	return false, nil
}
