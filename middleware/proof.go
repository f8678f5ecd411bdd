package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/dpop"
)

// sentProof is the DPoP proof of a request, with the method and the URL that it must name. It does not change after its
// passage was stored in a request.
type sentProof struct {
	text        string     // as the client sent it
	method, url string     // of the request; the proof must name them
	parsed      dpop.Proof // of text
	newNonce    string     // the nonce that the client must use from now on; empty: the one that it has used
}

// These errors are for operators. The client receives only the error code.
var (
	errNoProof   = &detailed{errProof, "the request has the scheme DPoP and no DPoP header, expected one"}
	errTwoProofs = &detailed{errProof, "the request has several DPoP headers, expected one"}
)

// read checks the form of the proof, which is cheap, and computes the URL that it must name.
func (d *dpopChecker) read(r *http.Request) (*sentProof, error) {
	switch lines := r.Header["Dpop"]; len(lines) {
	case 0:
		return nil, d.proofError(errNoProof)
	case 1:
		// Two proofs that are combined with a comma are not a JWT, and Read rejects them.
		proof, err := d.checker.Read(lines[0])
		if err != nil {
			return nil, d.proofError(err)
		}
		url, err := d.external.of(r)
		if err != nil {
			return nil, d.proofError(err)
		}
		return &sentProof{text: lines[0], method: r.Method, url: url, parsed: proof}, nil
	}
	return nil, d.proofError(errTwoProofs)
}

// checkProof checks the proof against the request and the verified token, and records that it was used. Recording comes
// last, so that only a client with a valid token and its key can fill the store.
func (p *passage) checkProof(ctx context.Context, c consumer.Confirmation) *consumer.Error {
	// One reading of the clock for both the proof and its nonce, so that they are compared with the same time.
	d, now, nonce := p.guard.dpop, time.Now(), ""
	want := dpop.Want{
		Method: p.proof.method, URL: p.proof.url, Token: p.raw, Thumbprint: c.JWKThumbprint, Now: now,
	}
	if d.nonces != nil {
		want.Nonce = func(sent string) (time.Time, bool) {
			nonce = sent
			return d.nonces.Issued(sent, now)
		}
	}
	use, err := d.checker.Check(&p.proof.parsed, want)
	if err != nil {
		return d.proofError(err)
	}
	if d.nonces != nil {
		// The nonce is accepted but of the interval before. SetHeader sends the current one with the response.
		if current := d.nonces.Current(now); current != nonce {
			p.proof.newNonce = current
		}
	}
	// verifiedBefore did not find the outer passage if Replace has changed the Config since. The new Config has checked the
	// proof again, but the proof is recorded already.
	if p.recordedBefore() {
		return nil
	}
	return d.record(ctx, use)
}

// recordedBefore reports whether this Guard, perhaps with another Config, has recorded the proof for the same request.
func (p *passage) recordedBefore() bool {
	for outer := p.outer(); outer != nil; outer = outer.outer() {
		if outer.guard != nil && outer.guard.first == p.guard.first && outer.proof.equals(p.proof) {
			return true
		}
	}
	return false
}

// equals reports whether p and other are the same proof, used for the same request. A request that a handler makes with the
// context of its own request is a different one, and needs its own proof.
func (p *sentProof) equals(other *sentProof) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.text == other.text && p.method == other.method && p.url == other.url
}

// proofError returns the error for a rejected proof. err is an error of package dpop or of this package.
func (d *dpopChecker) proofError(err error) *consumer.Error {
	reason := consumer.ReasonProof
	if cause, ok := errors.AsType[*dpop.Error](err); ok {
		if cause.Nonce && d.nonces != nil {
			reason = consumer.ReasonNonce
		}
		err = &detailed{errProof, cause.Detail}
	}
	return &consumer.Error{Reason: reason, Err: err}
}
