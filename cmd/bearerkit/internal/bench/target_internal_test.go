package bench

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// resolver returns a lookup that knows one host.
func resolver(addresses ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		var all []netip.Addr
		for _, address := range addresses {
			all = append(all, netip.MustParseAddr(address))
		}
		return all, nil
	}
}

// TestAddresses checks which targets are accepted. Not the text of the URL decides, but the addresses that its host resolves to.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		url       string
		confirmed string
		resolves  []string // nil: the URL must not need a lookup
		want      string   // the addresses, or a part of the error
	}{
		{"IPv4", "http://127.0.0.1:8080/a", "", nil, "127.0.0.1"},
		{"IPv4, another loopback address", "http://127.8.9.1", "", nil, "127.8.9.1"},
		{"IPv6", "http://[::1]:8080", "", nil, "::1"},
		{"IPv4 in IPv6", "http://[::ffff:127.0.0.1]", "", nil, "127.0.0.1"},
		{"a name", "http://localhost:8080", "", []string{"::1", "127.0.0.1"}, "::1 127.0.0.1"},
		{"a name of the hosts file", "http://api.test", "", []string{"127.0.0.1"}, "127.0.0.1"},
		{"a decimal host", "http://2130706433", "", []string{"127.0.0.1"}, "127.0.0.1"},

		{"another machine", "http://192.0.2.1", "", nil, "192.0.2.1, which is not a loopback address"},
		{"a private address", "https://10.0.0.1", "", nil, "10.0.0.1, which is not a loopback address"},
		{"a link-local address", "http://169.254.169.254", "", nil, "not a loopback address"},
		{"unspecified", "http://0.0.0.0:8080", "", nil, "0.0.0.0, which is not a loopback address"},
		{"unspecified, IPv6", "http://[::]:8080", "", nil, "::, which is not a loopback address"},
		{"unspecified, IPv4 in IPv6", "http://[::ffff:0.0.0.0]", "", nil, "0.0.0.0, which is not a loopback address"},
		{"another machine, IPv4 in IPv6", "http://[::ffff:192.0.2.1]", "", nil, "192.0.2.1, which is not a loopback address"},
		{"an address of the translation of IPv4", "http://[64:ff9b::7f00:1]", "", nil, "not a loopback address"},
		{"a link-local address with a zone", "http://[fe80::1%25lo]", "", nil, "not a loopback address"},
		{"a decimal host of another machine", "http://3221225985", "", []string{"192.0.2.1"}, "192.0.2.1, which is not a loopback address"},
		{"an octal host", "http://0300.0.2.1", "", []string{"192.0.2.1"}, "not a loopback address"},
		{"localhost is another machine", "http://localhost", "", []string{"192.0.2.1"}, "not a loopback address"},
		{"a name that begins with an address", "http://127.0.0.1.example.com", "", []string{"192.0.2.1"}, "not a loopback address"},
		{"one of the addresses is of another machine", "http://localhost", "", []string{"127.0.0.1", "192.0.2.1"}, "192.0.2.1, which is not"},
		{"the last address is unspecified", "http://localhost", "", []string{"::1", "0.0.0.0"}, "0.0.0.0, which is not"},
		{"no address", "http://localhost", "", []string{}, "0 addresses, expected 1 to 16"},
		{"many addresses", "http://localhost", "", strings.Fields(strings.Repeat("127.0.0.1 ", 17)), "17 addresses"},

		{"confirmed", "https://api.example.com/a", "api.example.com", []string{"192.0.2.1", "2001:db8::1"}, "192.0.2.1 2001:db8::1"},
		{"confirmed in upper case", "https://api.example.com", "API.example.com", []string{"192.0.2.1"}, "192.0.2.1"},
		{"confirmed address", "https://192.0.2.1", "192.0.2.1", nil, "192.0.2.1"},
		{"confirmed loopback", "http://127.0.0.1", "127.0.0.1", nil, "127.0.0.1"},
		{"confirmed, but unencrypted", "http://api.example.com", "api.example.com", []string{"192.0.2.1"}, "send tokens unencrypted"},
		{"confirmed, but unencrypted for one address", "http://api.example.com", "api.example.com", []string{"127.0.0.1", "192.0.2.1"}, "unencrypted"},
		{"confirmed, but unspecified", "https://0.0.0.0", "0.0.0.0", nil, "expected the address of one machine"},
		{"confirmed, but multicast", "https://224.0.0.1", "224.0.0.1", nil, "expected the address of one machine"},
		{"another host is confirmed", "https://api.example.com", "example.com", nil, `expected that of the URL, "api.example.com"`},
		{"confirmed with a port", "https://api.example.com:8443", "api.example.com:8443", nil, `expected that of the URL, "api.example.com"`},

		{"another scheme", "ftp://127.0.0.1", "", nil, "begins with http:// or https://"},
		{"no scheme", "127.0.0.1:8080", "", nil, "such as http://127.0.0.1:8080/orders"},
		{"no host", "http:///a", "", nil, "has a host"},
		{"a user", "http://127.0.0.1@192.0.2.1/", "", nil, "contains a user name"},
		{"a fragment", "http://127.0.0.1/#a", "", nil, "contains a fragment"},
		{"an empty fragment", "http://127.0.0.1/#", "", nil, "contains a fragment"},
		{"a line end", "http://127.0.0.1/\r\nX: y", "", nil, "expected a URL"},
		{"an encoded line end in the host", "http://127.0.0.1%0d%0aX/", "", nil, "expected a URL"},
		{"other digits", "http://１２７.0.0.1/", "", nil, "not ASCII"},
		{"a space in the query", "http://127.0.0.1/?a=b HTTP/1.1", "", nil, "expected it percent-encoded"},
		{"a query that is not ASCII", "http://127.0.0.1/?a=ä", "", nil, "expected it percent-encoded"},
		{"port 0", "http://127.0.0.1:0", "", nil, `the port is "0"`},
		{"a large port", "http://127.0.0.1:65536", "", nil, `the port is "65536"`},
		{"a long URL", "http://127.0.0.1/" + strings.Repeat("a", 4<<10), "", nil, "at most 4096 bytes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var addresses []netip.Addr
			target, err := parseTarget(test.url, test.confirmed)
			if err == nil {
				target.lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("looked up") }
				if test.resolves != nil {
					target.lookup = resolver(test.resolves...)
				}
				addresses, err = target.addresses(t.Context())
			}
			var got []string
			for _, address := range addresses {
				got = append(got, address.String())
			}
			if err != nil {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
			} else if strings.Join(got, " ") != test.want {
				t.Errorf("addresses %q, want %q", got, test.want)
			}
		})
	}
}

