package middleware

import (
	"context"
	"errors"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/dpop"
	"github.com/bearerkit/bearerkit/internal/replay"
)

// ReplayStore records which proofs were used. Implementations must be safe for concurrent use.
type ReplayStore interface {
	// Mark records that the proof with the given id was used. first is false if it was recorded before. If several calls
	// have the same key and id, first must be true for exactly one of them, even if they are concurrent or come from
	// several processes that share the store.
	//
	// key is the thumbprint of the client's key, so a store can limit the records of one client. id is a hash that
	// identifies the proof among those of the key. Both are base64url without padding (RFC 7515 section 2). No server can
	// have accepted the proof before from. No server accepts it after until, so the record may then be deleted.
	//
	// If it is not known whether the proof was used before, Mark must return an error. The request is then rejected with
	// 503. An error with a method Forgotten() bool that returns true means that the store has lost records that may be newer
	// than from. With RequireNonce, the response is then use_dpop_nonce. At most one minute later, the nonce is newer than
	// the loss, and proofs with it are accepted.
	//
	// Mark must return when ctx ends.
	Mark(ctx context.Context, key, id string, from, until time.Time) (first bool, err error)
}

const defaultReplayTimeout = time.Second

// These errors are for operators. The client receives only the error code.
var (
	errReplay    = &detailed{errProof, "the proof was used before, expected a new one for each request (Config.DPoP.Replays)"}
	errForgotten = &detailed{errProof, "the replay store has lost records, so proofs with an older nonce are rejected (Config.DPoP.Replays)"}
)

// record records the use of a proof. It returns an error if the proof was used before, or if that is not known.
func (d *dpopChecker) record(ctx context.Context, use dpop.Use) *consumer.Error {
	if d.cfg.Replays != nil { // the memory of this process never waits
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, d.cfg.ReplayTimeout)
		defer cancel()
	}
	first, err := d.replays.Mark(ctx, use.Key, use.ID, use.From, use.Until)
	switch {
	case err == nil && first:
		return nil
	case err == nil:
		return d.proofError(errReplay)
	case d.nonces != nil && isForgotten(err):
		return &consumer.Error{Reason: consumer.ReasonNonce, Err: errForgotten}
	}
	return &consumer.Error{Reason: consumer.ReasonReplayUnavailable, Err: &detailed{storeError{err}, storeDetail(err)}}
}

// storeDetail says why the store could not decide. It does not quote err, which may contain an address or a password.
func storeDetail(err error) string {
	switch {
	case errors.Is(err, replay.ErrKeyFull):
		return "the memory has too many used proofs of one key, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays, or the size of store.NewReplays)"
	case errors.Is(err, replay.ErrFull):
		return "the memory of used proofs is full, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays, or the size of store.NewReplays)"
	case isForgotten(err):
		return "the store of used proofs has lost records, so no proof of that time is accepted (Config.DPoP.Replays)"
	}
	return "the store of used proofs failed, is full, or did not respond in time (Config.DPoP.Replays)"
}

// storeError is an error of a ReplayStore. It has no method Unwrap, so that no error of a store can choose the response.
type storeError struct{ cause error }

// Error implements error.
func (e storeError) Error() string { return "middleware: replay store: " + e.cause.Error() }

// Is lets errors.Is match the cause, except as an error about the token.
func (e storeError) Is(target error) bool {
	return target != consumer.ErrInvalidToken && errors.Is(e.cause, target)
}

// isForgotten reports whether err means that a store has lost records.
func isForgotten(err error) bool {
	var lost interface{ Forgotten() bool }
	return errors.As(err, &lost) && lost.Forgotten()
}
