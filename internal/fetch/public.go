package fetch

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// PublicClient returns a client that connects only to addresses of the public internet. Use it for URLs that come from
// tokens or documents and not from the operator (RFC 8725bis §3.10). It checks the address when it dials, after the name
// was resolved. So a name cannot resolve to one address for the check and to another for the connection.
//
// The client is a copy of c, which may be nil and is not changed. Its Transport must be nil or an *[http.Transport] without
// DialTLS and DialTLSContext, because otherwise the addresses cannot be checked. The copy does not use c's own dial
// functions, and no proxy, because a proxy would resolve the name itself. Create the client once and keep it: it has its own
// connection pool.
func PublicClient(c *http.Client) (*http.Client, error) {
	public := http.Client{}
	if c != nil {
		public = *c
	}
	if public.Transport == nil {
		public.Transport = http.DefaultTransport
	}
	base, ok := public.Transport.(*http.Transport)
	if !ok {
		return nil, errors.New("the client's Transport is not an *http.Transport, so its addresses cannot be checked")
	}
	if base.DialTLSContext != nil || base.DialTLS != nil { //nolint:staticcheck // deprecated, but still used by net/http
		return nil, errors.New("the client's Transport has its own TLS dial function, so its addresses cannot be checked")
	}

	transport := base.Clone()
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: rejectInternal}
	transport.DialContext = dialer.DialContext // net/http prefers it to the deprecated Dial
	transport.Proxy = nil
	if transport.IdleConnTimeout == 0 {
		transport.IdleConnTimeout = 90 * time.Second // the copy may be dropped while it has idle connections
	}
	if transport.MaxResponseHeaderBytes == 0 {
		transport.MaxResponseHeaderBytes = 64 << 10 // the default of net/http is 10 MiB
	}
	public.Transport = transport
	return &public, nil
}

// rejectInternal is the Control function of a [net.Dialer]. It runs before each connection attempt.
func rejectInternal(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(to.Addr()) {
		return &AddressError{Address: address}
	}
	return nil
}

// IsPublic reports whether a is a unicast address of the public internet. An IPv4 address is public unless it is in a range
// of the list special. An IPv6 address must also be in 2000::/3, which excludes loopback, link-local, unique local,
// multicast and NAT64 addresses (RFC 6052, RFC 8215). IsPublic treats an IPv4-mapped address as the IPv4 address that it
// contains. An IPv6 address with a zone is never public.
func IsPublic(a netip.Addr) bool {
	a = a.Unmap()
	if a.Is6() && !globalUnicast6.Contains(a) {
		return false
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return a.IsValid()
}

var globalUnicast6 = netip.MustParsePrefix("2000::/3") //nolint:gochecknoglobals // a constant

// special lists the ranges that the IANA special-purpose address registries (RFC 6890) exclude.
var special = [...]netip.Prefix{ //nolint:gochecknoglobals // a constant table
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // shared address space of carriers
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, includes cloud metadata services
	netip.MustParsePrefix("172.16.0.0/12"),   // private
	netip.MustParsePrefix("192.0.0.0/24"),    // protocol assignments
	netip.MustParsePrefix("192.0.2.0/24"),    // documentation
	netip.MustParsePrefix("192.88.99.0/24"),  // 6to4 relays
	netip.MustParsePrefix("192.168.0.0/16"),  // private
	netip.MustParsePrefix("198.18.0.0/15"),   // benchmarks
	netip.MustParsePrefix("198.51.100.0/24"), // documentation
	netip.MustParsePrefix("203.0.113.0/24"),  // documentation
	netip.MustParsePrefix("224.0.0.0/4"),     // multicast
	netip.MustParsePrefix("240.0.0.0/4"),     // reserved, broadcast
	netip.MustParsePrefix("2001::/23"),       // protocol assignments: Teredo, ORCHID
	netip.MustParsePrefix("2001:db8::/32"),   // documentation
	netip.MustParsePrefix("2002::/16"),       // 6to4: contains any IPv4 address
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
