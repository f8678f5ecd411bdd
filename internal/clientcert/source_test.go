package clientcert_test

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/clientcert"
)

// TestM1_M3_WhichCertificate checks whether the TLS connection or the header decides.
func TestM1_M3_WhichCertificate(t *testing.T) {
	t.Parallel()
	client, other := load(t, "client"), load(t, "other")
	named, none := source(clientcert.RFC9440), clientcert.Source{Header: "Client-Cert"}
	tests := map[string]struct {
		source clientcert.Source
		r      *http.Request
		want   string // in the problem; "": the thumbprint of client
	}{
		"TLS":                             {none, withTLS(request(otherAddr), client.parsed), ""},
		"TLS with a chain":                {none, withTLS(request(otherAddr), client.parsed, other.parsed), ""},
		"header of the proxy":             {named, request(proxyAddr, client.rfc9440), ""},
		"header of the proxy, IPv6 form":  {named, request("[::ffff:10.0.0.7]:1", client.rfc9440), ""},
		"header and the proxy's own TLS":  {named, withTLS(request(proxyAddr, client.rfc9440), other.parsed), ""},
		"TLS beside a proxy":              {named, withTLS(request(otherAddr), client.parsed), ""},
		"TLS and a forged header":         {named, withTLS(request(otherAddr, other.rfc9440), client.parsed), ""},
		"TLS and a header without proxy":  {none, withTLS(request(otherAddr, other.rfc9440), client.parsed), ""},
		"no TLS":                          {none, request(otherAddr), "does not use TLS"},
		"no certificate":                  {none, withTLS(request(otherAddr)), "ClientAuth"},
		"a nil certificate":               {none, withTLS(request(otherAddr), nil), "ClientAuth"},
		"early data":                      {none, earlyData(t), "handshake is not complete"},
		"the proxy's own TLS, no header":  {named, withTLS(request(proxyAddr), client.parsed), "sent no header Client-Cert"},
		"the proxy's own TLS, no value":   {named, withTLS(request(proxyAddr, ""), client.parsed), "is empty"},
		"header, no proxy is listed":      {none, request(otherAddr, client.rfc9440), "ignored: no proxy is listed (Config.MTLS.Proxies)"},
		"header of another peer":          {named, request(otherAddr, client.rfc9440), "ignored: the peer of the connection is not listed"},
		"header of a peer without a port": {named, request("10.0.0.7", client.rfc9440), "ignored: RemoteAddr has no port"},
		"header of a peer with port 0":    {named, request("10.0.0.7:0", client.rfc9440), "ignored: RemoteAddr has port 0"},
		"header of a Unix domain socket":  {named, request("@", client.rfc9440), "ignored: RemoteAddr is not an IP address"},
		"header and TLS of another peer":  {named, withTLS(request(otherAddr, client.rfc9440)), "ClientAuth); the header Client-Cert was ignored"},
		"two lines":                       {named, request(proxyAddr, client.rfc9440, client.rfc9440), "several headers Client-Cert"},
		"two lines, the first is empty":   {named, request(proxyAddr, "", client.rfc9440), "several headers"},
		"two lines, the last is empty":    {named, request(proxyAddr, client.rfc9440, ""), "several headers"},
		"too long":                        {named, request(proxyAddr, ":"+strings.Repeat("A", 32<<10)+":"), "longer than 32 KiB"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, test.source, test.r, test.want)
		})
	}
}

// check expects the thumbprint of testdata/client.pem, or a problem that contains want.
func check(t *testing.T, source clientcert.Source, r *http.Request, want string) {
	t.Helper()
	thumbprint, problem := source.Thumbprint(r)
	if want == "" && (thumbprint != clientThumbprint || problem != "") {
		t.Errorf("thumbprint %q, problem %q, want the certificate of the client", thumbprint, problem)
	}
	if want != "" && (thumbprint != "" || !strings.Contains(problem, want)) {
		t.Errorf("thumbprint %q, problem %q, want no thumbprint and the problem %q", thumbprint, problem, want)
	}
	for _, lines := range r.Header {
		for _, line := range lines {
			if len(line) > 8 && strings.Contains(problem, line[:8]) {
				t.Errorf("the problem %q quotes the header", problem)
			}
		}
	}
}

func earlyData(t *testing.T) *http.Request {
	t.Helper()
	r := withTLS(request(otherAddr), load(t, "client").parsed)
	r.TLS = &tls.ConnectionState{PeerCertificates: r.TLS.PeerCertificates}
	return r
}

// TestM3_OtherNamesAreNotRead checks that headers are not read whose names a gateway could convert to Client-Cert. Their
// values would come from the client.
func TestM3_OtherNamesAreNotRead(t *testing.T) {
	t.Parallel()
	client := load(t, "client")
	for _, name := range []string{
		"Client_Cert", "Client_cert", "Client-Cert-Chain", "Clientcert", "X-Client-Cert", "X-Forwarded-Client-Cert",
		"Client-Cert ", " Client-Cert", "Client-Cert:", "client-cert", "CLIENT-CERT",
	} {
		r := request(proxyAddr)
		r.Header[name] = []string{client.rfc9440} // not Set, which would make the name canonical, as net/http does
		check(t, source(clientcert.RFC9440), r, "sent no header Client-Cert")
	}
}

// The trailer of a request is not a header.
func TestM3_TrailersAreNotRead(t *testing.T) {
	t.Parallel()
	r := request(proxyAddr)
	r.Trailer = http.Header{"Client-Cert": {load(t, "client").rfc9440}}
	check(t, source(clientcert.RFC9440), r, "sent no header")
}

func TestIgnored(t *testing.T) {
	t.Parallel()
	client := load(t, "client")
	for name, test := range map[string]struct {
		r    *http.Request
		want bool
	}{
		"no header":              {request(otherAddr), false},
		"header of the proxy":    {request(proxyAddr, client.rfc9440), false},
		"header of another peer": {request(otherAddr, client.rfc9440), true},
		"empty header":           {request(otherAddr, ""), true},
	} {
		if got := source(clientcert.RFC9440).Ignored(test.r); strings.HasPrefix(got, "; the header Client-Cert was ignored") != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func BenchmarkThumbprint(b *testing.B) {
	client := load(b, "client")
	for name, r := range map[string]*http.Request{
		"tls": withTLS(request(otherAddr), client.parsed), "rfc9440": request(proxyAddr, client.rfc9440),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, problem := source(clientcert.RFC9440).Thumbprint(r); problem != "" {
					b.Fatal(problem)
				}
			}
		})
	}
}
