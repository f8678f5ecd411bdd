package middleware_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/internal/testkit/logscan"
	"github.com/bearerkit/bearerkit/middleware"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// Details of the log.
const (
	noCertificate    = "the TLS client sent no certificate; the server must request one (tls.Config.ClientAuth)"
	otherCertificate = "x5t#S256 in cnf is not the thumbprint of the client certificate of the request"
)

// TestM1_CertificateOfTheConnection sends bound and unbound tokens over mutual TLS, with HTTP/1.1 and HTTP/2.
func TestM1_CertificateOfTheConnection(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own, other, selfSigned := newCertificate(t, ca, "own"), newCertificate(t, ca, "other"), newCertificate(t, nil, "self-signed")
	sum := sha256.Sum256(own.Certificate[0])
	rows := map[string]struct {
		client []tls.Certificate
		token  string
		want   string // in the detail; "": accepted
	}{
		"own certificate":             {[]tls.Certificate{own}, boundTo(issuer, thumbprint(own)), ""},
		"self-signed":                 {[]tls.Certificate{selfSigned}, boundTo(issuer, thumbprint(selfSigned)), ""},
		"unbound token, certificate":  {[]tls.Certificate{own}, issuer.AccessToken().Sign(), ""},
		"unbound token":               {nil, issuer.AccessToken().Sign(), ""},
		"with its chain":              {[]tls.Certificate{own, {Certificate: [][]byte{ca.cert.Raw}}}, boundTo(issuer, thumbprint(own)), ""},
		"another certificate":         {[]tls.Certificate{other}, boundTo(issuer, thumbprint(own)), otherCertificate},
		"no certificate":              {nil, boundTo(issuer, thumbprint(own)), noCertificate},
		"second in the chain":         {[]tls.Certificate{own, other}, boundTo(issuer, thumbprint(other)), otherCertificate},
		"the issuer's thumbprint":     {[]tls.Certificate{own}, boundTo(issuer, thumbprint(tls.Certificate{Certificate: [][]byte{ca.cert.Raw}})), otherCertificate},
		"with padding":                {[]tls.Certificate{own}, boundTo(issuer, thumbprint(own)+"="), otherCertificate},
		"with a line end":             {[]tls.Certificate{own}, boundTo(issuer, thumbprint(own)+"\n"), otherCertificate},
		"other case":                  {[]tls.Certificate{own}, boundTo(issuer, strings.ToLower(thumbprint(own))), otherCertificate},
		"cut":                         {[]tls.Certificate{own}, boundTo(issuer, thumbprint(own)[:42]), otherCertificate},
		"as short as SHA-1":           {[]tls.Certificate{own}, boundTo(issuer, base64.RawURLEncoding.EncodeToString(sum[:20])), otherCertificate},
		"standard base64":             {[]tls.Certificate{own}, boundTo(issuer, base64.StdEncoding.EncodeToString(sum[:])), otherCertificate},
		"hexadecimal":                 {[]tls.Certificate{own}, boundTo(issuer, hex.EncodeToString(sum[:])), otherCertificate},
		"empty":                       {[]tls.Certificate{own}, boundTo(issuer, ""), "cnf"},
		"a list":                      {[]tls.Certificate{own}, boundTo(issuer, []string{thumbprint(own)}), "cnf"},
		"a member that is not known":  {[]tls.Certificate{own}, issuer.AccessToken().Set("cnf", map[string]any{"x5t#S256": thumbprint(own), "x5u": "a"}).Sign(), "cnf"},
		"another member with its own": {[]tls.Certificate{own}, issuer.AccessToken().Set("cnf", map[string]any{"x5t": thumbprint(own)}).Sign(), "cnf"},
	}
	for version, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{}})
		api.startTLS(t, ca, tls.RequestClientCert, http2)
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			for name, row := range rows {
				t.Run(name, func(t *testing.T) {
					response := getBound(t, mtlsClient(t, ca, row.client...), api.URL, row.token)
					if response.proto != version {
						t.Errorf("%s, want %s", response.proto, version)
					}
					api.wantResult(t, response, row.want)
				})
			}
		})
	}
}

