package loopback

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"
)

// The hosts that Options.Host accepts without a certificate.
const v4, v6, byName = "127.0.0.1", "::1", "localhost"

// check returns an error that names each option that is not valid.
func (o Options) check() error {
	var faults []error
	// fault adds an error. Its text begins with the name of the package.
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("loopback: "+format, args...)) }
	if o.Timeout < 0 {
		fault("Options.Timeout is %v, expected 0 or more", o.Timeout)
	}
	if o.Port < 0 || o.Port > maxPort {
		fault("Options.Port is %d, expected 0 to %d", o.Port, maxPort)
	}
	switch {
	case o.NoPath && o.Path != "":
		fault("Options.Path is %q, expected no path because of Options.NoPath", o.Path)
	case o.Path != "" && !isPath(o.Path):
		fault("Options.Path is %q, expected a plain path that begins with a slash", o.Path)
	}
	if err := o.checkHost(); err != nil {
		faults = append(faults, err)
	}
	if err := o.checkListen(); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

const maxPort = 65535

// isPath reports whether place is a path that browsers send unchanged. It rejects paths that a browser would normalize or
// encode, because the receiver compares paths exactly.
func isPath(place string) bool {
	// Clean removes "." and ".." segments. It also removes a final slash, which browsers keep.
	u := url.URL{Path: place}
	return strings.HasPrefix(place, "/") && u.EscapedPath() == place && !strings.Contains(place, "//") &&
		strings.TrimSuffix(path.Clean(place), "/") == strings.TrimSuffix(place, "/")
}

// checkHost checks Host and Certificate. Without a certificate, the host must be of the loopback interface: the code must
// not cross a network in the clear (RFC 8252, Section 8.3).
func (o Options) checkHost() error {
	host := cmp.Or(o.Host, v4)
	// Names other than localhost may resolve to another machine, so they require a certificate.
	isLoopback := host == v4 || host == v6 || host == byName
	_, err := netip.ParseAddr(host)
	isIP := err == nil
	switch {
	case o.Certificate == nil && !isLoopback:
		return fmt.Errorf(`loopback: Options.Host is %q, expected "127.0.0.1", "::1" or "localhost" without Options.Certificate`, o.Host)
	case isIP && !isLoopback && o.InsecureListen == "":
		return fmt.Errorf(`loopback: Options.Host is %q, expected "127.0.0.1", "::1" or a name without Options.InsecureListen`, o.Host)
	case !isIP && !isHostName(host):
		return fmt.Errorf("loopback: Options.Host is %q, expected a host name in lower case without a port", o.Host)
	case o.Certificate != nil:
		return checkCertificate(o.Certificate, host)
	}
	return nil
}

// isHostName reports whether host is a name that browsers send unchanged in the Host header.
func isHostName(host string) bool {
	return host != "" && strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == "" && !strings.HasSuffix(host, ".")
}

// checkCertificate returns an error if a browser would show a warning instead of connecting. Whether the browser trusts
// the issuer of the certificate cannot be checked here.
func checkCertificate(certificate *tls.Certificate, host string) error {
	if len(certificate.Certificate) == 0 || certificate.PrivateKey == nil {
		return errors.New("loopback: Options.Certificate has no certificate or no private key")
	}
	// The first certificate of the chain is the one that the browser compares with the host.
	leaf, err := x509.ParseCertificate(certificate.Certificate[0])
	if err != nil {
		return fmt.Errorf("loopback: Options.Certificate cannot be parsed: %w", err)
	}
	if err := leaf.VerifyHostname(host); err != nil {
		return fmt.Errorf("loopback: Options.Certificate is not valid for the host of the redirect URI: %w", err)
	}
	if now := time.Now(); now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
		return fmt.Errorf("loopback: Options.Certificate is valid from %v to %v, expected a certificate that is valid at %v",
			leaf.NotBefore, leaf.NotAfter, now.UTC())
	}
	return nil
}

// checkListen checks InsecureListen. A name is rejected, because it can resolve to another address.
func (o Options) checkListen() error {
	if o.InsecureListen == "" {
		return nil
	}
	address, err := netip.ParseAddrPort(o.InsecureListen)
	switch {
	// The program must know the port before the browser is started: Options.Port is its published form.
	case err != nil || address.Port() == 0:
		return fmt.Errorf(`loopback: Options.InsecureListen is %q, expected an IP address and a port, such as "0.0.0.0:8080"`, o.InsecureListen)
	case o.Port == 0:
		return errors.New("loopback: Options.Port is 0, expected the port of the redirect URI because of Options.InsecureListen")
	}
	return nil
}

// redirectURI returns the redirect URI for a host and a port. It omits the default port of the scheme, as browsers and
// registered redirect URIs do (RFC 3986, Section 6.2.3).
func (o Options) redirectURI(host string, port int) *url.URL {
	u := &url.URL{Scheme: "http", Host: net.JoinHostPort(host, strconv.Itoa(port)), Path: cmp.Or(o.Path, "/callback")}
	standard := ":80"
	if o.Certificate != nil {
		u.Scheme, standard = "https", ":443"
	}
	if u.Port() == standard[1:] {
		u.Host = strings.TrimSuffix(u.Host, standard)
	}
	if o.NoPath {
		u.Path = ""
	}
	return u
}
