package dpop_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/internal/dpop"
)

// FuzzProof compares the package with a slow reading by encoding/json and net/url. A proof that is accepted must have, by
// that reading too, all that RFC 9449 section 4.3 requires. Each of its bytes matters: no other text is accepted under
// the same signature. If raw is empty, the header and the claims are signed, so that inputs get past the signature.
func FuzzProof(f *testing.F) {
	for _, alg := range []string{"ES256", "ES384", "RS256", "PS256", "EdDSA"} {
		f.Add(newDraft(alg).sign(), "", "")
	}
	for _, d := range []*draft{
		newDraft("ES256"),
		newDraft("ES256").claim("nonce", "n").claim("htu", "HTTPS://API.example.com:443/%6frders/./7?a#b"),
		newDraft("ES256").head("typ", "application/DPoP+jwt").member("kid", nil),
		newDraft("ES256").claim("iat", 1e300),
		newDraft("ES256").member("d", nil),
		newDraft("EdDSA").claim("exp", now.Unix()).claim("nbf", nil),
	} {
		f.Add("", text(d.header), text(d.claims))
	}
	c, err := dpop.New(dpop.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw, header, claims string) {
		if raw == "" {
			alg := "ES256"
			if strings.Contains(header, "OKP") {
				alg = "EdDSA"
			}
			raw = keys()[alg].sign(header, claims)
		}
		p, err := c.Read(raw)
		if err != nil {
			return
		}
		slow := readSlowly(t, raw)
		w := dpop.Want{Method: slow.Claims.HTM, URL: target, Token: token, Thumbprint: slow.thumbprint(t), Now: slow.issued()}
		use, err := c.Check(&p, w)
		if err != nil {
			return
		}
		slow.accept(t, raw)
		if use.Key != w.Thumbprint || len(use.ID) != 43 || !use.From.Before(w.Now) || !use.Until.After(w.Now) {
			t.Errorf("use %+v", use)
		}
		for i := range raw {
			changed := []byte(raw)
			changed[i] ^= 1
			if p, err := c.Read(string(changed)); err == nil {
				if _, err := c.Check(&p, w); err == nil {
					t.Errorf("accepted with byte %d changed", i)
				}
			}
		}
	})
}

// slowProof is a proof as encoding/json reads it.
type slowProof struct {
	Header struct {
		Typ, Alg string
		JWK      map[string]any
	}
	Claims struct {
		JTI, HTM, HTU, ATH string
		IAT                float64
	}
	signature []byte
}

func readSlowly(t *testing.T, raw string) (s slowProof) {
	t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	for i, into := range []any{&s.Header, &s.Claims} {
		octets, err := base64.RawURLEncoding.Strict().DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(octets, into)
		}
		if err != nil {
			t.Fatalf("part %d: %v", i, err)
		}
	}
	s.signature, _ = base64.RawURLEncoding.Strict().DecodeString(parts[2])
	return s
}

func (s *slowProof) issued() time.Time { return time.UnixMilli(int64(s.Claims.IAT * 1000)) }

// thumbprint is that of RFC 7638, if the key has one.
func (s *slowProof) thumbprint(t *testing.T) string {
	t.Helper()
	required := map[string][]string{"EC": {"crv", "kty", "x", "y"}, "OKP": {"crv", "kty", "x"}, "RSA": {"e", "kty", "n"}}
	kty, _ := s.Header.JWK["kty"].(string)
	members := make(object)
	for _, name := range required[kty] {
		value, ok := s.Header.JWK[name].(string)
		if !ok {
			t.Fatalf("%s of the jwk is %T", name, s.Header.JWK[name])
		}
		members[name] = value
	}
	hash := sha256.Sum256([]byte(text(members)))
	return b64(hash[:])
}

// accept fails the test if s must not be accepted.
func (s *slowProof) accept(t *testing.T, raw string) {
	t.Helper()
	hash := sha256.Sum256([]byte(token))
	typ := strings.TrimPrefix(strings.ToLower(s.Header.Typ), "application/")
	if typ != "dpop+jwt" || s.Claims.JTI == "" || s.Claims.ATH != b64(hash[:]) {
		t.Errorf("accepted with typ %q, jti %q, ath %q", s.Header.Typ, s.Claims.JTI, s.Claims.ATH)
	}
	u, err := url.Parse(s.Claims.HTU)
	if err != nil || !strings.EqualFold(u.Hostname(), "api.example.com") || u.JoinPath().Path != "/orders/7" {
		t.Errorf("accepted with htu %q", s.Claims.HTU)
	}
	for _, name := range []string{"d", "k", "p", "q", "dp", "dq", "qi", "oth"} {
		if _, there := s.Header.JWK[name]; there {
			t.Errorf("accepted with the private member %s", name)
		}
	}
	if !s.verify(t, raw[:strings.LastIndexByte(raw, '.')]) {
		t.Error("accepted with a wrong signature")
	}
}

// verify verifies the signature with the standard library alone.
func (s *slowProof) verify(t *testing.T, input string) bool {
	t.Helper()
	octets := func(name string) []byte {
		text, _ := s.Header.JWK[name].(string)
		decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return decoded
	}
	number := func(name string) *big.Int { return new(big.Int).SetBytes(octets(name)) }
	hash := key{alg: s.Header.Alg}.hash()
	digest := hash.New()
	digest.Write([]byte(input))
	switch s.Header.Alg {
	case "ES256", "ES384", "ES512":
		curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[s.Header.Alg]
		public, err := ecdsa.ParseUncompressedPublicKey(curve, bytes.Join([][]byte{{4}, octets("x"), octets("y")}, nil))
		half := len(s.signature) / 2
		return err == nil && ecdsa.Verify(public, digest.Sum(nil),
			new(big.Int).SetBytes(s.signature[:half]), new(big.Int).SetBytes(s.signature[half:]))
	case "EdDSA", "Ed25519":
		return ed25519.Verify(octets("x"), []byte(input), s.signature)
	}
	public := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
	if strings.HasPrefix(s.Header.Alg, "PS") {
		return rsa.VerifyPSS(public, hash, digest.Sum(nil), s.signature, nil) == nil
	}
	return rsa.VerifyPKCS1v15(public, hash, digest.Sum(nil), s.signature) == nil
}

// FuzzHTU checks that the comparison of two URLs does not depend on which of them comes first, and that a URL that is
// accepted equals the other by the rules of net/url.
func FuzzHTU(f *testing.F) {
	f.Add("https://api.example.com/orders/7", "HTTPS://api.example.com:443/%6frders/7?a")
	f.Add("https://[::1]:8443/a%2fb", "https://[::1]:8443/a%2Fb#c")
	f.Add("http://localhost/ü a", "http://localhost:80/%C3%BC%20a")
	f.Add("https://a.test/b", "https://a.test/c/../b")
	f.Add("https://a.test", "https://a.test/")
	f.Fuzz(func(t *testing.T, a, b string) {
		if !dpop.SameURI(a, b) {
			return
		}
		if !dpop.SameURI(a, a) {
			t.Errorf("%q does not equal itself", a)
		}
		ua, errA := url.Parse(strings.TrimRight(a, "?#"))
		ub, errB := url.Parse(strings.TrimRight(b, "?#"))
		if errA != nil || errB != nil { // net/url is stricter with some characters
			return
		}
		path := func(u *url.URL) string { return u.JoinPath("/").Path }
		if !strings.EqualFold(ua.Scheme, ub.Scheme) || !strings.EqualFold(ua.Hostname(), ub.Hostname()) || path(ua) != path(ub) {
			t.Errorf("%q and %q are equal", a, b)
		}
	})
}
