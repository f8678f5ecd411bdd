package store

import (
	"context"
	"errors"
	"strings"
	"time"
)

// DenyList reports tokens as not active that were denied: a single token by its `jti`, all tokens of a session by `sid`
// (OpenID Connect Back-Channel Logout 1.0 section 2.4), or all tokens that a subject or a client received before a given
// time. All other tokens are active. Names are compared byte by byte, and only within their issuer.
//
// Use it as consumer.Config.Status.
type DenyList struct {
	Storage Storage // required: without it, every method returns an error
}

// ErrUnnamed means that the jti, sid, subject or client to deny is empty. Such an entry would deny no token.
var ErrUnnamed = errors.New("store: the jti, sid, subject or client to deny is empty")

// ErrNoTime means that DenySubject or DenyClient was called with a zero time.
var ErrNoTime = errors.New(`store: DenySubject or DenyClient: the argument "before" is the zero time, expected a later one`)

// DenyToken denies the token with the given jti. until is the time at which the token has expired, including the clock
// skew that the API allows. After that time, the entry has no effect and may be deleted. If until is zero, the entry
// never expires. If the error is not nil, the token may still be active. The error is [ErrUnnamed] if jti is empty.
func (d DenyList) DenyToken(ctx context.Context, issuer, jti string, until time.Time) error {
	return d.save(ctx, "deny:jti:", issuer, jti, Entry{Expires: until})
}

// DenySession denies all tokens with the given sid claim. until is the time at which the last of them has expired. until
// and the errors are as for DenyToken.
func (d DenyList) DenySession(ctx context.Context, issuer, sid string, until time.Time) error {
	return d.save(ctx, "deny:sid:", issuer, sid, Entry{Expires: until})
}

// DenySubject denies all tokens of a subject that were issued before a time, and all its tokens without `iat`. The
// parameter before is that time, rounded up to a full second. So if it is within a second, all tokens that were issued in
// that second are denied: most issuers write `iat` in full seconds, which do not say whether a token was issued before or
// after it. The error is [ErrNoTime] if before is zero. until is the time at which the last of these tokens has expired;
// until and the other errors are as for DenyToken.
func (d DenyList) DenySubject(ctx context.Context, issuer, subject string, before, until time.Time) error {
	return d.saveBefore(ctx, "deny:sub:", issuer, subject, before, until)
}

// DenyClient denies all tokens of a client that were issued before a time, and all its tokens without `iat`. The client
// of a token is the result of consumer.Token.ClientID, which depends on the profile. If that is empty, or the token has
// no such method, it is the claim client_id, else azp. before, until and the errors are as for DenySubject.
func (d DenyList) DenyClient(ctx context.Context, issuer, clientID string, before, until time.Time) error {
	return d.saveBefore(ctx, "deny:client:", issuer, clientID, before, until)
}

// saveBefore saves an entry that denies the tokens issued before a time. It rounds the time up to a full second.
func (d DenyList) saveBefore(ctx context.Context, kind, issuer, name string, before, until time.Time) error {
	if before.IsZero() {
		return ErrNoTime
	}
	full := before.Truncate(time.Second)
	if full.Before(before) {
		full = full.Add(time.Second)
	}
	return d.save(ctx, kind, issuer, name, Entry{Expires: until, Before: full})
}

// save saves an entry under the key of a name.
func (d DenyList) save(ctx context.Context, kind, issuer, name string, entry Entry) error {
	switch {
	case d.Storage == nil:
		return errNoStorage
	case name == "":
		return ErrUnnamed
	}
	return d.Storage.Save(ctx, denyKey(kind, issuer, name), entry)
}

// denyKey returns the key of an entry. Different pairs of issuer and name have different keys, because an issuer is a URL
// and contains no NUL byte.
func denyKey(kind, issuer, name string) string { return keyOf(kind, issuer, "\x00", name) }

