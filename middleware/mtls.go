package middleware

import (
	"cmp"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/bearerkit/bearerkit/internal/clientcert"
	"github.com/bearerkit/bearerkit/internal/peer"
)

// MTLSConfig says where the client certificate of a request is, for tokens that are bound to one (RFC 8705 section 3). Such
// a token is accepted only if its `cnf` contains the SHA-256 thumbprint of that certificate. The zero value reads the
// certificate of the TLS connection.
//
// If the Go server itself ends TLS, its [crypto/tls.Config.ClientAuth] must request a certificate. RequireAnyClientCert and
// RequestClientCert accept every certificate, also a self-signed or an expired one: the handshake shows that the client
// has the private key, and the token says which certificate that must be (RFC 8705 section 2.2).
// RequireAndVerifyClientCert and VerifyClientCertIfGiven also verify the chain, and the dates at the time of the handshake.
//
// The Guard compares the certificate with the token. It does not verify its chain, its dates or its revocation. If these
// matter, the TLS server or the proxy must check them. A connection that is open when its certificate expires remains
// usable.
//
// The handshake must be complete. If a test sets Request.TLS itself, it must also set HandshakeComplete.
type MTLSConfig struct {
	// Proxies lists the networks of the reverse proxies that end TLS and send the client certificate in Header. A request
	// belongs to a proxy if Request.RemoteAddr is in one of these networks. Its certificate is then the one in the header
	// and never the one of the TLS connection, which is the proxy's own. If such a request has no header, the client has no
	// certificate. The header of every other peer is ignored.
	//
	// The proxies must remove or replace the header that a client sends (RFC 9440 section 4). No program on a listed
	// address except the proxy may be able to connect to the API: it could claim any certificate.
	//
	// No middleware in front of the Guard may change Request.RemoteAddr, as those named RealIP or ProxyHeaders do: a client
	// could then claim the address of a proxy. An address without a port, an address with an IPv6 zone, and a Unix domain
	// socket never match. Let the proxy connect over TCP, for example to 127.0.0.1.
	//
	// New rejects prefixes that are shorter than /8 (IPv4) or /7 (IPv6), that are IPv6 link-local, or that have address bits
	// after their length, such as 10.1.2.3/8. Write IPv4 addresses in their IPv4 form. New also rejects a list that is empty
	// but not nil. Nil: no header is read.
	Proxies []netip.Prefix

	// Header is the name of the header with the certificate. New rejects it if Proxies is nil. Empty: "Client-Cert" (RFC
	// 9440), or "X-Forwarded-Client-Cert" if Encoding is CertificateXFCC.
	Header string

	// Encoding is the form of the certificate in Header. New rejects it if Proxies is nil. Zero: CertificateRFC9440.
	Encoding CertificateEncoding
}

// CertificateEncoding is the form in which a proxy sends a client certificate. Each form holds exactly one certificate. A
// header with another form, with two certificates, or longer than 32 KiB is rejected.
type CertificateEncoding int

// The encodings that proxies use. The settings of the proxies are examples; docs/mutual-tls.md shows complete ones.
const (
	// CertificateRFC9440 is base64 of the DER encoding between two colons (RFC 9440 section 2.1). HAProxy writes it with
	// ":%[ssl_c_der,base64]:".
	CertificateRFC9440 = CertificateEncoding(clientcert.RFC9440)

	// CertificateURLPEM is PEM with URL encoding: $ssl_client_escaped_cert of nginx, and X-Amzn-Mtls-Clientcert-Leaf of the
	// AWS Application Load Balancer.
	CertificateURLPEM = CertificateEncoding(clientcert.URLPEM)

	// CertificateBase64 is base64 of the DER encoding. HAProxy writes it with "%[ssl_c_der,base64]".
	CertificateBase64 = CertificateEncoding(clientcert.Base64)

	// CertificateXFCC is the value of Cert in X-Forwarded-Client-Cert, as Envoy writes it with forward_client_cert_details
	// SANITIZE_SET and set_current_client_cert_details cert. A header with several elements is rejected.
	CertificateXFCC = CertificateEncoding(clientcert.XFCC)
)

// faults returns an error for each invalid field. A nil MTLSConfig has no faults.
func (c *MTLSConfig) faults() (faults []error) {
	if c == nil {
		return nil
	}
	encoding := clientcert.Encoding(c.Encoding)
	if !encoding.IsValid() {
		faults = append(faults, fmt.Errorf("middleware: Config.MTLS.Encoding is %d, expected one of the constants of CertificateEncoding", c.Encoding))
	}
	if name := http.CanonicalHeaderKey(c.Header); c.Header != "" && (!isName(name) || slices.Contains(notForCertificates, name)) {
		faults = append(faults, fmt.Errorf("middleware: Config.MTLS.Header is %q, expected the name of a header for certificates", c.Header))
	}
	if len(c.Proxies) > 0 {
		return append(faults, peer.Proxies(c.Proxies).Faults("middleware: Config.MTLS.Proxies")...)
	}
	if c.Proxies != nil {
		faults = append(faults, errors.New(
			"middleware: Config.MTLS.Proxies is empty, expected a prefix, or nil to read the TLS connection only"))
	}
	if c.Header != "" || c.Encoding != 0 {
		faults = append(faults, errors.New(
			"middleware: Config.MTLS.Header or Encoding is set, but Proxies is not: no header would be read"))
	}
	return faults
}

// notForCertificates lists headers that servers and other parts of the kit read. net/http removes Host from the headers.
var notForCertificates = []string{"Authorization", "Cookie", "Dpop", "Host"} //nolint:gochecknoglobals // a constant list

// source returns a copy of c in the form that reads certificates. It returns nil if c is nil.
func (c *MTLSConfig) source() *clientcert.Source {
	if c == nil {
		return nil
	}
	header := "Client-Cert"
	if c.Encoding == CertificateXFCC {
		header = "X-Forwarded-Client-Cert"
	}
	return &clientcert.Source{
		Proxies:  slices.Clone(c.Proxies),
		Header:   http.CanonicalHeaderKey(cmp.Or(c.Header, header)),
		Encoding: clientcert.Encoding(c.Encoding),
	}
}

// checkCertificate returns an error unless the client certificate of r has the thumbprint want, which is the x5t#S256 of a
// verified token (RFC 8705 section 3). source is not nil: without Config.MTLS, bindingFault rejects the token before.
func checkCertificate(source *clientcert.Source, r *http.Request, want string) error {
	got, problem := source.Thumbprint(r)
	switch {
	case problem != "":
		return &detailed{errCertificate, "cnf binds the token to a client certificate, and the request has none that can be used: " + problem}
	case subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1:
		return &detailed{errCertificate, "x5t#S256 in cnf is not the thumbprint of the client certificate of the request" + source.Ignored(r)}
	}
	return nil
}

var errCertificate = errors.New("middleware: client certificate")
