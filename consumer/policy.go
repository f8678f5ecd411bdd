package consumer

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/bearerkit/bearerkit/internal/clock"
	"github.com/bearerkit/bearerkit/internal/signature"
	"github.com/bearerkit/bearerkit/jwks"
)

const (
	// maxPolicies is the maximum number of Consumers of one issuer in a Group. It limits the work for a forged token.
	maxPolicies = 4

	// policyWait is how long a request waits for keys before it stops to wait for the keys of further policies. Without
	// it, an issuer that hangs could delay the request once for each key set.
	policyWait = 3 * time.Second
)

// policy is one of the Consumers of an issuer in a Group.
type policy struct {
	*Consumer
	keySet int // policies of one issuer with the same number have the same keys
}

// withPolicy returns list with c as the last policy. first is true if no other policy in list has the same keys.
func withPolicy(list []policy, c *Consumer) (policies []policy, first bool) {
	for _, other := range list {
		c.shareKeys(other.Consumer)
		if sameKeys(other.keys.Load().Source, c.keys.Load().Source) {
			return append(list, policy{c, other.keySet}), false
		}
	}
	return append(list, policy{c, len(list)}), true
}

// trial follows a token through the policies of its issuer. Each policy makes all of its checks, in the order of
// [Consumer.verifyParsed]. The trial adds nothing to them except that a signature is checked once for each key set, and it
// records how far each policy got. A nil trial follows nothing: a token of an issuer with one policy needs none.
type trial struct {
	start    time.Time // of the request
	policies []policy
	earlier  rejection // by the policy that has verified the token for an earlier request; zero: none

	keySet  int      // of the current policy
	reached progress // by the current policy

	// The signature is checked once for each key set, because the result depends on nothing else.
	checked []checkedSignature

	closest   rejection // of those so far
	undecided bool      // a policy that has rejected the token may accept it later
}

// progress is a part of a verification. A greater one is closer to success.
type progress int

const (
	inForm      progress = iota // size, header, and the types of the claims
	inClaims                    // the values of the claims
	inSignature                 // keys and signature
	inStatus                    // Config.Check and Config.Status
)

// order lists the reasons of each part in the order in which the checks are made. A reason may occur in several parts, but
// its place among the other reasons of a part is always the same. Reasons that are missing rank first.
var order = [...]Reason{ //nolint:gochecknoglobals // a table that is never written to
	ReasonTooLarge, ReasonAlgorithm, ReasonAudience, ReasonExpired, ReasonNotYetValid, ReasonIssuedInFuture, ReasonType,
	ReasonUnknownKey, ReasonKeysUnavailable, ReasonSignature, ReasonClaims, ReasonStatusUnavailable, ReasonRevoked,
}

// checkedSignature is the result of checkSignature for one key set.
type checkedSignature struct {
	keySet int
	key    *jwks.Key
	err    error
}

// rejection is the error of one policy.
type rejection struct {
	by      *Consumer // nil: no policy has rejected the token
	reached progress
	err     error
}

// pass records that the checks before s have succeeded.
func (tr *trial) pass(s progress) {
	if tr != nil {
		tr.reached = s
	}
}

// signedBy is checkSignature, unless the signature was checked with the same key set before.
func (c *Consumer) signedBy(ctx context.Context, now clock.Instant, p *parsed, a signature.Algorithm, signature []byte) (*jwks.Key, error) {
	tr := p.trial
	if tr == nil {
		return c.checkSignature(ctx, now, p, a, signature)
	}
	for _, known := range tr.checked {
		if known.keySet == tr.keySet {
			return known.key, known.err
		}
	}
	if len(tr.checked) > 0 {
		// The request has waited for another key set. Keys that are held can still be used after the deadline.
		limited, cancel := context.WithDeadline(ctx, tr.start.Add(policyWait))
		defer cancel()
		ctx = limited
	}
	key, err := c.checkSignature(ctx, now, p, a, signature)
	tr.checked = append(tr.checked, checkedSignature{tr.keySet, key, err})
	return key, err
}

// reject records a rejection. Of several that are equally close to success it keeps the first.
func (tr *trial) reject(r rejection) {
	tr.undecided = tr.undecided || !r.lasting()
	if tr.closest.by == nil || r.rank() > tr.closest.rank() {
		tr.closest = r
	}
}

// rank is greater for a rejection that is closer to success. An error of class [ErrUnavailable] has the greatest rank: the
// token may be valid, so the response must not say that it is not.
func (r rejection) rank() int {
	e, ok := errors.AsType[*Error](r.err)
	if !ok {
		return 0
	}
	rank := int(r.reached)*len(order) + slices.Index(order[:], e.Reason)
	if e.Reason.unavailable() {
		rank += (int(inStatus) + 1) * len(order)
	}
	return rank
}

// lasting reports whether the policy will reject the token again. A token that was accepted by a later policy may only be
// cached if it does, so that a cached result is the same as a new one.
func (r rejection) lasting() bool {
	e, ok := errors.AsType[*Error](r.err)
	if !ok || r.reached == inStatus {
		return false
	}
	switch e.Reason {
	case ReasonNotYetValid, ReasonIssuedInFuture:
		return false
	case ReasonAudience:
		return r.by.cfg.AudienceFunc == nil
	default:
		return !e.Reason.unavailable()
	}
}

// rejectionOf returns the rejection of a cached token by the Consumer that had verified it.
func rejectionOf(cached *Token, err error) rejection {
	r := rejection{cached.consumer, inSignature, err}
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Reason {
		case ReasonAudience, ReasonExpired, ReasonNotYetValid, ReasonIssuedInFuture:
			r.reached = inClaims
		case ReasonRevoked, ReasonStatusUnavailable:
			r.reached = inStatus
		default:
		}
	}
	return r
}

// newTrial returns the trial of a token by policies. earlier is the rejection by the one that has verified the token for
// an earlier request, or zero. If that policy lacks a key now, other policies with the same keys do not look for it again.
func newTrial(start time.Time, policies []policy, earlier rejection) *trial {
	tr := &trial{start: start, policies: policies, earlier: earlier}
	for _, one := range policies {
		if one.Consumer == earlier.by && earlier.reached == inSignature {
			tr.checked = append(tr.checked, checkedSignature{keySet: one.keySet, err: earlier.err})
		}
	}
	return tr
}

// run verifies a token with each policy until one accepts it. It returns that policy, or the one whose rejection is the
// closest to success.
func (tr *trial) run(ctx context.Context, raw string, p *parsed, signature []byte) (*Token, *Consumer, error) {
	p.trial = tr
	for _, one := range tr.policies {
		if one.Consumer == tr.earlier.by {
			tr.reject(tr.earlier)
			continue
		}
		tr.keySet, tr.reached = one.keySet, inForm
		t, err := one.verifyInGroup(ctx, raw, p, signature)
		if err == nil {
			return t, one.Consumer, nil
		}
		tr.reject(rejection{one.Consumer, tr.reached, err})
	}
	return nil, tr.closest.by, tr.closest.err
}
