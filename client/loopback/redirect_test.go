package loopback_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client/loopback"
)

// certificate returns a self-signed certificate for the hosts, and a transport that trusts it and connects to this machine.
func certificate(t testing.TB, ends time.Time, hosts ...string) (*tls.Certificate, *http.Transport) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: ends}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
			continue
		}
		template.DNSNames = append(template.DNSNames, host)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			if net.ParseIP(host) == nil { // all names are of this machine
				host = "127.0.0.1"
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort(host, port))
		},
	}
}

// freePort returns a port that is free on 127.0.0.1 and ::1 at this moment.
func freePort(t testing.TB) int {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// TestCaseL1_RedirectURI checks the redirect URIs that options make, and that the browser reaches each.
func TestCaseL1_RedirectURI(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	secure, trusting := certificate(t, time.Now().Add(time.Hour), "127.0.0.1", "::1", "localhost", "app.test", "10.1.2.3")
	for name, test := range map[string]struct {
		options loopback.Options
		want    string // PORT is the port, if it was chosen by the system
	}{
		"default":           {loopback.Options{}, "http://127.0.0.1:PORT/callback"},
		"no path":           {loopback.Options{NoPath: true}, "http://127.0.0.1:PORT"},
		"no path, by name":  {loopback.Options{NoPath: true, Host: "localhost"}, "http://localhost:PORT"},
		"only a slash":      {loopback.Options{Path: "/"}, "http://127.0.0.1:PORT/"},
		"https":             {loopback.Options{Certificate: secure}, "https://127.0.0.1:PORT/callback"},
		"https, by name":    {loopback.Options{Certificate: secure, Host: "localhost", NoPath: true}, "https://localhost:PORT"},
		"https, other name": {loopback.Options{Certificate: secure, Host: "app.test", Path: "/cb"}, "https://app.test:PORT/cb"},
		"container": {
			loopback.Options{InsecureListen: "0.0.0.0:" + strconv.Itoa(port), Port: port},
			"http://127.0.0.1:" + strconv.Itoa(port) + "/callback",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := newClient(t)
			test.options.Out = io.Discard
			var b browser
			test.options.Open = func(_ context.Context, address string) error {
				b = open(t, address)
				b.transport = trusting
				go b.send(t, nil)
				return nil
			}
			token, err := loopback.SignIn(t.Context(), c, test.options)
			if err != nil || token.AccessToken != "at" {
				t.Fatal(token, err)
			}
			want := strings.Replace(test.want, "PORT", b.redirect.Port(), 1)
			if got := s.forms[0].Get("redirect_uri"); got != want || b.redirect.String() != want {
				t.Errorf("%s and %s, want %s", b.redirect, got, want)
			}
		})
	}
}

// TestCaseL1_AnotherPort checks a container whose published port is not the one on which the program listens.
func TestCaseL1_AnotherPort(t *testing.T) {
	t.Parallel()
	inside := freePort(t)
	secure, trusting := certificate(t, time.Now().Add(time.Hour), "localhost", "127.0.0.1")
	for want, options := range map[string]loopback.Options{
		"http://127.0.0.1:9/callback":   {Port: 9},
		"http://127.0.0.1/callback":     {Port: 80}, // a browser omits the default port
		"http://[::1]":                  {Port: 80, Host: "::1", NoPath: true},
		"http://127.0.0.1:443/callback": {Port: 443},
		"http://127.0.0.1:8080/":        {Port: 8080, Path: "/"},
		"https://localhost":             {Port: 443, Host: "localhost", NoPath: true, Certificate: secure},
		"https://localhost:80/cb":       {Port: 80, Host: "localhost", Path: "/cb", Certificate: secure},
	} {
		c, s := newClient(t)
		options.Out, options.InsecureListen = io.Discard, "0.0.0.0:"+strconv.Itoa(inside)
		options.Open = func(_ context.Context, address string) error {
			b := open(t, address)
			b.transport = trusting
			go b.send(t, func(r *http.Request) { // as the container runtime forwards it
				r.Host, r.URL.Host = r.URL.Host, "127.0.0.1:"+strconv.Itoa(inside)
			})
			return nil
		}
		if _, err := loopback.SignIn(t.Context(), c, options); err != nil || s.forms[0].Get("redirect_uri") != want {
			t.Error(want, err, s.forms)
		}
	}
}

