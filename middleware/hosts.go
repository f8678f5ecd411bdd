package middleware

import (
	"fmt"
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
		if portOr(known.port, defaultPort) == portOr(port, defaultPort) && known.matches(name) {
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

func portOr(port, otherwise string) string {
	if port == "" {
		return otherwise
	}
	return port
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
