package interop_test

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"net/http"
	"net/netip"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// serverTLS returns the configuration of an API on 127.0.0.1 that requests a client certificate and accepts any.
func (ca authority) serverTLS(t *testing.T) *tls.Config {
	t.Helper()
	own, err := tls.LoadX509KeyPair(ca.folder+"/server.pem", ca.folder+"/server.key")
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS13}
}

// guardedTLS starts an API with TLS for https://rs256.example.
func (s *sender) guardedTLS(t *testing.T, f framework, mtls *middleware.MTLSConfig) *api {
	t.Helper()
	verifier := s.newConsumer(t, audience(apiRS256))
	return f.serveWith(t, s.tls.serverTLS(t), func(string) middleware.Config {
		return middleware.Config{Verifier: verifier, MTLS: mtls}
	})
}

// certificates sends tokens that oidc-provider has bound to a certificate.
func (s *sender) certificates() []guardFlow {
	return []guardFlow{
		{"M1", "mutual TLS: bound token (RFC 8705), by package client", s.certificateBound},
		{"M2", "mutual TLS, rejected: token of another certificate, without one, and as DPoP", s.stolenCertificateBound},
		{"M3", "mutual TLS: certificate in Client-Cert (RFC 9440), from a named proxy and from others", s.forwardedCertificate},
		{"M4", "mutual TLS, rejected: bound token where MTLS is not set", func(t *testing.T) {
			cert := s.selfSigned(t)
			token := s.boundByHeader(t, cert)
			for _, f := range frameworks {
				api := s.guardedTLS(t, f, nil)
				got := api.send(t, s.tls.httpClient(t, cert), api.request(t, "Bearer", token))
				if want := invalidToken(consumer.ReasonBinding); got != want {
					t.Errorf("%s: %s, want %s", f.name, got, want)
				}
			}
		}},
	}
}

func (s *sender) selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	return authority{}.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "self"}}, nil, newKey(t, "ES256").(*ecdsa.PrivateKey))
}

// forwarded returns the certificate as a reverse proxy sends it (RFC 9440 section 2.1).
func forwarded(cert tls.Certificate) http.Header {
	return http.Header{"Client-Cert": {":" + base64.StdEncoding.EncodeToString(cert.Leaf.Raw) + ":"}}
}

// boundByHeader requests a token that is bound to the certificate. The server receives the certificate in Client-Cert.
func (s *sender) boundByHeader(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	g, err := s.ask(t.Context(), "bound", clientCredentials(apiRS256, "api:read"), forwarded(cert))
	if err != nil {
		t.Fatal(err)
	}
	return g.AccessToken
}

// certificateBound gets tokens with mutual TLS and sends them with the same certificate.
func (s *sender) certificateBound(t *testing.T) {
	cert := s.tls.certificate(t, &x509.Certificate{DNSNames: []string{"mtls.example"}})
	for _, f := range frameworks {
		api := s.guardedTLS(t, f, new(middleware.MTLSConfig))
		c := s.as(t, "mtls", func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret, cfg.HTTPClient = client.AuthTLS, "", s.tls.httpClient(t, cert)
			cfg.Resource, cfg.Scopes = []string{apiRS256}, []string{"api:read"}
		})
		own, err := c.HTTPClient(api.server.URL)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			got := api.send(t, own, newRequest(t, http.MethodGet, api.server.URL+"/orders", ""))
			if got != passed("mtls") {
				t.Errorf("%s: %s", f.name, got)
			}
		}
	}
}

func (s *sender) stolenCertificateBound(t *testing.T) {
	cert := s.selfSigned(t)
	token := s.boundByHeader(t, cert)
	key := s.node.newKey(t, "ES256")
	for _, f := range frameworks {
		api := s.guardedTLS(t, f, new(middleware.MTLSConfig))
		owner, thief, anonymous := s.tls.httpClient(t, cert), s.tls.httpClient(t, s.selfSigned(t)), s.tls.httpClient(t, tls.Certificate{})
		proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, "")
		forged := api.request(t, "Bearer", token)
		forged.Header["Client-Cert"] = forwarded(cert)["Client-Cert"]
		for name, row := range map[string]struct {
			client *http.Client
			req    *http.Request
			want   answer
		}{
			"owner":                     {owner, api.request(t, "Bearer", token), passed("bound")},
			"another certificate":       {thief, api.request(t, "Bearer", token), invalidToken(consumer.ReasonBinding)},
			"no certificate":            {anonymous, api.request(t, "Bearer", token), invalidToken(consumer.ReasonBinding)},
			"certificate in a header":   {anonymous, forged, invalidToken(consumer.ReasonBinding)},
			"DPoP, where it is not set": {owner, api.request(t, "DPoP", token, proof), noToken()},
			"unbound token, no certificate": {
				anonymous, api.request(t, "Bearer", s.machineToken(t, "cc", apiRS256, "api:read")), passed("cc"),
			},
		} {
			if got := api.send(t, row.client, row.req); got != row.want {
				t.Errorf("%s, %s: %s, want %s", f.name, name, got, row.want)
			}
		}
	}
}

// forwardedCertificate sends certificates in a header, from an address that is a named proxy and from one that is not.
func (s *sender) forwardedCertificate(t *testing.T) {
	cert, other := s.selfSigned(t), s.selfSigned(t)
	token := s.boundByHeader(t, cert)
	for _, f := range frameworks {
		for name, row := range map[string]struct {
			proxy string
			cert  tls.Certificate
			want  answer
		}{
			"named proxy":                      {"127.0.0.1/32", cert, passed("bound")},
			"named proxy, another certificate": {"127.0.0.1/32", other, invalidToken(consumer.ReasonBinding)},
			"another peer":                     {"127.0.0.2/32", cert, invalidToken(consumer.ReasonBinding)},
		} {
			api := s.guarded(t, f, func(cfg *middleware.Config) {
				cfg.MTLS = &middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix(row.proxy)}}
			})
			req := api.request(t, "Bearer", token)
			req.Header["Client-Cert"] = forwarded(row.cert)["Client-Cert"]
			if got := api.send(t, api.server.Client(), req); got != row.want {
				t.Errorf("%s, %s: %s, want %s", f.name, name, got, row.want)
			}
		}
	}
}
