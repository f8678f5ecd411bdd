package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/replay"
)

// Replays records in memory which DPoP proofs were used, so that no proof is accepted twice (RFC 9449 section 11.1). It
// implements middleware.ReplayStore. Create it with [NewReplays]. It is safe for concurrent use. Mark of the zero value always
// returns [ErrFull].
//
// Guards of one process that accept the same tokens must share one Replays. If an API runs in several processes, use a common
// store, for example that of package store/redisstore. Otherwise a proof can be used once in each process.
type Replays struct{ memory *replay.Memory }

// NewReplays returns a Replays for size proofs, each of about 200 bytes. If size is not positive, it is 100 000. The proofs of
// one key may take a tenth of the size, or 1000 if that is more. A full Replays evicts nothing, because an evicted proof could
// be used again: Mark returns an error until recorded proofs have expired.
//
// With the default DPoPConfig.Window, a proof is recorded until 70 s after its `iat`. So 100 000 proofs are enough for 1400
// requests per second, and 10 000 for 140 of one key. A client whose clock is ahead by a minute may send half as many. For more
// requests, pass a larger size.
func NewReplays(size int) *Replays { return &Replays{memory: replay.New(size)} }

// StartAt makes Mark return an error for proofs that may have been used before t. Pass the time at which the process started,
// so that a proof that was used before a restart is rejected after it. The cost: with DPoPConfig.RequireNonce, all proofs are
// rejected until the next nonce becomes current, for at most one minute. Without it, all proofs that were signed before t plus
// DPoPConfig.Window are rejected with 503. Without StartAt, a proof can be used once more after a restart.
func (r *Replays) StartAt(t time.Time) {
	if r.memory != nil {
		r.memory.StartAt(t)
	}
}

// Mark records that a proof was used, and returns false if it was recorded before. key identifies the key that signed the
// proof, and id the proof among those of the key. from is the earliest time at which any server may have accepted the proof,
// and until is the time from which no server accepts it.
//
// If the error is not nil, Mark cannot decide, and the proof must be rejected. An error with a method Forgotten that returns
// true means that Replays may not have recorded an earlier use: the wall clock was set back, or from is before the time of
// StartAt. An error that matches [ErrFull] means that there is no room, or no room for this key.
func (r *Replays) Mark(ctx context.Context, key, id string, from, until time.Time) (first bool, err error) {
	if r.memory == nil {
		return false, ErrFull
	}
	first, err = r.memory.Mark(ctx, key, id, from, until)
	if errors.Is(err, replay.ErrFull) || errors.Is(err, replay.ErrKeyFull) {
		return false, fmt.Errorf("%w: %w", ErrFull, err)
	}
	return first, err
}
