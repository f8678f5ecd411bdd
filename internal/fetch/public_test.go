package fetch_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/fetch"
)

func TestAttack31_IsPublic(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"1.1.1.1":         true,
		"8.8.8.8":         true,
		"9.255.255.255":   true,
		"11.0.0.0":        true,
		"100.63.255.255":  true,
		"100.128.0.0":     true,
		"172.15.255.255":  true,
		"172.32.0.0":      true,
		"223.255.255.255": true,
		"::ffff:8.8.8.8":  true,
		"2606:4700::1111": true,
		"2a00:1450::1":    true,

		"0.0.0.0":                false,
		"0.1.2.3":                false,
		"10.0.0.1":               false,
		"100.64.0.1":             false,
		"100.127.255.255":        false,
		"127.0.0.1":              false,
		"127.255.255.255":        false,
		"169.254.169.254":        false,
		"172.16.0.1":             false,
		"172.31.255.255":         false,
		"192.0.0.1":              false,
		"192.0.2.1":              false,
		"192.88.99.1":            false,
		"192.168.1.1":            false,
		"198.18.0.1":             false,
		"198.19.255.255":         false,
		"198.51.100.1":           false,
		"203.0.113.1":            false,
		"224.0.0.1":              false,
		"240.0.0.1":              false,
		"255.255.255.255":        false,
		"::":                     false,
		"::1":                    false,
		"::8.8.8.8":              false, // IPv4-compatible
		"::ffff:127.0.0.1":       false, // IPv4-mapped
		"::ffff:10.0.0.1":        false,
		"::ffff:169.254.169.254": false,
		"64:ff9b::a00:1":         false, // NAT64 of 10.0.0.1
		"64:ff9b::808:808":       false, // NAT64 of a public address
		"64:ff9b:1::a00:1":       false,
		"100::1":                 false, // discard
		"2001::1":                false, // Teredo
		"2001:20::1":             false, // ORCHID
		"2001:db8::1":            false,
		"2002:a00:1::":           false, // 6to4 of 10.0.0.1
		"3fff::1":                false,
		"5f00::1":                false,
		"fc00::1":                false,
		"fd12:3456::1":           false,
		"fe80::1":                false,
		"fe80::1%eth0":           false,
		"2606:4700::1111%eth0":   false,
		"fec0::1":                false,
		"ff02::1":                false,
	} {
		if got := fetch.IsPublic(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: got %v", address, got)
		}
	}
	if fetch.IsPublic(netip.Addr{}) {
		t.Error("the zero Addr is public")
	}
}

func TestAttack31_DialIsRejected(t *testing.T) {
	t.Parallel()
	served := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	plain, secure := serve(t, served), httptest.NewTLSServer(http.HandlerFunc(served))
	t.Cleanup(secure.Close)
	_, port, err := net.SplitHostPort(plain.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	client, err := fetch.PublicClient(secure.Client())
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{
		plain.URL,
		secure.URL,
		"http://localhost:" + port, // the check follows the name resolution
		"http://[::ffff:127.0.0.1]:" + port,
		"http://10.0.0.1/",
		"http://169.254.169.254/latest/meta-data",
		"http://100.64.0.1/",
		"http://0.0.0.0:" + port,
	} {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			_, err := fetch.Get(t.Context(), target, fetch.Options{Client: client, AllowHTTP: true})
			var internal *fetch.AddressError
			if !errors.As(err, &internal) || !errors.Is(err, fetch.ErrNoResponse) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A proxy would resolve the name itself, and a dial function of the user would not check the address.
func TestAttack31_ProxyAndDialFunctionsAreNotUsed(t *testing.T) {
	t.Parallel()
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("reached") })
	proxy, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	direct := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", s.Listener.Addr().String())
	}
	for name, transport := range map[string]*http.Transport{
		"proxy":       {Proxy: http.ProxyURL(proxy)},
		"DialContext": {DialContext: direct},
		"Dial":        {Dial: func(n, a string) (net.Conn, error) { return direct(context.Background(), n, a) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := fetch.PublicClient(&http.Client{Transport: transport})
			if err != nil {
				t.Fatal(err)
			}
			_, err = fetch.Get(t.Context(), "http://10.0.0.1", fetch.Options{Client: client, AllowHTTP: true})
			var internal *fetch.AddressError
			if !errors.As(err, &internal) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPublicClientRejectsOtherTransports(t *testing.T) {
	t.Parallel()
	for name, transport := range map[string]http.RoundTripper{
		"another RoundTripper": roundTripper(nil),
		"DialTLSContext": &http.Transport{DialTLSContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, errors.New("unused")
		}},
		"DialTLS": &http.Transport{DialTLS: func(string, string) (net.Conn, error) { //nolint:staticcheck // still used by net/http
			return nil, errors.New("unused")
		}},
	} {
		if c, err := fetch.PublicClient(&http.Client{Transport: transport}); err == nil || c != nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestPublicClientKeepsOtherSettings(t *testing.T) {
	t.Parallel()
	base := &http.Transport{
		TLSClientConfig: &tls.Config{ServerName: "a.example"}, MaxIdleConns: 7, Proxy: http.ProxyFromEnvironment,
	}
	own := &http.Client{Transport: base, Timeout: time.Second}
	got, err := fetch.PublicClient(own)
	if err != nil {
		t.Fatal(err)
	}
	clone, ok := got.Transport.(*http.Transport)
	if !ok || clone == base || clone.MaxIdleConns != 7 || clone.TLSClientConfig.ServerName != "a.example" || got.Timeout != time.Second {
		t.Fatalf("got %+v", got)
	}
	if clone.Proxy != nil || clone.MaxResponseHeaderBytes != 64<<10 {
		t.Error("the proxy is kept, or headers have no limit")
	}
	if own.Transport != base || base.DialContext != nil || base.Proxy == nil || base.MaxResponseHeaderBytes != 0 {
		t.Error("PublicClient changed the client of the user")
	}
	if _, err := fetch.PublicClient(nil); err != nil {
		t.Errorf("nil: %v", err)
	}
}
