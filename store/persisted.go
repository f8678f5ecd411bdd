package store

import "context"

// PersistedTokens reports whether a token is active, for an issuer that stores every access token, as crossauth does with
// persist_access_token. A token is active while the Storage contains its entry. To revoke a token, delete the entry. A
// token without `jti` is not active.
//
// The keys do not contain the issuer, because crossauth does not store it. Use one Storage for each issuer. Otherwise a token
// of one issuer is active if another issuer has stored a token with the same `jti`.
//
// Use it as consumer.Config.Status.
type PersistedTokens struct {
	Storage Storage // required: without it, Active returns an error
}

// TokenKey returns the key under which an access token is stored: "access:" and the SHA-256 hash of its `jti` in base64url
// without padding. Crossauth servers use the same keys, so a Storage can read their table.
func TokenKey(jti string) string { return keyOf(storedPrefix, jti) }

const storedPrefix = "access:"

// Active reports whether the Storage contains an entry for the token that has not expired. It calls Lookup once.
func (p PersistedTokens) Active(ctx context.Context, token Token) (bool, error) {
	switch {
	case p.Storage == nil:
		return false, errNoStorage
	case token.ID() == "":
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
