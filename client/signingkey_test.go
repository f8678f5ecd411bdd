package client_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/fips140"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

// certified returns a certificate for key, signed by the key of issuer. Without an issuer, it is self-signed.
func certified(t *testing.T, name string, key crypto.Signer, issuer *x509.Certificate, by crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	if issuer == nil {
		issuer, by = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, issuer, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

// rsaKey returns the same key each time, because making one takes long.
var rsaKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// keyFor returns a key for an algorithm. All RSA keys are the same.
func keyFor(t *testing.T, alg string) crypto.Signer {
	t.Helper()
	var key crypto.Signer
	var err error
	switch alg {
	case "RS256", "PS256":
		key, err = rsaKey()
	case "EdDSA":
		_, key, err = ed25519.GenerateKey(rand.Reader)
	default:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// thumbprints returns the header parameters of a certificate.
func thumbprints(certificate *x509.Certificate) map[string]any {
	strong := sha256.Sum256(certificate.Raw)
	header := map[string]any{"x5t#S256": base64.RawURLEncoding.EncodeToString(strong[:])}
	if !fips140.Enforced() {
		weak := sha1.Sum(certificate.Raw)
		header["x5t"] = base64.RawURLEncoding.EncodeToString(weak[:])
	}
	return header
}

// verifySignature checks the signature of a JWT with the kit's own verifier.
func verifySignature(t *testing.T, raw, issuer, audience, alg string, public crypto.PublicKey) {
	t.Helper()
	c, err := consumer.New(consumer.Config{
		Issuer: issuer, Audience: []string{audience}, Algorithms: []string{alg}, Keys: jwks.Static{{Algorithm: alg, Public: public}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Verify(t.Context(), raw); err != nil {
		t.Error(err)
	}
}

// The thumbprints of the certificate are in client assertions and in request objects.
func TestCaseC2_CertificateHeaders(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"PS256", "RS256", "ES256", "EdDSA"} {
		for _, id := range []string{"", "key-1"} {
			t.Run(alg+" "+id, func(t *testing.T) {
				t.Parallel()
				private := keyFor(t, alg)
				key := &client.SigningKey{
					Private: private, Algorithm: alg, ID: id, Certificate: certified(t, "app", private, nil, nil),
				}
				p := newProvider()
				c := p.client(t, func(cfg *client.Config) {
					cfg.AuthMethod, cfg.ClientSecret, cfg.Key, cfg.AssertionAudience = "", "", key, client.AudienceEndpoint
				})
				if _, err := c.ClientCredentials(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := thumbprints(key.Certificate)
				want["alg"], want["typ"] = alg, "JWT"
				if id != "" {
					want["kid"] = id
				}
				assertion := p.lastForm().Get("client_assertion")
				header, _ := parts(t, assertion)
				if diff := cmp.Diff(want, header); diff != "" {
					t.Error(diff)
				}
				if id == "" { // an unnamed key of a static set verifies only tokens without a kid
					verifySignature(t, assertion, "app", issuerURL+"/token", alg, private.Public())
				}
				header, _ = parts(t, queryOf(t, begin(t, c, client.AuthorizationOptions{Sign: true}).URL).Get("request"))
				want["typ"] = "oauth-authz-req+jwt"
				if diff := cmp.Diff(want, header); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

// Without a certificate, the headers are as before.
func TestCaseC2_NoCertificate(t *testing.T) {
	t.Parallel()
	s := says(200, good)
	c := newClient(t, s, func(cfg *client.Config) { cfg.AuthMethod, cfg.ClientSecret, cfg.Key = "", "", newKey(t) })
	if _, err := c.ClientCredentials(t.Context()); err != nil {
		t.Fatal(err)
	}
	header, _ := parts(t, s.lastForm().Get("client_assertion"))
	if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": "key-1"}, header); diff != "" {
		t.Error(diff)
	}
}

// The chain is sent in the order and the encoding of RFC 7515, Section 4.1.6.
func TestCaseC2_Chain(t *testing.T) {
	t.Parallel()
	root, private := keyFor(t, "ES256"), keyFor(t, "PS256")
	authority := certified(t, "authority", root, nil, nil)
	leaf := certified(t, "app", private, authority, root)
	for name, chain := range map[string][]*x509.Certificate{"one": {leaf}, "two": {leaf, authority}} {
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.AuthMethod, cfg.ClientSecret = "", ""
			cfg.Key = &client.SigningKey{Private: private, Algorithm: "PS256", Certificate: leaf, Chain: chain}
		})
		if _, err := c.ClientCredentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		header, _ := parts(t, s.lastForm().Get("client_assertion"))
		var want []any
		for _, one := range chain {
			want = append(want, base64.StdEncoding.EncodeToString(one.Raw))
		}
		if diff := cmp.Diff(want, header["x5c"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// New reports a certificate that is not the one of the key.
func TestCaseC2_CertificateFaults(t *testing.T) {
	t.Parallel()
	private, ecdsaKey := keyFor(t, "RS256"), keyFor(t, "ES256")
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	own := certified(t, "app", private, nil, nil)
	authority := certified(t, "authority", other, nil, nil)
	signed := certified(t, "app", private, authority, other)
	for name, test := range map[string]struct {
		key  client.SigningKey
		want string // empty: no fault
	}{
		"own":              {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: own}, ""},
		"signed":           {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: signed, Chain: []*x509.Certificate{signed, authority}}, ""},
		"of another":       {client.SigningKey{Private: other, Algorithm: "PS256", Certificate: own}, "certificate does not match the private key"},
		"of another type":  {client.SigningKey{Private: ecdsaKey, Algorithm: "ES256", Certificate: own}, "certificate does not match the private key"},
		"made by hand":     {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: &x509.Certificate{PublicKey: private.Public()}}, "certificate does not match the private key"},
		"only a chain":     {client.SigningKey{Private: private, Algorithm: "PS256", Chain: []*x509.Certificate{own}}, "a chain requires a certificate"},
		"another chain":    {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: own, Chain: []*x509.Certificate{authority}}, "element 0 of SigningKey.Chain"},
		"a gap":            {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: own, Chain: []*x509.Certificate{own, nil}}, "element 1 of SigningKey.Chain"},
		"in another order": {client.SigningKey{Private: private, Algorithm: "PS256", Certificate: signed, Chain: []*x509.Certificate{signed, signed}}, "element 1 of SigningKey.Chain"},
		"no key":           {client.SigningKey{Algorithm: "PS256", Certificate: own}, "does not match"},
	} {
		_, err := client.New(client.Config{Issuer: issuerURL, ClientID: "app", Key: &test.key})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), "Config.Key: ") || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
	_, err = client.New(client.Config{
		Issuer: issuerURL, ClientID: "app", DPoP: &client.SigningKey{Private: private, Algorithm: "PS256", Certificate: own},
	})
	if err == nil || !strings.Contains(err.Error(), "Config.DPoP.Certificate must be nil") {
		t.Errorf("a certificate of a DPoP key: %v", err)
	}
	if text := fmt.Sprintf("%+v %#v", client.SigningKey{Private: private, Algorithm: "PS256", Certificate: own}, &client.SigningKey{Certificate: own}); strings.Contains(text, "app") {
		t.Errorf("a printed key: %s", text)
	}
}

// A secret in the form that Apple requires: a JWT that is signed with ES256, in the body.
func TestCaseC3_SignedSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key := client.SigningKey{Private: keyFor(t, "ES256"), Algorithm: "ES256", ID: "ABC123DEFG"}
		claims := map[string]any{"iss": "DEF123GHIJ", "sub": "com.example.web", "aud": "https://appleid.apple.com"}
		source, err := client.SignedSecret(key, claims)
		if err != nil {
			t.Fatal(err)
		}
		claims["iss"] = "changed" // SignedSecret has a copy
		s := says(200, good)
		c := newClient(t, s, func(cfg *client.Config) {
			cfg.ClientID, cfg.AuthMethod, cfg.ClientSecret, cfg.SecretSource = "com.example.web", "", "", source
			cfg.Metadata.TokenEndpointAuthMethodsSupported = []string{"client_secret_post"}
		})
		for range 2 {
			if _, err := c.ClientCredentials(t.Context()); err != nil {
				t.Fatal(err)
			}
			form, now := s.lastForm(), float64(time.Now().Unix())
			header, got := parts(t, form.Get("client_secret"))
			want := map[string]any{
				"iss": "DEF123GHIJ", "sub": "com.example.web", "aud": "https://appleid.apple.com", "iat": now, "exp": now + 300,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]any{"alg": "ES256", "kid": "ABC123DEFG"}, header); diff != "" {
				t.Error(diff)
			}
			if form.Get("client_id") != "com.example.web" || form.Has("client_assertion") {
				t.Errorf("sent %v", form)
			}
			time.Sleep(time.Hour) // a secret that was made at the start has expired
		}
	})
}

func TestCaseC3_SignedSecretFaults(t *testing.T) {
	t.Parallel()
	key := *newKey(t)
	for name, test := range map[string]struct {
		key    client.SigningKey
		claims map[string]any
		want   string
	}{
		"no key":      {client.SigningKey{Algorithm: "ES256"}, nil, "does not match"},
		"a secret":    {client.SigningKey{Private: []byte(longSecret), Algorithm: "HS256"}, nil, "a secret is not allowed"},
		"exp":         {key, map[string]any{"exp": 1}, "exp"},
		"iat":         {key, map[string]any{"iat": 1}, "iat"},
		"not JSON":    {key, map[string]any{"f": func() {}}, "claims"},
		"certificate": {client.SigningKey{Private: key.Private, Algorithm: "ES256", Certificate: &x509.Certificate{}}, nil, "certificate"},
	} {
		if source, err := client.SignedSecret(test.key, test.claims); source != nil || err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
	source, err := client.SignedSecret(key, map[string]any{"iss": "\xff"})
	if err != nil {
		t.Fatal(err)
	}
	if secret, err := source(context.Background()); secret != "" || err == nil {
		t.Errorf("a claim that is not UTF-8: error %v", err)
	}
}

// The id can be in the body beside the header. The secret is in one place.
func TestCaseC4_ClientIDInBody(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*client.Config)
		want   string
		body   bool
	}{
		"off":                {nil, "basic", false},
		"on":                 {func(cfg *client.Config) { cfg.ClientIDInBody = true }, "basic", true},
		"on, raw":            {func(cfg *client.Config) { cfg.ClientIDInBody, cfg.BasicEncoding = true, client.BasicRaw }, "basic", true},
		"on, chosen":         {func(cfg *client.Config) { cfg.ClientIDInBody, cfg.AuthMethod = true, "" }, "basic", true},
		"on, another method": {func(cfg *client.Config) { cfg.ClientIDInBody, cfg.AuthMethod = true, client.AuthPost }, "post", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := says(200, `{"active":false}`)
			c := newClient(t, s, func(cfg *client.Config) {
				cfg.Metadata, cfg.Scopes = allEndpoints(), []string{"openid"}
				if test.change != nil {
					test.change(cfg)
				}
			})
			for path, call := range authenticated(t, c) {
				_ = call()
				form := s.lastForm()
				if s.sentBy() != test.want || form.Has("client_id") != test.body || form.Has("client_secret") != (test.want == "post") {
					t.Errorf("%s: sent by %q with %v", path, s.sentBy(), form)
				}
				if ids := form["client_id"]; len(ids) > 1 || test.body && ids[0] != "app" {
					t.Errorf("%s: client_id %v", path, ids)
				}
			}
		})
	}
}

// The pushed request has the client_id among its own parameters; it is sent once.
func TestCaseC4_PushedRequest(t *testing.T) {
	t.Parallel()
	s := says(201, `{"request_uri":"urn:x:1","expires_in":60}`)
	c := newClient(t, s, func(cfg *client.Config) { cfg.Metadata, cfg.ClientIDInBody = allEndpoints(), true })
	if _, _, err := c.PushAuthorization(t.Context(), url.Values{"client_id": {"app"}, "scope": {"a"}}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(url.Values{"client_id": {"app"}, "scope": {"a"}}, s.lastForm()); diff != "" {
		t.Error(diff)
	}
}
