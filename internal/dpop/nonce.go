package dpop

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"
)

const (
	minNonceKey   = 32          // bytes
	maxNonceKeys  = 8           // that are accepted at the same time
	minNonceEvery = time.Second // shorter intervals would reject nonces that were just issued
	maxNonceEvery = time.Hour
	nonceBytes    = 16                     // of the MAC; 128 bits cannot be guessed
	noncePurpose  = "bearerkit DPoP nonce" // part of the MAC input, so that no MAC for another purpose is a nonce
)

// Nonces issues and accepts nonces (RFC 9449 section 9) without storing them. A nonce is a keyed MAC of the number of the
// current interval of time. All servers with the same key and interval issue the same nonce, and accept each
// other's nonces. Nonces is safe for concurrent use.
type Nonces struct {
	keys  [][]byte
	every time.Duration
	held  atomic.Pointer[interval]
}

// interval holds the nonces of one interval of time. It does not change.
type interval struct {
	number   int64
	current  string   // with the first key
	accepted []string // of this interval with each key, and then of the one before
}

// NewNonces returns Nonces for the given keys and the length of an interval.
//
// The first key issues nonces. All keys accept them, so that a key can be replaced: add the new one at the end on all
// servers, then move it to the front, then remove the old one. Each key has at least 32 random bytes. NewNonces copies
// the keys. Empty: a random key, so that other servers and later processes do not accept the nonces.
//
// A nonce is accepted until the end of the interval after its own, so for between one and two intervals. An interval
// lasts 1 second to 1 hour.
func NewNonces(keys [][]byte, every time.Duration) (*Nonces, error) {
	var faults []error
	if len(keys) > maxNonceKeys {
		faults = append(faults, fmt.Errorf("NonceKeys has %d keys, expected at most %d", len(keys), maxNonceKeys))
	}
	n := &Nonces{every: every}
	for i, key := range keys {
		if len(key) < minNonceKey {
			faults = append(faults, fmt.Errorf("NonceKeys[%d] has %d bytes, expected at least %d", i, len(key), minNonceKey))
		}
		n.keys = append(n.keys, slices.Clone(key))
	}
	if len(keys) == 0 {
		n.keys = [][]byte{make([]byte, minNonceKey)}
		_, _ = rand.Read(n.keys[0]) // it never returns an error
	}
	if every < minNonceEvery || every > maxNonceEvery {
		faults = append(faults, fmt.Errorf("the interval of nonces is %v, expected %v to %v", every, minNonceEvery, maxNonceEvery))
	}
	return n, errors.Join(faults...)
}

// Current returns the nonce to issue at the time now.
func (n *Nonces) Current(now time.Time) string { return n.at(now).current }

// Issued returns the earliest time at which a server can have issued nonce. ok is false if no server with the same keys
// has issued it in the interval of now or in the one before. If the clock was set back by more than that, nonces issued
// before are not accepted until it has caught up, and callers get new ones.
func (n *Nonces) Issued(nonce string, now time.Time) (issued time.Time, ok bool) {
	held := n.at(now)
	found := -1
	for i, accepted := range held.accepted { // all of them, so that the time does not depend on which one is equal
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare([]byte(accepted), []byte(nonce)), i, found)
	}
	if found < 0 {
		return time.Time{}, false
	}
	number := held.number - int64(found/len(n.keys))
	return time.Unix(0, 0).Add(time.Duration(number) * n.every), true
}

// at returns the nonces of the interval that contains now. They are computed once for each interval. Concurrent calls
// may compute them at the same time, with the same result.
func (n *Nonces) at(now time.Time) *interval {
	number := now.UnixNano() / int64(n.every)
	if held := n.held.Load(); held != nil && held.number == number {
		return held
	}
	next := &interval{number: number}
	for _, of := range [...]int64{number, number - 1} {
		for _, key := range n.keys {
			next.accepted = append(next.accepted, n.nonce(key, of))
		}
	}
	next.current = next.accepted[0]
	n.held.Store(next)
	return next
}

// nonce returns the nonce of an interval. The length of the interval is a part of the MAC, so that servers with different
// lengths do not take each other's nonces for those of another time.
func (n *Nonces) nonce(key []byte, number int64) string {
	mac := hmac.New(sha256.New, key)
	mac.Write(fmt.Appendf(nil, "%s %d %d", noncePurpose, n.every, number))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:nonceBytes])
}
