package weblogin

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/client"
)

// Kinds of records that a logout token leaves (OpenID Connect Back-Channel Logout §2.4).
const (
	endedSession  = "sid"
	endedSubject  = "sub"
	endedNameless = "nosid" // sessions of a subject that have no `sid`

	endedField = "ended"
)

// loggedOutElsewhere records that the server has ended sessions. The record is looked up with each request, because not
// every store can list its sessions. A session without `sid` may be the one that was ended, so it ends with every session of
// its subject.
func (a *App) loggedOutElsewhere(ctx context.Context, t *client.LogoutToken) error {
	switch {
	case t.SessionID() == "":
		return a.mark(ctx, a.owner.ended(endedSubject, t.Subject()), t.IssuedAt())
	case t.Subject() == "":
		return a.mark(ctx, a.owner.ended(endedSession, t.SessionID()), t.IssuedAt())
	}
	return errors.Join(
		a.mark(ctx, a.owner.ended(endedSession, t.SessionID()), t.IssuedAt()),
		a.mark(ctx, a.owner.ended(endedNameless, t.Subject()), t.IssuedAt()),
	)
}

// mark records that sessions have ended whose ID token was issued at or before at. Both times are of the server's clock. A
// logout token that arrives late or twice does not replace a later time.
func (a *App) mark(ctx context.Context, entry string, at time.Time) error {
	unlock, err := a.tokens.lockEntry(ctx, entry)
	if err != nil {
		return err
	}
	defer unlock()
	before, found, err := a.marked(ctx, entry)
	if err != nil || found && !at.After(before) {
		return err
	}
	return a.store.put(ctx, entry, endedField, []byte(at.UTC().Format(time.RFC3339Nano)), a.sessions.Lifetime)
}

// marked returns the time of a record. found reports whether there is one.
func (a *App) marked(ctx context.Context, entry string) (at time.Time, found bool, err error) {
	text, found, err := a.store.get(ctx, entry, endedField)
	if err != nil || !found {
		return time.Time{}, false, err
	}
	return at, true, at.UnmarshalText(text)
}

// endedElsewhere reports whether the server has ended the session of l. A login without an ID token has neither a subject
// nor a session id by which the server could name it.
func (a *App) endedElsewhere(ctx context.Context, l login) (bool, error) {
	if l.Subject == "" {
		return false, nil
	}
	entries := []string{a.owner.ended(endedSubject, l.Subject), a.owner.ended(endedNameless, l.Subject)}
	if l.SessionID != "" {
		entries[1] = a.owner.ended(endedSession, l.SessionID)
	}
	for _, entry := range entries {
		at, found, err := a.marked(ctx, entry)
		if err != nil || found && !at.Before(l.Issued) {
			return true, err
		}
	}
	return false, nil
}
