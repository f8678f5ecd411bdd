package middleware

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/internal/dpop"
	"github.com/bearerkit/bearerkit/internal/replay"
)

// possession is the DPoP proof of a request: the evidence that the sender has the key of the token. It does not change after
// its passage was stored in a request.
type possession struct {
	text        string // as the client sent it
	method, url string // that the proof must name
	proof       dpop.Proof
	fresh       string // the nonce that the client is to use from now on; empty: the one that it used
}

// These errors are for operators. The client receives only the error code.
var (
	errNoProof   = &detailed{errProof, "the request has the scheme DPoP and no DPoP header, expected one"}
	errTwoProof  = &detailed{errProof, "the request has several DPoP headers, expected one"}
	errForgotten = &detailed{errProof, "the replay store has lost records, so proofs with an older nonce are rejected (Config.DPoP.Replays)"}
	errReplay    = &detailed{errProof, "the proof was used before, expected a new one for each request (Config.DPoP.Replays)"}

	errBearerScheme = &detailed{errOtherScheme, "the scheme of the Authorization header is Bearer, expected DPoP (Config.DPoP.Required)"}
)

// readCredential finds the credential of r and, if its scheme is DPoP, the proof. It verifies neither.
func (p *passage) readCredential(r *http.Request) (err error) {
	d := p.guard.dpop
	switch {
	case d != nil && hasScheme(r, schemeDPoP):
		if p.raw, err = p.guard.dpopCredential(r); err == nil {
			p.possession, err = d.read(r)
		}
	case d != nil && d.cfg.Required:
		err = bearerRejected(r)
	default:
		p.raw, err = p.guard.credential(r)
	}
	return err
}

// dpopCredential returns the one token of a request with the scheme DPoP. Another token in any place that is read makes the
// request invalid (RFC 6750 section 2).
func (g *Guard) dpopCredential(r *http.Request) (string, error) {
	lines := r.Header["Authorization"]
	if len(lines) > 1 {
		return "", errTwoHeaders
	}
	found, err := credentialAfter(schemeOf(lines[0]), lines[0])
	if err != nil {
		return "", err
	}
	for _, source := range g.cfg.TokenSources {
		switch _, err := source.read(r); {
		case err == nil:
			return "", errTwoPlaces
		case !errors.Is(err, ErrNoToken):
			return "", err
		}
	}
	return g.wellFormed(found, nil)
}

// bearerRejected returns the error for a request without the scheme DPoP, if the Guard accepts no other scheme.
func bearerRejected(r *http.Request) error {
	switch lines := r.Header["Authorization"]; {
	case len(lines) == 0:
		return errNoHeader
	case len(lines) > 1:
		return errTwoHeaders
	case hasScheme(r, schemeBearer):
		return errBearerScheme
	}
	return errOtherScheme
}

// read checks the form of the proof, which is cheap, and computes the URL that it must name.
func (d *dpopChecker) read(r *http.Request) (*possession, error) {
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
		return &possession{text: lines[0], method: r.Method, url: url, proof: proof}, nil
	}
	return nil, d.proofError(errTwoProof)
}

// bind rejects a verified token whose sender does not have the key or certificate that the token is bound to. It also
// rejects a token that is not bound although the client sent it with a proof (RFC 9449 section 7.1, RFC 8705 section 3).
//
// known is true if an outer handler of this Guard has checked the same proof for the same request. The certificate is
// checked nevertheless.
func (p *passage) bind(r *http.Request, token *consumer.Token, known bool) error {
	c, _ := token.Confirmation()
	fault := p.bindingFault(c)
	if fault == nil && c.CertificateThumbprint != "" {
		fault = checkCertificate(p.guard.certificates, r, c.CertificateThumbprint)
	}
	if fault != nil {
		return &consumer.Error{Reason: consumer.ReasonBinding, Issuer: token.Issuer(), Err: fault}
	}
	if c.JWKThumbprint == "" || known {
		return nil
	}
	if fault := p.prove(r.Context(), c); fault != nil {
		fault.Issuer = token.Issuer()
		return fault
	}
	return nil
}

