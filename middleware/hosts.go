package middleware

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// knownHosts lists the hosts that a listed proxy may name, as DPoPConfig.Hosts describes them. Most proxies copy the Host
// header of the client. Without this list, a server that has received a token and a proof could use both here, with its own
// name as Host.
type knownHosts []knownHost

// knownHost is an entry of DPoPConfig.Hosts.
type knownHost struct {
	name string // in lower case, or the text after the asterisk, which starts with a dot
	any  bool   // the entry starts with an asterisk, which matches one label
	port string // empty: the default port of the scheme
}

// newKnownHosts returns the hosts that entries describe. All must be valid.
func newKnownHosts(entries []string) (hosts knownHosts) {
	for _, entry := range entries {
		name, wildcard := strings.CutPrefix(strings.ToLower(entry), "*.")
		name, port, _ := splitHost(name)
		if wildcard {
			name = "." + name
		}
		hosts = append(hosts, knownHost{name, wildcard, port})
	}
	return hosts
}

// contains reports whether one of the entries describes the host with this name and port, which may be empty. scheme is
// https or http.
func (hosts knownHosts) contains(scheme, name, port string) bool {
	name, defaultPort := strings.ToLower(name), "443"
	if scheme == "http" {
		defaultPort = "80"
	}
	for _, known := range hosts {
		if cmp.Or(known.port, defaultPort) == cmp.Or(port, defaultPort) && known.matches(name) {
			return true
		}
	}
	return false
}

// matches reports whether h describes name, which is in lower case.
func (h knownHost) matches(name string) bool {
	if !h.any {
		return name == h.name
	}
	label, ok := strings.CutSuffix(name, h.name)
	return ok && label != "" && !strings.Contains(label, ".")
}

// hostsFaults returns an error for each entry of Hosts that is not a host.
func hostsFaults(entries []string) (faults []error) {
	for i, entry := range entries {
		if fault := hostFault(entry); fault != "" {
			faults = append(faults, fmt.Errorf("middleware: Config.DPoP.Hosts[%d] is %q, %s", i, entry, fault))
		}
	}
	return faults
}

// hostFault says what is wrong with an entry of Hosts, or returns "".
func hostFault(entry string) string {
	host, wildcard := strings.CutPrefix(entry, "*.")
	name, _, ok := splitHost(host)
	switch {
	case !ok:
		return `expected a host without scheme and path, such as "api.example.com", "api.example.com:8443" or "*.example.com"`
	case wildcard && (strings.HasPrefix(host, "[") || !strings.Contains(strings.Trim(name, "."), ".")):
		return `expected a domain with at least two labels after the asterisk, such as "*.example.com"`
	}
	return ""
}

// splitHost returns the name and the port of a host. The port is empty if host has none. ok is false if host is not a name
// or an IP address, with or without a port.
func splitHost(host string) (name, port string, ok bool) {
	if strings.HasPrefix(host, "[") { // an IPv6 address (RFC 3986 section 3.2.2)
		address, rest, _ := strings.Cut(host[1:], "]")
		ip, err := netip.ParseAddr(address)
		if err != nil || !ip.Is6() || ip.Zone() != "" {
			return "", "", false
		}
		port, hasPort := strings.CutPrefix(rest, ":")
		return address, port, rest == "" || hasPort && isPort(port)
	}
	name, port, hasPort := strings.Cut(host, ":")
	return name, port, isHostname(name) && (!hasPort || isPort(port))
}

// isHostname reports whether s consists of the characters of host names and IPv4 addresses.
func isHostname(s string) bool {
	return s != "" && strings.Trim(s, alphanumeric+"-._") == ""
}

// isPort reports whether s is the number of a port, without leading zeros.
func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0 && strconv.FormatUint(n, 10) == s
}

// withPort adds port to host, unless host has a port already. If the two differ, or port is malformed, it returns "".
func withPort(host, port string) string {
	_, own, ok := splitHost(host)
	switch {
	case port == "" || !ok || own == port:
		return host
	case own != "" || !isPort(port):
		return ""
	}
	return host + ":" + port
}
