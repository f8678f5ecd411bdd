package middleware

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bearerkit/bearerkit/internal/dpop"
	"github.com/bearerkit/bearerkit/internal/replay"
)

// dpopChecker is the part of a Guard that Config.DPoP configures. A request with the scheme DPoP uses it twice: read checks
// the form of the proof before the token is verified, and passage.checkProof checks and records the proof afterwards. Apart
// from its stores, it does not change.
type dpopChecker struct {
	cfg        DPoPConfig    // with defaults
	checker    *dpop.Checker // reads and checks proofs
	external   externalURL   // computes the URL that a proof must name
	replays    ReplayStore   // records used proofs; set by keep, unless Config.DPoP.Replays is set
	nonces     *dpop.Nonces  // nil unless proofs need a nonce
	challenges *challenges   // of the scheme DPoP
}

const (
	defaultWindow = time.Minute
	nonceInterval = time.Minute // the time for which one nonce is current; it is accepted for as long again
)

// durable is the state of a Guard that Replace keeps. Without it, proofs that were used under the old Config would be
// accepted again under the new one, and the nonces of clients would become invalid.
type durable struct {
	declared declared // what the rules need, for the metadata document

	mu     sync.Mutex // guards all fields below
	window time.Duration
	size   int            // of memory
	memory *replay.Memory // nil before the first Config without Replays
	nonces *dpop.Nonces   // with a random key; nil before the first Config that needs it
}

// newDPoP returns the checker for cfg, or nil if cfg is nil. Its error joins all faults of cfg. The checker can be used after
// a call of keep.
func newDPoP(cfg *DPoPConfig, kept *durable, realm string, metadata *url.URL) (*dpopChecker, error) {
	if cfg == nil {
		return nil, nil //nolint:nilnil // DPoP is not enabled
	}
	own := cfg.copied()
	// The checkers of package dpop report their own faults. All faults are collected, so that New returns them at once.
	checker, err := dpop.New(dpop.Config{Algorithms: own.Algorithms, Window: own.Window})
	faults := append(own.faults(), prefixed(err), kept.conflict(&own))
	var nonces *dpop.Nonces
	if len(own.NonceKeys) > 0 {
		nonces, err = dpop.NewNonces(own.NonceKeys, nonceInterval)
		faults = append(faults, prefixed(err))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	// algs says with which algorithms the client may sign proofs (RFC 9449 section 5.1).
	bare := openChallenge(schemeDPoP, realm, metadata) + ", algs=" + quote(strings.Join(checker.Algorithms(), " "))
	return &dpopChecker{
		cfg: own, checker: checker, external: newExternalURL(&own), replays: own.Replays, nonces: nonces,
		challenges: newChallenges(bare, codeInvalidProof, codeUseNonce),
	}, nil
}

// prefixed adds the name of the struct to the errors of package dpop, which begin with the name of a field.
func prefixed(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if err == nil || !ok {
		return err
	}
	var faults []error
	for _, fault := range joined.Unwrap() {
		faults = append(faults, fmt.Errorf("middleware: Config.DPoP.%w", fault))
	}
	return errors.Join(faults...)
}

// conflict returns an error if cfg changes what Replace must keep. Before the first Config with DPoP, nothing has to be kept.
func (k *durable) conflict(cfg *DPoPConfig) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	var faults []error
	if k.window != 0 && cfg.Window != k.window {
		faults = append(faults, fmt.Errorf("middleware: Config.DPoP.Window is %v, expected %v as before: "+
			"Replace cannot change it, because used proofs are recorded for that time", cfg.Window, k.window))
	}
	if cfg.Replays == nil && k.memory != nil && cfg.MaxReplays != k.size {
		faults = append(faults, fmt.Errorf("middleware: Config.DPoP.MaxReplays is %d, expected %d as before: "+
			"Replace keeps the memory of used proofs", cfg.MaxReplays, k.size))
	}
	return errors.Join(faults...)
}

// keep completes d with the state that Replace keeps, and creates that state if it does not exist yet. d may be nil.
func (d *dpopChecker) keep(k *durable) {
	if d == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.window = d.cfg.Window
	if d.replays == nil {
		if k.memory == nil {
			k.size, k.memory = d.cfg.MaxReplays, replay.New(d.cfg.MaxReplays)
		}
		d.replays = k.memory
	}
	if !d.cfg.RequireNonce || d.nonces != nil { // no nonces, or those of Config.DPoP.NonceKeys
		return
	}
	if k.nonces == nil {
		k.nonces, _ = dpop.NewNonces(nil, nonceInterval) // a random key cannot be invalid
	}
	d.nonces = k.nonces
}