// bindingFault returns why the Guard cannot check c, or why c does not fit the scheme of the request. Otherwise it returns
// nil. It checks neither the certificate nor the proof.
func (p *passage) bindingFault(c consumer.Confirmation) error {
	d := p.guard.dpop
	switch {
	case c.Unknown:
		return errUnknownBinding
	case c.JWKThumbprint != "" && d == nil:
		return errBound
	case c.JWKThumbprint != "" && p.possession == nil:
		return errBoundBearer
	case c.JWKThumbprint == "" && (p.possession != nil || d != nil && d.cfg.Required):
		return errUnbound
	case c.CertificateThumbprint != "" && p.guard.certificates == nil:
		return errBoundToCertificate
	}
	return nil
}

// stillBound returns an error if the token is bound in another way than it was when the request passed as before, or if the
// current Config no longer accepts its binding.
func (p *passage) stillBound(before *consumer.Token) error {
	was, _ := before.Confirmation()
	is, _ := p.token.Confirmation()
	fault := p.bindingFault(is)
	if was != is {
		fault = errOtherBinding
	}
	if fault != nil {
		return &consumer.Error{Reason: consumer.ReasonBinding, Issuer: p.token.Issuer(), Err: fault}
	}
	return nil
}

var (
	errBinding            = errors.New("middleware: bound token")
	errBound              = &detailed{errBinding, "cnf binds the token to a key (jkt), expected Config.DPoP to be set, or a token without cnf"}
	errBoundToCertificate = &detailed{errBinding, "cnf binds the token to a certificate (x5t#S256), expected Config.MTLS to be set, or a token without cnf"}
	errUnknownBinding     = &detailed{errBinding, "cnf has no member, or one that the Guard cannot check, expected jkt or x5t#S256 only"}
	errBoundBearer        = &detailed{errBinding, "cnf binds the token to a key (jkt), and it was sent as a bearer token, expected the scheme DPoP and a proof"}
	errUnbound            = &detailed{errBinding, "the token is not bound to a key, expected a token with jkt in cnf for the scheme DPoP or with Config.DPoP.Required"}
	errOtherBinding       = &detailed{errBinding, "cnf differs from the one that was checked when the request began"}
)

// prove checks the proof and records that it was used. Recording comes last, so that only the owner of a token and its key
// can fill the store.
func (p *passage) prove(ctx context.Context, c consumer.Confirmation) *consumer.Error {
	d, now, nonce := p.guard.dpop, time.Now(), ""
	want := dpop.Want{
		Method: p.possession.method, URL: p.possession.url, Token: p.raw, Thumbprint: c.JWKThumbprint, Now: now,
	}
	if d.nonces != nil {
		want.Nonce = func(sent string) (time.Time, bool) {
			nonce = sent
			return d.nonces.Issued(sent, now)
		}
	}
	use, err := d.checker.Check(&p.possession.proof, want)
	if err != nil {
		return d.proofError(err)
	}
	if d.nonces != nil {
		if current := d.nonces.Current(now); current != nonce {
			p.possession.fresh = current
		}
	}
	if p.recordedBefore() {
		return nil
	}
	return d.record(ctx, use)
}

// recordedBefore reports whether this Guard, perhaps with another Config, has recorded the proof for the same request.
func (p *passage) recordedBefore() bool {
	for outer := p.outer(); outer != nil; outer = outer.outer() {
		if outer.guard != nil && outer.guard.first == p.guard.first && outer.possession.equals(p.possession) {
			return true
		}
	}
	return false
}

// equals reports whether p and other are the same proof, used for the same request. A request that a handler makes with the
// context of its own request is a different one, and needs its own proof.
func (p *possession) equals(other *possession) bool {
	if p == nil || other == nil {
		return p == other
	}
	return p.text == other.text && p.method == other.method && p.url == other.url
}

// record records the use of a proof. It rejects a proof that was used before, and one of which that is unknown.
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
		return "the memory has too many used proofs of one key, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays)"
	case errors.Is(err, replay.ErrFull):
		return "the memory of used proofs is full, expected fewer requests per second, or a larger memory (Config.DPoP.MaxReplays)"
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
