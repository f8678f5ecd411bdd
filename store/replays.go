package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/internal/replay"
)

// Replays records in memory which DPoP proofs were used, so that no proof is accepted twice (RFC 9449 section 11.1). Create
// it with [NewReplays]. It is safe for concurrent use. Guards of one process that accept the same tokens must share one. The
// processes of one API need a common store instead, for example that of package store/redisstore: a proof that one process
// has accepted is new to the Replays of another one.
//
// It implements middleware.ReplayStore. The zero value has no room.
type Replays struct{ memory *replay.Memory }

// NewReplays returns a Replays for size proofs, each of about 200 bytes. If size is not positive, it is 100 000. One key may
// use a tenth of them, or 1000 if that is more. When it is full, Mark returns an error until proofs have expired. If it
// evicted others, they could be used again.
//
// A proof is recorded until no server accepts it: for 70 s after it was signed, with the default DPoPConfig.Window. So
// 100 000 proofs are enough for 1400 requests per second, and 10 000 for 140 of one key. A client whose clock is ahead by a
// minute may send half as many. For more requests, pass a larger size.
func NewReplays(size int) *Replays { return &Replays{memory: replay.New(size)} }

// StartAt makes Mark reject proofs that may have been used before t. Pass the time at which the process started if a proof
// must not be used once before a restart and once after it. The cost: for the time of DPoPConfig.Window after t, the Guard
// accepts only proofs with a nonce that was issued after t. Without StartAt, a restart forgets the used proofs.
func (r *Replays) StartAt(t time.Time) {
	if r.memory != nil {
		r.memory.StartAt(t)
	}
}

// Mark records the use of the proof id of the key key, and returns false if it was recorded before. from is the earliest
// time at which any server may have accepted the proof, and until the time from which no server accepts it. If the error is
// not nil, Mark cannot decide, and the proof must be rejected. An error with a method Forgotten that returns true means that
// an earlier use may be forgotten: the wall clock was set back, or from is before the time of StartAt. An error that matches
// [ErrFull] means that there is no room, or none for this key.
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
