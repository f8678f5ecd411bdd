package jwtsign

import (
	"crypto"
	"crypto/fips140"
	"crypto/sha1" //nolint:gosec // G505: x5t is a SHA-1 hash; it only identifies a certificate
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
)

// ErrCertificate reports a certificate whose public key does not match the private key.
var ErrCertificate = errors.New("the public key of the certificate does not match the private key")

// CheckCertificate returns an error that matches [ErrCertificate] unless the public key of certificate matches the private
// key of k. Call Check first. The validity and the issuer of the certificate are not checked.
func (k Key) CheckCertificate(certificate *x509.Certificate) error {
	signer, ok := k.Private.(crypto.Signer)
	if !ok || certificate == nil || len(certificate.Raw) == 0 {
		return ErrCertificate
	}
	public, ok := signer.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	if !ok || !public.Equal(certificate.PublicKey) {
		return ErrCertificate
	}
	return nil
}

// CertificateHeader returns the header parameters by which a receiver finds the key of a certificate: the thumbprints
// x5t#S256 and x5t (RFC 7515 §4.1.8 and §4.1.7). If chain is not empty, x5c has its certificates (RFC 7515 §4.1.6). With
// GODEBUG=fips140=only, there is no x5t, because SHA-1 is not allowed.
func CertificateHeader(certificate *x509.Certificate, chain []*x509.Certificate) map[string]any {
	strong := sha256.Sum256(certificate.Raw)
	header := map[string]any{"x5t#S256": encode(strong[:])}
	if !fips140.Enforced() {
		weak := sha1.Sum(certificate.Raw) //nolint:gosec // G401: see the import
		header["x5t"] = encode(weak[:])
	}
	var texts []string
	for _, one := range chain {
		texts = append(texts, base64.StdEncoding.EncodeToString(one.Raw)) // not base64url (RFC 7515 §4.1.6)
	}
	if texts != nil {
		header["x5c"] = texts
	}
	return header
}
