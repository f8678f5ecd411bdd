package doctor

import (
	"crypto/x509"
	"fmt"
	"time"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/internal/fetch"
)

// isTLS reports whether err is about a certificate.
func isTLS(err error) bool {
	return isA[x509.UnknownAuthorityError](err) || isA[x509.HostnameError](err) || isA[x509.CertificateInvalidError](err)
}

// tlsAdvice says what to do about a certificate.
func tlsAdvice(err error) string {
	switch {
	case isA[x509.UnknownAuthorityError](err):
		return "This machine does not trust the authority that signed the certificate. Add the authority to the trust store of the machine, " +
			"or set HTTPClient to a client whose Transport has it in TLSClientConfig.RootCAs. Never set InsecureSkipVerify."
	case isA[x509.HostnameError](err):
		return "The certificate is for another host. Use the host name in the certificate, or install a certificate for this host."
	}
	return "Install a valid certificate. If it is valid, correct the clock of this machine."
}

// expiresSoon is the remaining time of a certificate from which doctor warns.
const expiresSoon = 14 * 24 * time.Hour

// checkTLS reports how the servers are reached, once for each host.
func (d *doctor) checkTLS() {
	seen := make(map[string]bool)
	for _, e := range d.recorder.all() {
		if seen[e.scheme+e.host] {
			continue
		}
		seen[e.scheme+e.host] = true
		switch {
		case e.tls != nil && len(e.tls.PeerCertificates) > 0:
			d.describeCertificate(e)
		case e.scheme == "http" && !fetch.IsLoopback(hostname(e.host)):
			d.add(Finding{
				Check: "tls", Severity: Problem, Found: cli.Quote(e.host) + " is reached without TLS.", Actor: ActorIssuer,
				Change: "Use https. Without it, everyone in the network path can replace keys and read tokens.", Field: inConsumer + "InsecureAllowHTTP",
			})
		case e.scheme == "http":
			d.ok("tls", inConsumer+"InsecureAllowHTTP", e.host+" is reached without TLS, which is accepted on the loopback interface.")
		}
	}
}

// describeCertificate reports the certificate of a host.
func (d *doctor) describeCertificate(e exchange) {
	left := time.Until(e.tls.PeerCertificates[0].NotAfter)
	text := fmt.Sprintf("%s has a valid certificate for another %d days.", e.host, int(left.Hours()/24))
	if left > expiresSoon {
		d.ok("tls", inConsumer+"HTTPClient", text)
		return
	}
	d.add(Finding{
		Check: "tls", Severity: Warning, Found: text, Change: "Renew the certificate. When it expires, keys can no longer be fetched.",
		Actor: ActorIssuer, Field: inConsumer + "HTTPClient",
	})
}
