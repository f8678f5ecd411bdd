package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"time"
)

// Storage keeps entries by key. It is safe for concurrent use, and returns soon after ctx ends.
type Storage interface {
	// Lookup returns the entries that are there under keys, in one round trip. A missing one is no error, and one whose
	// Expires has come is missing.
	Lookup(ctx context.Context, keys ...string) (map[string]Entry, error)

	// Save puts an entry under key. Of an entry that is there already the later Expires and the later Before stay, so that
	// two who save at once lose nothing. It is an error if it was not kept, and no other entry goes for it.
	Save(ctx context.Context, key string, entry Entry) error

	// Delete drops the entry under key, if there is one.
	Delete(ctx context.Context, key string) error
}

// Entry is what stands under a key.
type Entry struct {
	// Expires is when the entry ends. Zero: never.
	Expires time.Time

	// Before is, for a subject in a [DenyList], when the tokens must have been issued that are still good. Zero elsewhere.
	Before time.Time
}

func (e Entry) endedAt(now time.Time) bool { return !e.Expires.IsZero() && !now.Before(e.Expires) }

// with is e with the later times of both.
func (e Entry) with(other Entry) Entry {
	if e.Expires.IsZero() || other.Expires.IsZero() {
		e.Expires = time.Time{} // never is the latest
	} else if other.Expires.After(e.Expires) {
		e.Expires = other.Expires
	}
	if other.Before.After(e.Before) {
		e.Before = other.Before
	}
	return e
}

// Token is what a status looks at. A *consumer.Token is one; the interface has no name there, so that it can be the same
// here.
type Token = interface {
	ID() string
	Issuer() string
	Subject() string
	IssuedAt() time.Time
	Expiry() time.Time
	Claim(name string) (value any, ok bool)
}

// keyOf hashes what comes out of a token: whatever its length, a key has the same.
func keyOf(prefix, text string) string {
	hash := sha256.Sum256([]byte(text))
	return prefix + base64.RawURLEncoding.EncodeToString(hash[:])
}
