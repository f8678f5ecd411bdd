package store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"time"
)

// Storage stores entries by key. [Memory] implements it for one process.
//
// An implementation must be safe for concurrent use, return soon after ctx ends, and keep times to the second or finer.
type Storage interface {
	// Lookup returns the entries with the given keys, read in one round trip. An entry whose Expires has passed counts as
	// missing. A missing entry is not an error: the map does not contain its key.
	Lookup(ctx context.Context, keys ...string) (map[string]Entry, error)

	// Save stores an entry under key. If there already is one, Save keeps the later Expires and the later Before of the two,
	// so that concurrent calls lose nothing. It returns an error if the entry was not stored. It must not evict another
	// entry to make room.
	Save(ctx context.Context, key string, entry Entry) error

	// Delete deletes the entry with the given key, if there is one.
	Delete(ctx context.Context, key string) error
}

// errNoStorage is the error of all methods if the field Storage is nil.
var errNoStorage = errors.New("store: Storage is not set (DenyList.Storage, PersistedTokens.Storage)")

// Entry is the value of a key in a [Storage].
type Entry struct {
	// Expires is the time at which the entry expires. Zero: it never expires.
	Expires time.Time

	// Before is set only by [DenyList.DenySubject] and [DenyList.DenyClient]: tokens issued before this time are denied.
	// Zero in all other entries.
	Before time.Time
}

func (e Entry) endedAt(now time.Time) bool { return !e.Expires.IsZero() && !now.Before(e.Expires) }

// with returns e with the later times of both entries.
func (e Entry) with(other Entry) Entry {
	if e.Expires.IsZero() || other.Expires.IsZero() {
		e.Expires = time.Time{} // never is the latest time
	} else if other.Expires.After(e.Expires) {
		e.Expires = other.Expires
	}
	if other.Before.After(e.Before) {
		e.Before = other.Before
	}
	return e
}

// onWallClock removes the monotonic readings. The monotonic clock stops while a machine sleeps, and it ignores that the wall
// clock was set: with it, an entry could outlive its time, or the earlier of two times could count as the later one.
func (e Entry) onWallClock() Entry {
	return Entry{Expires: e.Expires.Round(0), Before: e.Before.Round(0)}
}

// Token is the part of a token that a status reads. *consumer.Token implements it. It is an alias of an unnamed interface,
// so that it is the same type in both packages.
type Token = interface {
	ID() string
	Issuer() string
	Subject() string
	IssuedAt() time.Time
	Expiry() time.Time
	Claim(name string) (value any, ok bool)
}

// keyOf returns prefix and a hash of the joined texts, so that all keys with one prefix have the same length. It runs several
// times for each request, so it allocates only the key, unless the texts are long.
func keyOf(prefix string, texts ...string) string {
	var room [256]byte
	text := room[:0]
	for _, part := range texts {
		text = append(text, part...)
	}
	hash := sha256.Sum256(text)
	return string(base64.RawURLEncoding.AppendEncode(append(room[:0], prefix...), hash[:]))
}
