package bench

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// errTarget says that requests may not be sent to the target. It is wrong usage.
var errTarget = errors.New("bench: the target is not accepted")

// Limits for opening connections.
const (
	maxAddresses   = 16 // of one host name
	connectTimeout = 5 * time.Second
	maxURL         = 4 << 10 // bytes
)

// target is the endpoint that receives the requests.
type target struct {
	url       *url.URL
	port      uint16
	confirmed bool           // the user confirmed the host, so that other addresses than loopback are accepted
	address   netip.AddrPort // the one address that all connections go to; set by locate
	roots     *x509.CertPool // nil: those of the system

	// lookup resolves a host name, and connect opens a connection to an address. Tests replace them.
	lookup  func(ctx context.Context, host string) ([]netip.Addr, error)
	connect func(ctx context.Context, address netip.AddrPort) (net.Conn, error)
}

// parseTarget returns the target for a URL. confirmed is the value of --confirm-target.
func parseTarget(raw, confirmed string) (*target, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || len(raw) > maxURL:
		return nil, fmt.Errorf("%w: expected a URL of at most %d bytes, such as http://127.0.0.1:8080/orders", errTarget, maxURL)
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return nil, fmt.Errorf("%w: expected a URL that begins with http:// or https:// and has a host", errTarget)
	case u.User != nil:
		return nil, fmt.Errorf("%w: the URL contains a user name, expected none", errTarget)
	case u.Fragment != "" || strings.Contains(raw, "#"):
		return nil, fmt.Errorf("%w: the URL contains a fragment, expected none", errTarget)
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("%w: the host contains a character that is not ASCII, expected the form in xn-- notation", errTarget)
	case strings.ContainsFunc(u.RequestURI(), func(r rune) bool { return r <= ' ' || r > '~' }):
		return nil, fmt.Errorf("%w: the query contains a space or a character that is not ASCII, expected it percent-encoded", errTarget)
	case confirmed != "" && !strings.EqualFold(confirmed, u.Hostname()):
		return nil, fmt.Errorf("%w: --confirm-target is another host, expected that of the URL, %q", errTarget, u.Hostname())
	}
	port, err := portOf(u)
	if err != nil {
		return nil, err
	}
	t := &target{url: u, port: port, confirmed: confirmed != "", lookup: lookup}
	t.connect = t.dialTCP
	return t, nil
}

// portOf returns the port of u, or the default port of its scheme.
func portOf(u *url.URL) (uint16, error) {
	switch {
	case u.Port() == "" && u.Scheme == "https":
		return 443, nil
	case u.Port() == "":
		return 80, nil
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || port == 0 {
		return 0, fmt.Errorf("%w: the port is %q, expected 1 to 65535", errTarget, u.Port())
	}
	return uint16(port), nil
}

// lookup resolves a host name with the resolver of the system.
func lookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

// locate resolves the host, checks all of its addresses, and chooses the first one that accepts a connection, with TLS if the URL
// is an https URL. All connections of the run go to that address. So a name that resolves to another address later does not move the load or the tokens.
func (t *target) locate(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	addresses, err := t.addresses(ctx)
	if err != nil {
		return err
	}
	var faults []error
	for _, address := range addresses {
		t.address = netip.AddrPortFrom(address, t.port)
		c, err := t.dial(ctx)
		if err == nil {
			return c.Close()
		}
		faults = append(faults, err)
	}
	return fmt.Errorf("bench: no connection to the target: %w", errors.Join(faults...))
}

// addresses returns the addresses of the host. If one of them is not accepted, it returns an error: which of several addresses is
// used must not decide whether the run is allowed.
func (t *target) addresses(ctx context.Context) ([]netip.Addr, error) {
	host := t.url.Hostname()
	var all []netip.Addr
	if literal, err := netip.ParseAddr(host); err == nil {
		all = []netip.Addr{literal}
	} else if all, err = t.lookup(ctx, host); err != nil {
		return nil, fmt.Errorf("bench: the host of the target cannot be resolved: %w", err)
	}
	if len(all) == 0 || len(all) > maxAddresses {
		return nil, fmt.Errorf("bench: the host of the target has %d addresses, expected 1 to %d", len(all), maxAddresses)
	}
	for i := range all {
		all[i] = all[i].Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
		if err := t.check(all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// check returns an error if no request may be sent to address. An unspecified address, such as 0.0.0.0, is not a loopback address,
// although a connection to it may reach this machine.
func (t *target) check(address netip.Addr) error {
	switch {
	case address.Unmap().IsLoopback():
		return nil
	case !t.confirmed:
		return fmt.Errorf("%w: its host has the address %v, which is not a loopback address. Run bench on the machine of the API, or, "+
			"if you are permitted to send load to this host, add --confirm-target %s", errTarget, address, t.url.Hostname())
	case address.IsUnspecified() || address.IsMulticast():
		return fmt.Errorf("%w: its host has the address %v, expected the address of one machine", errTarget, address)
	case t.url.Scheme != "https":
		return fmt.Errorf("%w: its host has the address %v, and http would send tokens unencrypted to another machine. Use https",
			errTarget, address)
	}
	return nil
}

// dialTCP opens a connection to address. The operating system receives an address, never a name, so that no other resolution takes
// place. No proxy is used. The address is checked once more before and after the connection is made.
func (t *target) dialTCP(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{Timeout: connectTimeout, Control: func(_, address string, _ syscall.RawConn) error {
		return t.checkText(address)
	}}
	c, err := dialer.DialContext(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	if err := t.checkText(c.RemoteAddr().String()); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// checkText is check for the text of an address and a port.
func (t *target) checkText(text string) error {
	address, err := netip.ParseAddrPort(text)
	if err != nil {
		return fmt.Errorf("%w: %q is not an address and a port", errTarget, text)
	}
	return t.check(address.Addr())
}

// dial opens a connection for requests, with TLS if the URL is an https URL.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	c, err := t.connect(ctx, t.address)
	if err != nil || t.url.Scheme != "https" {
		return c, err
	}
	secure := tls.Client(c, &tls.Config{
		ServerName: t.url.Hostname(), RootCAs: t.roots, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
	})
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: the TLS handshake with the target failed: %w", err), c.Close())
	}
	return secure, nil
}
