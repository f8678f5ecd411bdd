package jwks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Source finds the keys that may have signed a token. Implementations must be safe for concurrent use.
type Source interface {
	// Keys returns the keys that may have signed a token with the ID kid and the algorithm alg, in the order in which
	// the caller should try them. It returns at least one key and at most 4, and each of them serves alg. kid is empty
	// for a token without one. The caller must not change the result.
	//
	// The error matches [ErrKeyNotFound] if the source has usable keys and none of them fits. It matches [ErrUnavailable]
	// if the source has no usable keys. The caller rejects the token in the first case and reports an outage in the
	// second, so kid and alg must not influence which of the two it is. If ctx ends before that is known, the error
	// matches ctx.Err() instead.
	Keys(ctx context.Context, kid, alg string) ([]Key, error)
}

// maxMatches is the maximum number of keys that are tried for one token. Each costs a signature verification, also for a
// forged token.
const maxMatches = 4

// maxKeyID is the maximum length of a kid, in bytes. It applies to the kid of a token, which is cached if it is
// unknown, and to that of a key.
const maxKeyID = 256

// ErrKeyNotFound means that the source has usable keys, and that none of them fits the token.
var ErrKeyNotFound = errors.New("jwks: no key fits the token")

// ErrAlgorithm means that the token's key does not serve the token's algorithm. For a token without a kid, it means
// that no key serves the algorithm. It also matches [ErrKeyNotFound].
var ErrAlgorithm = fmt.Errorf("%w: the key does not serve the token's algorithm", ErrKeyNotFound)

// ErrUnavailable means that the source has no usable keys. For a key set that is fetched, none was ever fetched, or the last
// one is older than StaleFor.
var ErrUnavailable = errors.New("jwks: keys unavailable")

// NotFoundError describes a token that no key fits, and the keys that the source had. It matches [ErrKeyNotFound]. It
// also matches [ErrAlgorithm] if all keys with the token's kid serve other algorithms or, for a token without a kid, if
// all keys do.
type NotFoundError struct {
	KeyID, Algorithm string    // kid and alg of the token, which the sender of the token has chosen
	Keys             int       // the number of usable keys
	FetchedAt        time.Time // when they were fetched; zero for keys that are not fetched

	cause error // ErrAlgorithm or ErrKeyNotFound
}

// Error returns the text of [ErrKeyNotFound], followed by [NotFoundError.Detail].
func (e *NotFoundError) Error() string { return ErrKeyNotFound.Error() + ": " + e.Detail() }

// Unwrap returns [ErrAlgorithm] or [ErrKeyNotFound].
func (e *NotFoundError) Unwrap() error { return e.cause }

// Detail says which kid or algorithm was not found among which keys. It quotes at most 100 bytes of each. It is for logs.
func (e *NotFoundError) Detail() string {
	keys := fmt.Sprintf("%d keys", e.Keys)
	if e.Keys == 1 {
		keys = "1 key"
	}
	if !e.FetchedAt.IsZero() {
		keys += " fetched at " + e.FetchedAt.UTC().Format(time.RFC3339)
	}
	switch {
	case !errors.Is(e.cause, ErrAlgorithm):
		return fmt.Sprintf("no key has the token's kid %s (%s)", quoted(e.KeyID), keys)
	case e.KeyID == "":
		return fmt.Sprintf("no key serves the token's alg %s (%s)", quoted(e.Algorithm), keys)
	}
	return fmt.Sprintf("the keys for kid %s do not serve the token's alg %s (%s)", quoted(e.KeyID), quoted(e.Algorithm), keys)
}

// quoted returns at most 100 bytes of text in quotes.
func quoted(text string) string { return fmt.Sprintf("%q", text[:min(len(text), 100)]) }

// choose returns the keys, at most maxMatches, whose ID ok accepts and that serve alg. It returns keys with equal public
// keys once. considered is the number of keys whose ID ok accepts. The result is a part of keys unless there are other keys
// between the chosen ones, so a lookup usually allocates nothing.
func choose(keys []Key, alg string, ok func(id string) bool) (chosen []Key, considered int) {
	for i := range keys {
		if !ok(keys[i].ID) {
			continue
		}
		considered++
		if len(chosen) < maxMatches && keys[i].serves(alg) && !containsPublic(chosen, keys[i]) {
			chosen = extend(chosen, keys, i)
		}
	}
	return chosen, considered
}

// extend returns chosen with keys[i] at its end. It makes no copy if chosen is the part of keys in front of i.
func extend(chosen, keys []Key, i int) []Key {
	n := len(chosen)
	if n <= i && (n == 0 || &chosen[0] == &keys[i-n]) {
		return keys[i-n : i+1 : i+1]
	}
	return append(chosen, keys[i]) // its capacity is its length, so keys does not change
}

// containsPublic reports whether keys contain a key with the same public key as k.
func containsPublic(keys []Key, k Key) bool {
	return slices.ContainsFunc(keys, func(o Key) bool { return equalPublic(o.Public, k.Public) })
}

// anyID accepts every ID, and noID accepts only the empty one.
func anyID(string) bool   { return true }
func noID(id string) bool { return id == "" }