// Active reports whether no entry denies the token. It calls Lookup once.
func (d DenyList) Active(ctx context.Context, token Token) (bool, error) {
	if d.Storage == nil {
		return false, errNoStorage
	}
	keys := denyKeys(token)
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

// Version returns the number of changes of the Storage so far, if Storage is a [*Memory] and status is a DenyList. It implements the
// optional method of consumer.TokenStatus. A token that was active is still active if the version is the same, because no token
// becomes inactive when an entry expires. ok is false if Storage or status has another type. That includes types that embed a
// Memory or a DenyList, because their methods may read other data.
func (d DenyList) Version(status any) (version uint64, ok bool) {
	switch status.(type) {
	case DenyList, *DenyList:
	default:
		return 0, false
	}
	memory, ok := d.Storage.(*Memory)
	if !ok {
		return 0, false
	}
	return memory.changes.Load(), true
}

// kinds lists the kinds of entries that deny tokens: the prefix of their keys, and the function that returns the name of a token.
// The rest of a key is a hash of the issuer and that name.
var kinds = [...]struct { //nolint:gochecknoglobals // a constant table
	prefix string
	name   func(Token) string
}{
	{"deny:jti:", Token.ID},
	{"deny:sid:", func(t Token) string { return textClaim(t, "sid") }},
	{"deny:sub:", Token.Subject},
	{"deny:client:", clientOf},
}

// denyKeys returns the keys of the entries that deny token.
func denyKeys(token Token) []string {
	keys := make([]string, 0, MaxKeys)
	for _, kind := range kinds {
		if name := kind.name(token); name != "" {
			keys = append(keys, denyKey(kind.prefix, token.Issuer(), name))
		}
	}
	return keys
}

// clientOf returns the client of token, or "" if it has none.
func clientOf(token Token) string {
	if t, ok := token.(interface{ ClientID() string }); ok && t.ClientID() != "" {
		return t.ClientID()
	}
	if client := textClaim(token, "client_id"); client != "" {
		return client
	}
	return textClaim(token, "azp")
}

// textClaim returns a claim that is a string, or "".
func textClaim(token Token, name string) string {
	value, _ := token.Claim(name)
	text, _ := value.(string)
	return text
}

// MaxKeys is the largest number of keys that [KeysOf] returns. [DenyList] and [PersistedTokens] never look up more keys in
// one call of Lookup.
const MaxKeys = 5

// KeysOf returns the keys under which [DenyList] and [PersistedTokens] look up token, at most [MaxKeys]. If the entry of a
// key changes, use KeysOf to find the cached tokens that the entry is about.
func KeysOf(token Token) []string {
	keys := denyKeys(token)
	if token.ID() != "" {
		keys = append(keys, TokenKey(token.ID()))
	}
	return keys
}

// Matcher returns a function that reports whether one of the keys is among the [KeysOf] a token. Use it to find the cached tokens
// that changed entries are about. It computes only the hashes that the keys need: one for each token if all keys are about single
// tokens. keys must not change while the function is used.
func Matcher(keys map[string]struct{}) func(Token) bool {
	var used [len(kinds)]bool
	stored := false
	for key := range keys {
		for i, kind := range kinds {
			used[i] = used[i] || strings.HasPrefix(key, kind.prefix)
		}
		stored = stored || strings.HasPrefix(key, storedPrefix)
	}
	return func(token Token) bool {
		for i, kind := range kinds {
			if !used[i] {
				continue
			}
			if name := kind.name(token); name != "" && contains(keys, denyKey(kind.prefix, token.Issuer(), name)) {
				return true
			}
		}
		return stored && token.ID() != "" && contains(keys, TokenKey(token.ID()))
	}
}

func contains(keys map[string]struct{}, key string) bool {
	_, ok := keys[key]
	return ok
}

// denies reports whether e denies a token issued at that time. An entry for a token or a session has no Before, so it denies
// the token in any case.
func (e Entry) denies(issuedAt time.Time) bool {
	return e.Before.IsZero() || issuedAt.IsZero() || issuedAt.Before(e.Before)
}
