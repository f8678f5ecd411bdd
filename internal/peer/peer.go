// Package peer recognizes the reverse proxies that an application lists, by the address of the connection. Headers that
// describe the connection of the client, such as its certificate, are read only if they come from such a proxy.
package peer

import "net/netip"

// Proxies lists the networks of the reverse proxies whose headers are used. [Proxies.Faults] checks a list. A nil list
// contains no proxy. Its methods do not change it, and are safe for concurrent use.
type Proxies []netip.Prefix

// Contains reports whether remoteAddr is the address of a listed proxy. remoteAddr is [net/http.Request.RemoteAddr] as
// the server has set it: an IP address and a port. An IPv4 address in an IPv6 address matches the IPv4 networks.
//
// All other forms never match:
//   - an address without a port, or with port 0, because a connection has a port. A middleware has written such an address,
//     perhaps from a header that the client sent.
//   - an IPv6 address with a zone, because a network does not name a zone.
//   - the address of a Unix domain socket, because it does not say which program has connected.
func (p Proxies) Contains(remoteAddr string) bool {
	if len(p) == 0 {
		return false
	}
	from, err := netip.ParseAddrPort(remoteAddr)
	if err != nil || from.Port() == 0 || from.Addr().Zone() != "" {
		return false
	}
	addr := from.Addr().Unmap() // drops the zone, so the zone was checked before
	for _, network := range p {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// Problem says why remoteAddr cannot be the address of a listed proxy, whatever the list contains. It returns "" for an
// address that could be listed. The text does not quote remoteAddr, so it can be logged.
func Problem(remoteAddr string) string {
	if from, err := netip.ParseAddrPort(remoteAddr); err == nil {
		switch {
		case from.Port() == 0:
			return "RemoteAddr has port 0, so a middleware has replaced the address of the connection"
		case from.Addr().Zone() != "":
			return "RemoteAddr has an IPv6 zone, and a prefix cannot name a zone"
		}
		return ""
	}
	if _, err := netip.ParseAddr(remoteAddr); err == nil {
		return "RemoteAddr has no port, so a middleware (such as RealIP) has replaced the address of the connection"
	}
	return "RemoteAddr is not an IP address with a port, as for a Unix domain socket"
}