// TestM1_ClientAuth checks what the settings of the TLS server mean for bound tokens.
func TestM1_ClientAuth(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own, selfSigned := newCertificate(t, ca, "own"), newCertificate(t, nil, "self-signed")
	expired := newCertificate(t, ca, "expired", func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) })
	const handshake = "the handshake fails"
	for name, test := range map[string]struct {
		auth                   tls.ClientAuthType
		own, selfSigned, empty string // the detail in the log; selfSigned is also that of an expired certificate
	}{
		"none":     {tls.NoClientCert, noCertificate, noCertificate, noCertificate},
		"request":  {tls.RequestClientCert, "", "", noCertificate},
		"any":      {tls.RequireAnyClientCert, "", "", handshake},
		"if given": {tls.VerifyClientCertIfGiven, "", handshake, noCertificate},
		"verify":   {tls.RequireAndVerifyClientCert, "", handshake, handshake},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{}})
			api.startTLS(t, ca, test.auth, true)
			for _, row := range []struct {
				client *http.Client
				cert   tls.Certificate
				want   string
			}{
				{mtlsClient(t, ca, own), own, test.own},
				{mtlsClient(t, ca, selfSigned), selfSigned, test.selfSigned},
				{mtlsClient(t, ca, expired), expired, test.selfSigned},
				{mtlsClient(t, ca), own, test.empty},
			} {
				if row.want != handshake {
					api.wantResult(t, getBound(t, row.client, api.URL, boundTo(issuer, thumbprint(row.cert))), row.want)
				} else if response, err := row.client.Get(api.URL); err == nil { //nolint:noctx // it must fail
					_ = response.Body.Close()
					t.Error("the handshake succeeds")
				}
			}
		})
	}
}

// TestM1_ResumedSession checks that a handshake that resumes a session has the certificate of the first handshake.
func TestM1_ResumedSession(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own := newCertificate(t, ca, "own")
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), MTLS: &middleware.MTLSConfig{}})
			api.startTLS(t, ca, tls.RequireAnyClientCert, false)
			client := mtlsClient(t, ca, own)
			transport := client.Transport.(*http.Transport)
			transport.DisableKeepAlives = true
			transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			transport.TLSClientConfig.MaxVersion = version
			for _, resumed := range []bool{false, true} {
				response := getBound(t, client, api.URL, boundTo(issuer, thumbprint(own)))
				if response.tls.Version != version || response.tls.DidResume != resumed {
					t.Errorf("%s, resumed: %t", tls.VersionName(response.tls.Version), response.tls.DidResume)
				}
				api.wantResult(t, response, "")
				api.wantResult(t, getBound(t, client, api.URL, boundTo(issuer, thumbprint(newCertificate(t, ca, "other")))), otherCertificate)
			}
		})
	}
}

// TestM1_WithoutMTLS checks that a bound token is rejected if the Guard does not check certificates.
func TestM1_WithoutMTLS(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own := newCertificate(t, ca, "own")
	api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer)})
	api.startTLS(t, ca, tls.RequireAnyClientCert, true)
	client := mtlsClient(t, ca, own)
	api.wantResult(t, getBound(t, client, api.URL, boundTo(issuer, thumbprint(own))), "Config.MTLS")
	api.wantResult(t, getBound(t, client, api.URL, issuer.AccessToken().Sign()), "")
}

// TestM2_OpaqueToken checks the binding of a token that is not a JWT. Its cnf is in the introspection response, or a custom
// Verifier returns it.
func TestM2_OpaqueToken(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	own, other := newCertificate(t, ca, "own"), newCertificate(t, ca, "other")
	for name, verifier := range map[string]consumer.Verifier{
		"introspection": newIntrospection(t, thumbprint(own)),
		"custom": verifierFunc(func(context.Context, string) (*consumer.Token, error) {
			return consumer.NewToken("https://issuer.test", json.RawMessage(`{"cnf":{"x5t#S256":"`+thumbprint(own)+`"}}`))
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{Verifier: verifier, MTLS: &middleware.MTLSConfig{}})
			api.startTLS(t, ca, tls.RequestClientCert, true)
			for range 2 { // the second time, the token is cached
				api.wantResult(t, getBound(t, mtlsClient(t, ca, own), api.URL, "opaque"), "")
				api.wantResult(t, getBound(t, mtlsClient(t, ca, other), api.URL, "opaque"), otherCertificate)
				api.wantResult(t, getBound(t, mtlsClient(t, ca), api.URL, "opaque"), noCertificate)
			}
		})
	}
}

