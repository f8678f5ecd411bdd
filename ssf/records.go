package ssf

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"github.com/bearerkit/bearerkit/store"
)

// The prefixes of the keys in the Storage. Those of package store start with "deny:" and "access:".
const (
	prefixReceived = "ssf:set:"      // a SET that was received
	prefixExpected = "ssf:expected:" // the state of a requested verification
	prefixVerified = "ssf:verified:" // the state of a verification event that was received
)

// recordKey returns the key under which a SET is recorded. A transmitter chooses its own jti, so the key contains the issuer.
func recordKey(issuer, id string) string { return keyOf(prefixReceived, issuer, id) }

// keyOf returns prefix and a hash of the issuer and a name. All keys with one prefix have the same length. Different pairs have
// different keys, because an issuer is a URL and contains no NUL byte.
func keyOf(prefix, issuer, name string) string {
	hash := sha256.Sum256([]byte(issuer + "\x00" + name))
	return prefix + base64.RawURLEncoding.EncodeToString(hash[:])
}

// has reports whether the Storage has an entry with that key.
func (r *Receiver) has(ctx context.Context, key string) (bool, error) {
	entries, err := r.cfg.Storage.Lookup(ctx, key)
	if err == nil {
		err = ctx.Err() // a Storage that gave up when ctx ended may have returned anything
	}
	if err != nil {
		return false, unavailable("Config.Storage: Lookup", err)
	}
	_, found := entries[key]
	return found, nil
}

// save stores an entry for the given time.
func (r *Receiver) save(ctx context.Context, key string, lasts time.Duration) error {
	if err := r.cfg.Storage.Save(ctx, key, store.Entry{Expires: time.Now().Add(lasts)}); err != nil {
		return unavailable("Config.Storage: Save", err)
	}
	return nil
}
