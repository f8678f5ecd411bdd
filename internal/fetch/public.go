package fetch

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// PublicClient returns a client that connects to addresses of the public internet only: for URLs that come out of
// tokens or documents and not from the operator (RFC 8725bis §3.10). The address is checked at the dial, after the name
// was resolved, so no name can answer one address to a check and another to the connection.
//
// c is not changed. It may be nil; its Transport must be nil or an *[http.Transport], for nothing else can be given a
// dialler. The copy uses no proxy, because a proxy would resolve the name itself, and dials by itself; a transport that
// dials its own TLS connections is therefore refused. Build the client once: it has a connection pool of its own.
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
		return nil, errors.New("the client's Transport is not an *http.Transport, so its addresses can not be checked")
	}
	if base.DialTLSContext != nil || base.DialTLS != nil { //nolint:staticcheck // deprecated, and still honoured
		return nil, errors.New("the client's Transport dials TLS by itself, so its addresses can not be checked")
	}

	transport := base.Clone()
	dialer := net.Dialer{Timeout: 10 * time.Second, Control: refuseInternal}
	transport.DialContext = dialer.DialContext // also goes before the deprecated Dial
	transport.Proxy = nil
	if transport.MaxResponseHeaderBytes == 0 {
		transport.MaxResponseHeaderBytes = 64 << 10 // net/http's own default is 10 MiB
	}
	public.Transport = transport
	return &public, nil
}

func refuseInternal(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || !IsPublic(to.Addr()) {
		return &AddressError{Address: address}
	}
	return nil
}

// IsPublic reports whether a is a unicast address of the public internet. IPv4 is public unless listed. IPv6 is public
// only within 2000::/3, which leaves out loopback, link-local, unique local, multicast and the NAT64 prefixes (RFC 6052,
// RFC 8215), and only if not listed. An IPv4-mapped address counts as the IPv4 address in it, one with a zone never.
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

// special lists what the IANA special-purpose address registries (RFC 6890) take out of the ranges above.
var special = [...]netip.Prefix{ //nolint:gochecknoglobals // a constant table
	netip.MustParsePrefix("0.0.0.0/8"),       // this network
	netip.MustParsePrefix("10.0.0.0/8"),      // private
	netip.MustParsePrefix("100.64.0.0/10"),   // shared by carriers
	netip.MustParsePrefix("127.0.0.0/8"),     // loopback
	netip.MustParsePrefix("169.254.0.0/16"),  // link-local, with the metadata services of clouds
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
	netip.MustParsePrefix("2002::/16"),       // 6to4: holds any IPv4 address
	netip.MustParsePrefix("3fff::/20"),       // documentation
}
