package adaptertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/netip"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// certificates returns rows about tokens that are bound to a certificate, which a proxy sends (RFC 8705, RFC 9440).
func certificates() []row {
	der, header := newCertificate()
	local := &middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	guarded := set(func(_ *consumer.Config, g *middleware.Config) { g.MTLS = local })
	stranger := set(func(_ *consumer.Config, g *middleware.Config) {
		g.MTLS = &middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/32")}}
	})
	both := set(func(c *consumer.Config, g *middleware.Config) {
		keyed(nil)(c, g)
		g.MTLS = local
	})
	shown := func(bound []byte, lines ...string) func(*bearertest.Issuer) http.Header {
		return func(i *bearertest.Issuer) http.Header {
			token := reader(i).BoundToCertificate(bound).Sign()
			return http.Header{"Authorization": {"Bearer " + token}, "Client-Cert": lines}
		}
	}
	proof := func(lines ...string) func(*bearertest.Issuer) http.Header {
		return func(i *bearertest.Issuer) http.Header {
			key := bearertest.NewProofKey("ES256")
			token := reader(i).BoundTo(key).BoundToCertificate(der).Sign()
			return http.Header{
				"Authorization": {"DPoP " + token}, "Client-Cert": lines,
				"Dpop": {key.Proof(http.MethodPost, orderURL, token).Sign()},
			}
		}
	}
	binding := refused(http.StatusUnauthorized, consumer.ReasonBinding, invalidToken)
	return []row{
		{name: "M1 certificate of the token", header: shown(der, header), guards: guarded, want: passed()},
		{name: "M1 another certificate", header: shown([]byte("other"), header), guards: guarded, want: binding},
		{name: "M2 no certificate", header: shown(der), guards: guarded, want: binding},
		{name: "M3 two certificates", header: shown(der, header, header), guards: guarded, want: binding},
		{name: "M3 certificate from a peer that is not listed", header: shown(der, header), guards: stranger, want: binding},
		{name: "M3 certificate without Config.MTLS", header: shown(der, header), want: binding},
		{name: "M4 key and certificate", header: proof(header), guards: both, want: passed()},
		{
			name: "M4 key without the certificate", header: proof(), guards: both,
			want: refused(http.StatusUnauthorized, consumer.ReasonBinding, dpopBare+`, error="invalid_token"; `+bare),
		},
	}
}

// newCertificate returns a certificate and its form in a Client-Cert header. It ignores errors: a row with an empty
// certificate fails.
func newCertificate() (der []byte, header string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, ""
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	der, _ = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return der, ":" + base64.StdEncoding.EncodeToString(der) + ":"
}
