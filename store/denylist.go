package store

import (
	"context"
	"errors"
	"time"
)

// DenyList is the status of tokens that are good until somebody says otherwise: of one token by its `jti`, of a session by
// `sid` (OpenID Connect Back-Channel Logout 1.0 §2.4), of all that a subject was given before some time. Names count
// within their issuer only, and byte for byte.
//
// It fits consumer.Config.Status.
type DenyList struct {
	Storage Storage // required
}

// ErrUnnamed says that an empty name was to be denied, which no token could match.
var ErrUnnamed = errors.New("store: an empty name cannot be denied")

// DenyToken denies the token with that jti. until is when the token has ended, clock skew included: it is remembered so
// long and no longer. An error says that it was not denied.
func (d DenyList) DenyToken(ctx context.Context, issuer, jti string, until time.Time) error {
	return d.deny(ctx, "deny:jti:", issuer, jti, Entry{Expires: until})
}

// DenySession denies all tokens of a session. until is when the last of them has ended.
func (d DenyList) DenySession(ctx context.Context, issuer, sid string, until time.Time) error {
	return d.deny(ctx, "deny:sid:", issuer, sid, Entry{Expires: until})
}

// DenySubject denies all tokens of a subject that were issued before some time, and those that do not say when they were.
// `iat` has whole seconds with most issuers, so a token of the same second may be denied as well. until is when the last
// of them has ended.
func (d DenyList) DenySubject(ctx context.Context, issuer, subject string, before, until time.Time) error {
	return d.deny(ctx, "deny:sub:", issuer, subject, Entry{Expires: until, Before: before})
}

func (d DenyList) deny(ctx context.Context, kind, issuer, name string, entry Entry) error {
	if name == "" {
		return ErrUnnamed
	}
	return d.Storage.Save(ctx, denyKey(kind, issuer, name), entry)
}

// denyKey: no issuer holds a NUL, so no two pairs of issuer and name are one text.
func denyKey(kind, issuer, name string) string { return keyOf(kind, issuer+"\x00"+name) }

// Active reports whether nothing is known against the token. It asks the Storage once.
func (d DenyList) Active(ctx context.Context, token Token) (bool, error) {
	sid, _ := token.Claim("sid")
	session, _ := sid.(string)
	names := []struct{ kind, name string }{
		{"deny:jti:", token.ID()}, {"deny:sid:", session}, {"deny:sub:", token.Subject()},
	}
	keys := make([]string, 0, len(names))
	for _, n := range names {
		if n.name != "" {
			keys = append(keys, denyKey(n.kind, token.Issuer(), n.name))
		}
	}
	entries, err := d.Storage.Lookup(ctx, keys...)
	if err != nil {
		return false, err
	}
	for _, entry := range entries {
		if entry.denies(token.IssuedAt()) {
			return false, nil
		}
	}
	return true, nil
}

// denies: without Before it is about the token or its session, whenever it was issued.
func (e Entry) denies(issuedAt time.Time) bool {
	return e.Before.IsZero() || issuedAt.IsZero() || issuedAt.Before(e.Before)
}
