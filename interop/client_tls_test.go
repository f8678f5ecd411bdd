package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

// authority issues certificates. folder contains its own and that of a server on 127.0.0.1.
type authority struct {
	folder string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	ca := authority{folder: t.TempDir()}
	ca.key = newKey(t, "ES256").(*ecdsa.PrivateKey)
	own := ca.issue(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: "interop"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}, nil, ca.key)
	ca.cert = own.Leaf
	server := ca.certificate(t, &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	key, err := x509.MarshalPKCS8PrivateKey(server.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"ca.pem":     {Type: "CERTIFICATE", Bytes: ca.cert.Raw},
		"server.pem": {Type: "CERTIFICATE", Bytes: server.Leaf.Raw},
		"server.key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(filepath.Join(ca.folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ca
}

// certificate issues a certificate for a new key.
func (ca authority) certificate(t *testing.T, template *x509.Certificate) tls.Certificate {
	t.Helper()
	return ca.issue(t, template, ca.cert, ca.key)
}

// issue signs the template. Without a parent, the certificate is self-signed.
func (ca authority) issue(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) tls.Certificate {
	t.Helper()
	key := signer
	if parent != nil {
		var err error
		if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	} else {
		parent = template
	}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// httpClient returns a client that trusts the authority and presents a certificate.
func (ca authority) httpClient(t *testing.T, own tls.Certificate) *http.Client {
	t.Helper()
	trusted := x509.NewCertPool()
	trusted.AddCert(ca.cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: trusted, MinVersion: tls.VersionTLS12,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &own, nil }, // for every issuer
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (p *provider) tlsFlows() []clientFlow {
	return []clientFlow{
		{"mutual TLS: tls_client_auth, endpoint aliases, bound tokens (RFC 8705)", p.boundByTLS},
		{"mutual TLS: self_signed_tls_client_auth", p.selfSigned},
		{"mutual TLS: bound tokens for a public client", p.boundPublic},
		{"mutual TLS: wrong certificate", func(t *testing.T) {
			other := p.tls.certificate(t, &x509.Certificate{DNSNames: []string{"other.example"}})
			c := p.withTLS(t, "mtls", other)
			_, err := c.ExchangeCode(t.Context(), "a code", client.CodeExchange{RedirectURI: redirectURI})
			refusedBy(t, err, client.ErrInvalidClient)
		}},
	}
}

func (p *provider) withTLS(t *testing.T, id string, cert tls.Certificate) *client.Client {
	t.Helper()
	return p.as(t, id, func(cfg *client.Config) {
		cfg.AuthMethod, cfg.ClientSecret, cfg.HTTPClient = client.AuthTLS, "", p.tls.httpClient(t, cert)
		cfg.UseUserInfo = true
	})
}

func (p *provider) boundByTLS(t *testing.T) {
	cert := p.tls.certificate(t, &x509.Certificate{DNSNames: []string{"mtls.example"}})
	c := p.withTLS(t, "mtls", cert)
	token := signIn(t, c, offline())
	if token.IDClaims.UserInfo() == nil {
		t.Error("no user information")
	}
	next, err := c.Refresh(t.Context(), token.RefreshToken)
	must(t, next, err)
	p.wantBound(t, c, next, cert)

	other := p.withTLS(t, "mtls", p.tls.certificate(t, &x509.Certificate{DNSNames: []string{"mtls.example"}}))
	_, err = other.UserInfo(t.Context(), next.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
	succeed(t, c.Revoke(t.Context(), next.AccessToken, "access_token"))
	_, err = c.UserInfo(t.Context(), next.AccessToken, "alice")
	refusedBy(t, err, client.ErrInvalidToken)
}

// wantBound checks that the server has bound the token to the certificate (RFC 8705 section 3.2).
func (p *provider) wantBound(t *testing.T, c *client.Client, token *client.Token, cert tls.Certificate) {
	t.Helper()
	known, err := c.Introspect(t.Context(), token.AccessToken, "")
	succeed(t, err)
	var claims struct {
		Cnf map[string]string `json:"cnf"`
	}
	thumbprint := sha256.Sum256(cert.Leaf.Raw)
	if err := known.Decode(&claims); err != nil || claims.Cnf["x5t#S256"] != base64.RawURLEncoding.EncodeToString(thumbprint[:]) {
		t.Error(claims, err)
	}
}

func (p *provider) selfSigned(t *testing.T) {
	key := newKey(t, "ES256").(*ecdsa.PrivateKey)
	cert := authority{}.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "self"}}, nil, key)
	jwk := bearertest.JWK("own", "ES256", key.Public())
	jwk["x5c"] = []string{base64.StdEncoding.EncodeToString(cert.Leaf.Raw)}
	m := machine(client.AuthSelfSignedTLS, "")
	delete(m.Extra, "token_endpoint_auth_signing_alg")
	m.JWKS = keySet(t, jwk)
	cfg := p.register(t, m, nil)
	cfg.HTTPClient = p.tls.httpClient(t, cert)
	p.machine(t, cfg)

	cfg.HTTPClient, cfg.Scopes = p.tls.httpClient(t, tls.Certificate{}), nil
	_, err := newClient(t, cfg).ClientCredentials(t.Context())
	refusedBy(t, err, client.ErrInvalidClient)
}

func (p *provider) boundPublic(t *testing.T) {
	cert := authority{}.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "anybody"}}, nil, newKey(t, "ES256").(*ecdsa.PrivateKey))
	cfg := p.register(t, client.ClientMetadata{
		RedirectURIs: []string{redirectURI}, TokenEndpointAuthMethod: client.AuthNone, ApplicationType: "native",
		GrantTypes: []string{"authorization_code", "refresh_token"},
		Extra:      map[string]any{"tls_client_certificate_bound_access_tokens": true},
	}, nil)
	cfg.MutualTLS, cfg.HTTPClient, cfg.UseUserInfo = true, p.tls.httpClient(t, cert), true
	c := newClient(t, cfg)
	p.wantBound(t, c, signIn(t, c, client.AuthorizationOptions{}), cert)
}