// TestDialedAddress checks that the address of each connection is checked, also if the check of the host was passed.
func TestDialedAddress(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() //nolint:errcheck // a test
	open := netip.MustParseAddrPort(listener.Addr().String())
	target, err := parseTarget("http://localhost", "")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		address string
		ok      bool
	}{
		{open.String(), true},
		{netip.AddrPortFrom(netip.MustParseAddr("::ffff:127.0.0.1"), open.Port()).String(), true},
		{netip.AddrPortFrom(netip.IPv4Unspecified(), open.Port()).String(), false},
		{netip.AddrPortFrom(netip.IPv6Unspecified(), open.Port()).String(), false},
		{"192.0.2.1:80", false},
		{"[2001:db8::1]:80", false},
	} {
		c, err := target.dialTCP(t.Context(), netip.MustParseAddrPort(test.address))
		if c != nil {
			_ = c.Close()
		}
		if (err == nil) != test.ok || err != nil && !errors.Is(err, errTarget) {
			t.Errorf("%s: %v, want success: %v", test.address, err, test.ok)
		}
	}
}

// TestOneAddress checks that the host is resolved once. If it resolves to another address later, the connections still go to the
// address that was checked.
func TestOneAddress(t *testing.T) {
	t.Parallel()
	target, err := parseTarget("http://localhost:8080", "")
	if err != nil {
		t.Fatal(err)
	}
	lookups := 0
	target.lookup = func(context.Context, string) ([]netip.Addr, error) {
		lookups++
		if lookups > 1 {
			return []netip.Addr{netip.MustParseAddr("127.0.0.66")}, nil
		}
		return []netip.Addr{netip.MustParseAddr("::1"), netip.MustParseAddr("127.0.0.1")}, nil
	}
	var dialed []string
	target.connect = func(_ context.Context, address netip.AddrPort) (net.Conn, error) {
		dialed = append(dialed, address.String())
		if address.Addr().Is6() {
			return nil, errors.New("refused")
		}
		c, _ := net.Pipe()
		return c, nil
	}
	if err := target.locate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c, err := target.dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	want := "[::1]:8080 127.0.0.1:8080 127.0.0.1:8080 127.0.0.1:8080 127.0.0.1:8080"
	if got := strings.Join(dialed, " "); got != want || lookups != 1 {
		t.Errorf("%d lookups, connections to %s, want 1 and %s", lookups, got, want)
	}
}
