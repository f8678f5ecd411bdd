package clientcert_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/internal/clientcert"
	"github.com/bearerkit/bearerkit/internal/peer"
)

// clientThumbprint is the thumbprint of testdata/client.pem. OpenSSL computed it:
//
//	openssl x509 -in client.pem -outform der | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d =
const clientThumbprint = "6F2ATxvQeSiu4npcNEioAnUI8lIIIPgYsQ9XjD50Qn0"

// The addresses of a listed proxy and of another peer.
const (
	proxyAddr = "10.0.0.7:4711"
	otherAddr = "10.0.0.8:4711"
)

// certificate is a certificate in the forms that proxies send.
type certificate struct {
	parsed                                      *x509.Certificate
	pem, base64, rfc9440, nginx, alb, xfcc, der string
}

func load(t testing.TB, name string) certificate {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".pem")
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	encoded := base64.StdEncoding.EncodeToString(block.Bytes)
	// nginx and Envoy escape everything except unreserved characters; the load balancer keeps "+", "/" and "=".
	escaped := strings.ReplaceAll(url.QueryEscape(string(text)), "+", "%20")
	kept := strings.NewReplacer("\n", "%0A", " ", "%20").Replace(string(text))
	return certificate{
		parsed: parsed, pem: string(text), der: string(block.Bytes), base64: encoded, rfc9440: ":" + encoded + ":",
		nginx: escaped, alb: kept, xfcc: `Hash=00;Cert="` + escaped + `"`,
	}
}

// source returns a Source for the header Client-Cert of 10.0.0.7.
func source(encoding clientcert.Encoding) clientcert.Source {
	return clientcert.Source{
		Proxies: peer.Proxies{netip.MustParsePrefix("10.0.0.7/32")}, Header: "Client-Cert", Encoding: encoding,
	}
}

// request returns a request from remoteAddr with the lines as its headers Client-Cert.
func request(remoteAddr string, lines ...string) *http.Request {
	r := &http.Request{RemoteAddr: remoteAddr, Header: make(http.Header)}
	for _, line := range lines {
		r.Header.Add("Client-Cert", line)
	}
	return r
}

// withTLS adds a TLS connection with the certificates of the client to r.
func withTLS(r *http.Request, certificates ...*x509.Certificate) *http.Request {
	r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: certificates}
	return r
}

func thumbprintOf(der []byte) string {
	sum := sha256.Sum256(der)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