// newIntrospection returns a Verifier whose authorization server says that every token is bound to the certificate.
func newIntrospection(t *testing.T, thumbprint string) consumer.Verifier {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{
			"active": true, "aud": audience, "sub": "alice", "exp": time.Now().Add(time.Hour).Unix(), "cnf": map[string]any{"x5t#S256": thumbprint},
		})
	}))
	t.Cleanup(server.Close)
	c, err := client.New(client.Config{
		Issuer: server.URL, ClientID: "api", ClientSecret: "secret of the api",
		Metadata: &oidcdiscovery.Metadata{Issuer: server.URL, IntrospectionEndpoint: server.URL + "/introspect"},
	})
	if err != nil {
		t.Fatal(err)
	}
	v, err := introspection.New(introspection.Config{Client: c, Audience: []string{audience}})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMTLSConfigFaults(t *testing.T) {
	t.Parallel()
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.7/32")}
	for name, test := range map[string]struct {
		cfg  middleware.MTLSConfig
		want []string // nil: no error
	}{
		"zero":                     {middleware.MTLSConfig{}, nil},
		"a proxy":                  {middleware.MTLSConfig{Proxies: proxy}, nil},
		"all fields":               {middleware.MTLSConfig{Proxies: proxy, Header: "x-ssl-cert", Encoding: middleware.CertificateURLPEM}, nil},
		"an empty list":            {middleware.MTLSConfig{Proxies: []netip.Prefix{}}, []string{"Config.MTLS.Proxies is empty"}},
		"header without a proxy":   {middleware.MTLSConfig{Header: "Client-Cert"}, []string{"Config.MTLS.Header or Encoding is set"}},
		"encoding without a proxy": {middleware.MTLSConfig{Encoding: middleware.CertificateXFCC}, []string{"Config.MTLS.Header or Encoding is set"}},
		"not a header name":        {middleware.MTLSConfig{Proxies: proxy, Header: "a b"}, []string{`Config.MTLS.Header is "a b"`}},
		"Authorization":            {middleware.MTLSConfig{Proxies: proxy, Header: "authorization"}, []string{`Config.MTLS.Header is "authorization"`}},
		"Host":                     {middleware.MTLSConfig{Proxies: proxy, Header: "host"}, []string{`Config.MTLS.Header is "host"`}},
		"unknown encoding":         {middleware.MTLSConfig{Proxies: proxy, Encoding: 4}, []string{"Config.MTLS.Encoding is 4"}},
		"negative encoding":        {middleware.MTLSConfig{Proxies: proxy, Encoding: -1}, []string{"Config.MTLS.Encoding is -1"}},
		"every address": {
			middleware.MTLSConfig{Proxies: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0"), {}}, Header: ":"},
			[]string{"Config.MTLS.Proxies[0] is 0.0.0.0/0", "Config.MTLS.Proxies[1] is ::/0", "Config.MTLS.Proxies[2] is not a valid prefix", "Config.MTLS.Header"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := middleware.New(middleware.Config{Verifier: acceptAll, MTLS: &test.cfg})
			if (err == nil) != (test.want == nil) {
				t.Fatalf("error %v, want %q", err, test.want)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), "middleware: "+want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
		})
	}
}

// TestM1_M4_BothBindings checks a token that is bound to a key and to a certificate: the sender needs both.
func TestM1_M4_BothBindings(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: audience})
	ca := newAuthority(t)
	own, other := newCertificate(t, ca, "own"), newCertificate(t, ca, "other")
	key, otherKey := bearertest.NewProofKey("ES256"), bearertest.NewProofKey("ES256")
	token := issuer.AccessToken().BoundTo(key).BoundToCertificate(own.Leaf.Raw).Sign()
	logscan.Token(token)
	dpop, mtls := &middleware.DPoPConfig{URL: "https://api.test"}, &middleware.MTLSConfig{}
	for name, test := range map[string]struct {
		dpop   *middleware.DPoPConfig
		mtls   *middleware.MTLSConfig
		client *http.Client
		key    *bearertest.ProofKey // nil: the scheme Bearer
		want   int
	}{
		"both":                         {dpop, mtls, mtlsClient(t, ca, own), key, http.StatusOK},
		"another certificate":          {dpop, mtls, mtlsClient(t, ca, other), key, http.StatusUnauthorized},
		"no certificate":               {dpop, mtls, mtlsClient(t, ca), key, http.StatusUnauthorized},
		"another key":                  {dpop, mtls, mtlsClient(t, ca, own), otherKey, http.StatusUnauthorized},
		"no proof":                     {dpop, mtls, mtlsClient(t, ca, own), nil, http.StatusUnauthorized},
		"certificates are not checked": {dpop, nil, mtlsClient(t, ca, own), key, http.StatusUnauthorized},
		"proofs are not checked":       {nil, mtls, mtlsClient(t, ca, own), nil, http.StatusUnauthorized},
		"proofs are ignored":           {nil, mtls, mtlsClient(t, ca, own), key, http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newMTLSAPI(t, middleware.Config{Verifier: newConsumer(t, issuer), DPoP: test.dpop, MTLS: test.mtls})
			api.startTLS(t, ca, tls.RequestClientCert, true)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, api.URL+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+token)
			if test.key != nil {
				r.Header.Set("Authorization", "DPoP "+token)
				r.Header.Set("DPoP", test.key.Proof(http.MethodGet, "https://api.test/", token).Sign())
			}
			response := roundTrip(t, test.client, r)
			if refusal := api.take(); response.status != test.want {
				t.Errorf("status %d, want %d: %s", response.status, test.want, refusal.Detail)
			}
		})
	}
}
