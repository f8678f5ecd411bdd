package middleware

import (
	"errors"
	"net/http"

	"github.com/bearerkit/bearerkit/consumer"
)

// These errors are for operators. The client receives only the error code.
var (
	errBinding            = errors.New("middleware: bound token")
	errBound              = &detailed{errBinding, "cnf binds the token to a key (jkt), expected Config.DPoP to be set, or a token without cnf"}
	errBoundToCertificate = &detailed{errBinding, "cnf binds the token to a certificate (x5t#S256), expected Config.MTLS to be set, or a token without cnf"}
	errUnknownBinding     = &detailed{errBinding, "cnf has no member, or one that the Guard cannot check, expected jkt or x5t#S256 only"}
	errBoundBearer        = &detailed{errBinding, "cnf binds the token to a key (jkt), and it was sent as a bearer token, expected the scheme DPoP and a proof"}
	errUnbound            = &detailed{errBinding, "the token is not bound to a key, expected a token with jkt in cnf for the scheme DPoP or with Config.DPoP.Required"}
	errOtherBinding       = &detailed{errBinding, "cnf differs from the one that was checked when the request began"}
)

// bind returns an error unless the sender of a verified token has the key and the certificate that the token is bound to.
// It also returns one if the token is not bound to a key and was sent with a proof (RFC 9449 section 7.1, RFC 8705 section
// 3). The proof comes last, because the check also records it.
//
// known is true if an outer handler of this Guard has checked the same proof for the same request. The proof is then not
// checked again, but the certificate is.
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
	if fault := p.checkProof(r.Context(), c); fault != nil {
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
	case c.JWKThumbprint != "" && p.proof == nil:
		return errBoundBearer
	case c.JWKThumbprint == "" && (p.proof != nil || d != nil && d.cfg.Required):
		return errUnbound
	case c.CertificateThumbprint != "" && p.guard.certificates == nil:
		return errBoundToCertificate
	}
	return nil
}

// stillBound is bind for a Recheck, which has no new proof and no new certificate. It returns an error if the binding of
// the token differs from that of before, the token with which the request passed, or if the current Config rejects it.
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