// TestCaseL1_Rejected checks options with which the code could reach another machine, or the browser could not connect.
func TestCaseL1_Rejected(t *testing.T) {
	t.Parallel()
	valid, _ := certificate(t, time.Now().Add(time.Hour), "localhost", "10.1.2.3", "app.test")
	expired, _ := certificate(t, time.Now().Add(-time.Minute), "localhost")
	for name, test := range map[string]struct {
		options loopback.Options
		want    []string // parts of the error
	}{
		"other host":               {loopback.Options{Host: "app.test"}, []string{"Options.Host"}},
		"all addresses":            {loopback.Options{Host: "0.0.0.0"}, []string{"Options.Host"}},
		"http in a container":      {loopback.Options{Host: "10.1.2.3", Port: 8080, InsecureListen: "0.0.0.0:8080"}, []string{"Options.Host"}},
		"https, other address":     {loopback.Options{Host: "10.1.2.3", Certificate: valid}, []string{"Options.Host", "Options.InsecureListen"}},
		"https, name with port":    {loopback.Options{Host: "app.test:1", Certificate: valid}, []string{"Options.Host"}},
		"https, upper case":        {loopback.Options{Host: "App.test", Certificate: valid}, []string{"Options.Host"}},
		"https, not in it":         {loopback.Options{Host: "other.test", Certificate: valid}, []string{"Options.Certificate", "other.test"}},
		"https, default host":      {loopback.Options{Certificate: valid}, []string{"Options.Certificate", "127.0.0.1"}},
		"https, expired":           {loopback.Options{Host: "localhost", Certificate: expired}, []string{"Options.Certificate is valid from"}},
		"https, empty certificate": {loopback.Options{Certificate: new(tls.Certificate)}, []string{"Options.Certificate"}},
		"path and none":            {loopback.Options{Path: "/cb", NoPath: true}, []string{"Options.Path", "Options.NoPath"}},
		"listen on a name":         {loopback.Options{Port: 8080, InsecureListen: "localhost:8080"}, []string{"Options.InsecureListen"}},
		"listen without address":   {loopback.Options{Port: 8080, InsecureListen: ":8080"}, []string{"Options.InsecureListen"}},
		"listen on any port":       {loopback.Options{Port: 8080, InsecureListen: "0.0.0.0:0"}, []string{"Options.InsecureListen"}},
		"listen, redirect unknown": {loopback.Options{InsecureListen: "0.0.0.0:8080"}, []string{"Options.Port", "Options.InsecureListen"}},
		"negative port":            {loopback.Options{Port: -1}, []string{"Options.Port"}},
		"large port":               {loopback.Options{Port: 65536}, []string{"Options.Port"}},
		"all of them":              {loopback.Options{Host: "x", Port: -1, Path: "x", Timeout: -1}, []string{"Host", "Port", "Path", "Timeout"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, _ := newClient(t)
			test.options.Out = io.Discard
			test.options.Open = func(context.Context, string) error {
				t.Error("the browser was started")
				return nil
			}
			_, err := loopback.SignIn(t.Context(), c, test.options)
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
		})
	}
}

// TestCaseL2_PortInUse checks that a port that another program uses is an error, and that no other address is opened.
func TestCaseL2_PortInUse(t *testing.T) {
	t.Parallel()
	secure, _ := certificate(t, time.Now().Add(time.Hour), "127.0.0.1", "app.test")
	for name, test := range map[string]struct {
		taken   string // the address of the other program
		options loopback.Options
	}{
		"default":           {"127.0.0.1", loopback.Options{}},
		"IPv4":              {"127.0.0.1", loopback.Options{Host: "127.0.0.1"}},
		"IPv6":              {"::1", loopback.Options{Host: "::1"}},
		"by name":           {"127.0.0.1", loopback.Options{Host: "localhost"}},
		"by name, only v6":  {"::1", loopback.Options{Host: "localhost"}},
		"https":             {"127.0.0.1", loopback.Options{Certificate: secure}},
		"https, other name": {"::1", loopback.Options{Certificate: secure, Host: "app.test"}},
		"container":         {"0.0.0.0", loopback.Options{InsecureListen: "0.0.0.0:PORT"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", net.JoinHostPort(test.taken, "0"))
			if err != nil {
				if os.Getenv("BEARERKIT_REQUIRE_SERVICES") == "1" {
					t.Fatal(err)
				}
				t.Skip("the machine does not have the address", test.taken)
			}
			defer func() { _ = taken.Close() }()
			o := test.options
			o.Port = taken.Addr().(*net.TCPAddr).Port
			o.InsecureListen = strings.Replace(o.InsecureListen, "PORT", strconv.Itoa(o.Port), 1)
			o.Out, o.Open = io.Discard, func(context.Context, string) error {
				t.Error("the browser was started")
				return nil
			}
			c, _ := newClient(t)
			_, err = loopback.SignIn(t.Context(), c, o)
			if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), strconv.Itoa(o.Port)) || !strings.Contains(err.Error(), "Options.") {
				t.Error(err)
			}
		})
	}
}
