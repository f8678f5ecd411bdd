// Package clientcert finds the client certificate of a request: in the TLS connection, or in a header of a listed proxy.
package clientcert

import (
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"net/http"

	"github.com/bearerkit/bearerkit/internal/peer"
)

// maxHeader is the maximum length of a header with a certificate, in bytes. Certificates with classical keys have about 1
// to 3 KiB in every encoding. Those with post-quantum signatures are several times longer.
const maxHeader = 32 << 10

// Source says where the client certificate of a request is. The zero value reads the TLS connection only. Its methods are
// safe for concurrent use.
type Source struct {
	Proxies  peer.Proxies // the peers whose header is read instead of the TLS connection
	Header   string       // the name of that header, in canonical form
	Encoding Encoding     // the form of its value
}

// Thumbprint returns the SHA-256 thumbprint of the client certificate of r, in base64url without padding: the value of the
// confirmation method x5t#S256 (RFC 8705 section 3.1). If there is no certificate that can be used, it returns "" and the
// reason. The reason consists of constants and settings, so it can be logged.
//
// If the peer of the connection is one of s.Proxies, only its header counts. The TLS connection is then that of the proxy,
// and its certificate, if any, is the proxy's own. For every other peer only the TLS connection counts.
func (s Source) Thumbprint(r *http.Request) (thumbprint, problem string) {
	der, problem := s.certificate(r)
	if problem != "" {
		return "", problem
	}
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:]), ""
}

// certificate returns the DER encoding of the certificate.
func (s Source) certificate(r *http.Request) (der []byte, problem string) {
	if s.Proxies.Contains(r.RemoteAddr) {
		return s.fromHeader(r.Header[s.Header])
	}
	if der, problem = fromConnection(r); problem != "" {
		return nil, problem + s.Ignored(r)
	}
	return der, ""
}

// Ignored says that r has the header of a proxy although its peer is not listed, and why the peer does not match. The text
// begins with "; " and continues a reason. It is empty if r does not have the header, or if the header was read.
func (s Source) Ignored(r *http.Request) string {
	if _, present := r.Header[s.Header]; !present || s.Proxies.Contains(r.RemoteAddr) {
		return ""
	}
	text := "; the header " + s.Header + " was ignored: "
	if len(s.Proxies) == 0 {
		return text + "no proxy is listed (Config.MTLS.Proxies)"
	}
	if problem := peer.Problem(r.RemoteAddr); problem != "" {
		return text + problem + " (Config.MTLS.Proxies)"
	}
	return text + "the peer of the connection is not listed (Config.MTLS.Proxies)"
}

// fromConnection returns the certificate that the client sent in the TLS handshake. A handshake that resumes a session
// restores the certificate of the first one. Early data (RFC 8446 section 2.3) can be replayed by anyone who recorded it,
// so it counts only after the handshake. net/http never passes on early data; a server for HTTP/3 may.
func fromConnection(r *http.Request) (der []byte, problem string) {
	switch {
	case r.TLS == nil:
		return nil, "the connection does not use TLS; if a proxy ends TLS, list it in Config.MTLS.Proxies"
	case !r.TLS.HandshakeComplete:
		return nil, "the TLS handshake is not complete"
	case len(r.TLS.PeerCertificates) == 0 || r.TLS.PeerCertificates[0] == nil:
		return nil, "the TLS client sent no certificate; the server must request one (tls.Config.ClientAuth)"
	}
	return r.TLS.PeerCertificates[0].Raw, ""
}

// fromHeader returns the certificate in the lines of the header that a listed proxy sent. A proxy that replaces the header
// sends exactly one line. A second line means that it added its line to one of the client.
func (s Source) fromHeader(lines []string) (der []byte, problem string) {
	switch {
	case len(lines) == 0:
		return nil, "the proxy sent no header " + s.Header + ", so the client has no certificate, or the proxy does not forward it"
	case len(lines) > 1:
		return nil, "the proxy sent several headers " + s.Header + ", expected one; it must replace the header, not add one"
	case lines[0] == "":
		return nil, "the header " + s.Header + " is empty, so the client has no certificate"
	case len(lines[0]) > maxHeader:
		return nil, "the header " + s.Header + " is longer than 32 KiB"
	}
	der, problem = s.Encoding.decode(lines[0])
	if problem == "" && !isCertificate(der) {
		problem = "data that is not one X.509 certificate in DER"
	}
	if problem != "" {
		return nil, "the header " + s.Header + " contains " + problem + " (Config.MTLS.Encoding)"
	}
	return der, ""
}

// isCertificate reports whether der is one certificate without trailing data. It checks only the outer form, a sequence that
// begins with the three fields of a certificate (RFC 5280 section 4.1). The thumbprint in the token decides about the content.
//
// x509.ParseCertificate would reject certificates that other TLS servers accept: those with a curve that Go does not support,
// such as brainpoolP256r1, with a negative serial number, or with a name in the wrong alphabet.
func isCertificate(der []byte) bool {
	var certificate struct {
		Signed    asn1.RawValue
		Algorithm asn1.RawValue
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &certificate)
	return err == nil && len(rest) == 0 && isSequence(certificate.Signed) && isSequence(certificate.Algorithm)
}

func isSequence(v asn1.RawValue) bool {
	return v.Class == asn1.ClassUniversal && v.Tag == asn1.TagSequence && v.IsCompound
}
