package peer_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/peer"
)

func proxies(prefixes ...string) (list peer.Proxies) {
	for _, prefix := range prefixes {
		list = append(list, netip.MustParsePrefix(prefix))
	}
	return list
}

func TestContains(t *testing.T) {
	t.Parallel()
	listed := proxies("192.0.2.7/32", "10.1.0.0/16", "2001:db8:1::/48", "::1/128", "fe80::/64")
	tests := map[string]struct {
		remoteAddr string
		want       bool
	}{
		"an address":                        {"192.0.2.7:4711", true},
		"in a network":                      {"10.1.255.255:1", true},
		"IPv6":                              {"[2001:db8:1::5]:65535", true},
		"loopback IPv6":                     {"[::1]:80", true},
		"IPv4 in IPv6":                      {"[::ffff:192.0.2.7]:4711", true},
		"IPv4 in IPv6, hexadecimal":         {"[::ffff:c000:207]:4711", true},
		"the next address":                  {"192.0.2.8:4711", false},
		"outside of the network":            {"10.2.0.0:1", false},
		"IPv6 outside of the network":       {"[2001:db8:2::5]:1", false},
		"IPv4 as the end of another prefix": {"[64:ff9b::192.0.2.7]:4711", false},
		"IPv4-compatible IPv6":              {"[::192.0.2.7]:4711", false},
		"without a port":                    {"192.0.2.7", false},
		"IPv6 without a port":               {"::1", false},
		"IPv6 in brackets, without a port":  {"[::1]", false},
		"an empty port":                     {"192.0.2.7:", false},
		"port 0":                            {"192.0.2.7:0", false},
		"a port that is too large":          {"192.0.2.7:65536", false},
		"a negative port":                   {"192.0.2.7:-1", false},
		"the name of a port":                {"192.0.2.7:http", false},
		"IPv6 without brackets":             {"::1:80", false},
		"IPv4 in brackets":                  {"[192.0.2.7]:80", false},
		"a zone":                            {"[fe80::1%eth0]:80", false},
		"a zone of a loopback address":      {"[::1%lo]:80", false},
		"a zone of IPv4 in IPv6":            {"[::ffff:192.0.2.7%eth0]:80", false},
		"a unix socket":                     {"@", false},
		"a named unix socket":               {"/run/proxy.sock", false},
		"an abstract unix socket":           {"@192.0.2.7:80", false},
		"empty":                             {"", false},
		"a list":                            {"192.0.2.7:1, 192.0.2.8:1", false},
		"a leading space":                   {" 192.0.2.7:1", false},
		"a trailing space":                  {"192.0.2.7:1 ", false},
		"a host name":                       {"localhost:80", false},
		"leading zeros":                     {"192.000.002.007:80", false},
		"a hexadecimal octet":               {"0xc0.0.2.7:80", false},
		"a short form":                      {"192.519:80", false},
		"a number":                          {"3221225991:80", false},
		"two ports":                         {"192.0.2.7:80:80", false},
		"a NUL byte":                        {"192.0.2.7\x00:80", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := listed.Contains(test.remoteAddr); got != test.want {
				t.Errorf("Contains(%q) = %t, want %t", test.remoteAddr, got, test.want)
			}
			if peer.Proxies(nil).Contains(test.remoteAddr) {
				t.Errorf("a nil list contains %q", test.remoteAddr)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prefix netip.Prefix
		want   string // in the error; "": no error
	}{
		"an address":              {netip.MustParsePrefix("192.0.2.7/32"), ""},
		"an IPv6 address":         {netip.MustParsePrefix("::1/128"), ""},
		"the largest private":     {netip.MustParsePrefix("10.0.0.0/8"), ""},
		"the largest private v6":  {netip.MustParsePrefix("fc00::/7"), ""},
		"zero":                    {netip.Prefix{}, "not a valid prefix"},
		"too many bits":           {netip.PrefixFrom(netip.MustParseAddr("10.0.0.0"), 33), "not a valid prefix"},
		"all of IPv4":             {netip.MustParsePrefix("0.0.0.0/0"), "0.0.0.0/0, expected the addresses of your proxies"},
		"all of IPv6":             {netip.MustParsePrefix("::/0"), "::/0, expected the addresses of your proxies"},
		"half of IPv4":            {netip.MustParsePrefix("128.0.0.0/1"), "at least /8 for IPv4"},
		"more than any private":   {netip.MustParsePrefix("10.0.0.0/7"), "at least /8 for IPv4"},
		"half of IPv6":            {netip.MustParsePrefix("8000::/1"), "at least /8 for IPv4 and /7 for IPv6"},
		"all of IPv4 in IPv6":     {netip.MustParsePrefix("::ffff:0:0/96"), "expected the IPv4 form 0.0.0.0/0"},
		"IPv4 in IPv6":            {netip.MustParsePrefix("::ffff:10.0.0.0/104"), "expected the IPv4 form 10.0.0.0/8"},
		"more than IPv4 in IPv6":  {netip.MustParsePrefix("::ffff:0:0/80"), "expected the IPv4 form"},
		"an address, not masked":  {netip.MustParsePrefix("10.1.2.3/8"), "10.0.0.0/8 for the network, or 10.1.2.3/32 for the address"},
		"IPv6, not masked":        {netip.MustParsePrefix("2001:db8::1/64"), "2001:db8::/64 for the network, or 2001:db8::1/128"},
		"a link-local network":    {netip.MustParsePrefix("fe80::/64"), "zone"},
		"a link-local IPv4":       {netip.MustParsePrefix("169.254.0.0/16"), ""},
		"not masked and too wide": {netip.MustParsePrefix("10.1.2.3/1"), "at least /8"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := append(proxies("192.0.2.1/32"), test.prefix)
			faults := list.Faults("pkg: Config.Proxies")
			if test.want == "" {
				if faults != nil {
					t.Errorf("got %v, want no error", faults)
				}
				return
			}
			if len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), "pkg: Config.Proxies[1] is ") ||
				!strings.Contains(faults[0].Error(), test.want) {
				t.Errorf("got %v, want one error with %q", faults, test.want)
			}
		})
	}
}

