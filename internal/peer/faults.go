package peer

import (
	"fmt"
	"net/netip"
)

// The shortest prefixes that may be listed. They are those of the largest private networks, 10.0.0.0/8 and fc00::/7.
const (
	minBits4 = 8
	minBits6 = 7
)

// Faults returns an error for each prefix that must not be listed, or nil. field is the name of the setting in the errors, such as
// "middleware: Config.MTLS.Proxies". The errors say what to write instead.
func (p Proxies) Faults(field string) (faults []error) {
	for i, network := range p {
		if fault := faultOf(network); fault != "" {
			faults = append(faults, fmt.Errorf("%s[%d] is %s", field, i, fault))
		}
	}
	return faults
}

// faultOf says why network must not be listed, or returns "".
func faultOf(network netip.Prefix) string {
	addr := network.Addr()
	switch {
	case !network.IsValid():
		return "not a valid prefix, expected one such as netip.MustParsePrefix(\"10.0.0.7/32\")"
	case addr.Is4In6():
		return fmt.Sprintf("%v, expected the IPv4 form%s", network, asIPv4(network))
	case isTooLarge(network):
		return fmt.Sprintf("%v, expected the addresses of your proxies: at least /%d for IPv4 and /%d for IPv6, "+
			"because each listed address can claim any client certificate or URL", network, minBits4, minBits6)
	case network != network.Masked():
		return fmt.Sprintf("%v, expected %v for the network, or %v for the address",
			network, network.Masked(), netip.PrefixFrom(addr, addr.BitLen()))
	case addr.Is6() && addr.IsLinkLocalUnicast():
		return fmt.Sprintf("%v, expected a prefix that is not link-local, because such an address has a zone "+
			"and a prefix cannot name one", network)
	}
	return ""
}

// isTooLarge reports whether network is larger than the largest private network of its kind.
func isTooLarge(network netip.Prefix) bool {
	if network.Addr().Is4() {
		return network.Bits() < minBits4
	}
	return network.Bits() < minBits6
}

// asIPv4 returns " " and the IPv4 prefix with the same addresses as a prefix of IPv4-mapped IPv6 addresses, or "" if there
// is none.
func asIPv4(mapped netip.Prefix) string {
	const mappedBits = 96 // of ::ffff:0:0/96, which maps all IPv4 addresses
	if mapped.Bits() < mappedBits {
		return ""
	}
	return " " + netip.PrefixFrom(mapped.Addr().Unmap(), mapped.Bits()-mappedBits).String()
}
