package store

import "context"

// PersistedTokens is the status of tokens of an issuer that stores each of them, as crossauth does with
// persist_access_token: a token is good as long as its entry is there. Whoever deletes it has revoked the token. A token
// without `jti` has no entry, so it is not good.
//
// It fits consumer.Config.Status.
type PersistedTokens struct {
	Storage Storage // required
}

// TokenKey is the key under which an access token is stored: "access:" and the SHA-256 of its `jti` in base64url without
// padding. It is the form that crossauth servers use, so their table can be asked as it is.
func TokenKey(jti string) string { return keyOf("access:", jti) }

// Active reports whether the token is stored and its entry has not expired. Nothing else of the entry counts.
func (p PersistedTokens) Active(ctx context.Context, token Token) (bool, error) {
	if token.ID() == "" {
		return false, nil
	}
	key := TokenKey(token.ID())
	entries, err := p.Storage.Lookup(ctx, key)
	if err != nil {
		return false, err
	}
	_, stored := entries[key]
	return stored, nil
}