// A prefix without a fault contains the addresses in it, and only these.
func TestPrefixesWithoutFaultsMatch(t *testing.T) {
	t.Parallel()
	for prefix, inside := range map[string]string{
		"10.0.0.0/8": "10.9.9.9:1", "192.0.2.7/32": "192.0.2.7:1", "fc00::/7": "[fd00::1]:1", "::1/128": "[::1]:1",
	} {
		list := proxies(prefix)
		if faults := list.Faults(""); faults != nil {
			t.Error(faults)
		}
		if !list.Contains(inside) || list.Contains("11.0.0.1:1") || list.Contains("[2001:db8::1]:1") {
			t.Errorf("%s: only %s should match", prefix, inside)
		}
	}
}

func TestProblem(t *testing.T) {
	t.Parallel()
	for remoteAddr, want := range map[string]string{
		"192.0.2.7:1": "", "[::1]:1": "", "[::ffff:192.0.2.7]:1": "",
		"192.0.2.7": "no port", "::1": "no port", "fe80::1%eth0": "no port",
		"192.0.2.7:0":       "port 0",
		"[fe80::1%eth0]:80": "zone",
		"@":                 "Unix domain socket", "": "Unix domain socket", "/run/x": "Unix domain socket",
	} {
		got := peer.Problem(remoteAddr)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("Problem(%q) = %q, want %q", remoteAddr, got, want)
		}
		if remoteAddr != "" && remoteAddr != "@" && strings.Contains(got, remoteAddr) {
			t.Errorf("%q quotes the address", got)
		}
	}
}

func FuzzContains(f *testing.F) {
	for _, seed := range []string{"192.0.2.7:1", "[::ffff:192.0.2.7]:1", "[::1%lo]:1", "@", "192.0.2.7"} {
		f.Add(seed)
	}
	listed := proxies("192.0.2.7/32", "::1/128")
	f.Fuzz(func(t *testing.T, remoteAddr string) {
		if !listed.Contains(remoteAddr) {
			return
		}
		if problem := peer.Problem(remoteAddr); problem != "" {
			t.Errorf("%q matches, although %s", remoteAddr, problem)
		}
		from, err := netip.ParseAddrPort(remoteAddr)
		if addr := from.Addr().Unmap().String(); err != nil || addr != "192.0.2.7" && addr != "::1" {
			t.Errorf("%q matches: %v", remoteAddr, err)
		}
	})
}
