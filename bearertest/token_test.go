package bearertest_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
)

var asymmetric = []string{
	"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519",
}

func TestTokenVerifiesWithThePublishedKey(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: asymmetric})
	published := keySet(t, issuer.JWKS())
	if len(published) != len(asymmetric) {
		t.Fatalf("%d keys published, want %d", len(published), len(asymmetric))
	}
	for n, alg := range asymmetric {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			key := published[n]
			token := split(t, issuer.AccessToken().Algorithm(alg).Sign())
			want := map[string]any{"alg": alg, "kid": strings.ToLower(alg) + "-1", "typ": "at+jwt"}
			if diff := cmp.Diff(want, token.header); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
			if key.Alg != alg || key.Kid != token.header["kid"] || key.Use != "sig" {
				t.Errorf("published key says %q, %q, %q", key.Alg, key.Kid, key.Use)
			}
			if err := verify(alg, key.public(t), token.input, token.signature); err != nil {
				t.Errorf("signature: %v", err)
			}
			if err := verify(alg, key.public(t), token.input+"x", token.signature); err == nil {
				t.Error("signature fits another input too")
			}
		})
	}
}

func TestTokenVerifiesWithTheSecret(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"HS256", "HS384", "HS512"}})
	if keys := keySet(t, issuer.JWKS()); len(keys) != 0 {
		t.Fatalf("secrets are published: %d", len(keys))
	}
	for alg, size := range map[string]int{"HS256": 32, "HS384": 48, "HS512": 64} {
		_, secret := issuer.Key(alg)
		if bytes, ok := secret.([]byte); !ok || len(bytes) != size {
			t.Errorf("%s: secret is a %T of %d bytes, want %d", alg, secret, len(bytes), size)
		}
		token := split(t, issuer.AccessToken().Algorithm(alg).Sign())
		if err := verify(alg, secret, token.input, token.signature); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func TestP8_AccessTokenHasWhatRFC9068Demands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
		time.Sleep(time.Hour) // the bubble's clock
		now := float64(time.Now().Unix())
		token := split(t, issuer.AccessToken().Sign())
		want := map[string]any{
			"iss": "https://issuer.test", "sub": "alice", "aud": []any{"https://api.test"}, "client_id": "client",
			"iat": now, "exp": now + 300, "jti": token.claims["jti"],
		}
		if diff := cmp.Diff(want, token.claims); diff != "" {
			t.Errorf("claims (-want +got):\n%s", diff)
		}
		if id, _ := token.claims["jti"].(string); id == "" || id == split(t, issuer.AccessToken().Sign()).claims["jti"] {
			t.Errorf("jti %q is not the token's own", id)
		}
	})
}

func TestOtherKindsOfToken(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	tests := []struct {
		name  string
		token *bearertest.Token
		typ   any
		marks []string
	}{
		{"ID token", issuer.IDToken(), "JWT", []string{"iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "azp"}},
		{"logout token", issuer.LogoutToken(), "logout+jwt", []string{"iss", "aud", "iat", "exp", "jti", "events", "sid"}},
		{"from claims alone", issuer.Token("", map[string]any{"type": "refresh"}), nil, []string{"type"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			token := split(t, test.token.Sign())
			if token.header["typ"] != test.typ {
				t.Errorf("typ %v, want %v", token.header["typ"], test.typ)
			}
			for _, claim := range test.marks {
				if token.claims[claim] == nil {
					t.Errorf("no %s", claim)
				}
			}
			_, key := issuer.Key("ES256")
			if err := verify("ES256", key, token.input, token.signature); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTokenCopiesClaims(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"sub": "alice"}
	bearertest.NewIssuer(bearertest.IssuerConfig{}).Token("", claims).Set("sub", "mallory")
	if claims["sub"] != "alice" {
		t.Errorf("caller's claims were changed to %v", claims)
	}
}

func TestAbsentTakesAway(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	token := split(t, issuer.AccessToken().Set("exp", bearertest.Absent).SetHeader("kid", bearertest.Absent).
		Set("azp", nil).Set("list", []string{"a"}).Sign())
	if _, there := token.claims["exp"]; there {
		t.Error("exp is still there")
	}
	if _, there := token.header["kid"]; there {
		t.Error("kid is still there")
	}
	if value, there := token.claims["azp"]; !there || value != nil {
		t.Errorf("azp is %v (%v), want null", value, there)
	}
}

func TestAttack1_None(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, none := range []string{"none", "nOnE"} {
		raw := issuer.AccessToken().SignWith(none, nil).Sign()
		if token := split(t, raw); token.header["alg"] != none || len(token.signature) != 0 {
			t.Errorf("header %v, signature of %d bytes", token.header, len(token.signature))
		}
		if !strings.HasSuffix(raw, ".") {
			t.Errorf("%q has something after its last dot", raw)
		}
	}
}

func TestAttack2_PublicKeyAsSecret(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	token := split(t, issuer.AccessToken().SignWith("HS256", issuer.PEM("RS256")).Sign())
	if token.header["alg"] != "HS256" || token.header["kid"] != "rs256-1" {
		t.Errorf("header %v, want HS256 under the kid of the RSA key", token.header)
	}
	if err := verify("HS256", issuer.PEM("RS256"), token.input, token.signature); err != nil {
		t.Error(err)
	}
}

func TestAttack9_DER(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	der := func(signature []byte) []byte {
		half := len(signature) / 2
		r, s := new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])
		encoded, _ := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		return encoded
	}
	token := split(t, issuer.AccessToken().EditSignature(der).Sign())
	_, key := issuer.Key("ES256")
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("key is a %T", key)
	}
	digest := crypto.SHA256.New()
	digest.Write([]byte(token.input))
	if !ecdsa.VerifyASN1(public, digest.Sum(nil), token.signature) {
		t.Error("signature is not the DER form of a right one")
	}
}

func TestAttack11_EditsAreSigned(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"EdDSA"}})
	_, key := issuer.Key("EdDSA")
	twice := func(text []byte) []byte { return append(bytes.TrimSuffix(text, []byte("}")), `,"sub":"mallory"}`...) }
	trailing := func(text []byte) []byte { return append(text, " {}"...) }
	tests := []struct {
		name   string
		token  *bearertest.Token
		header string // what the decoded header ends in
		claims string // what the decoded claims end in
	}{
		{"duplicate claim", issuer.AccessToken().EditClaims(twice), `"}`, `,"sub":"mallory"}`},
		{"trailing data", issuer.AccessToken().EditClaims(twice).EditClaims(trailing), `"}`, `,"sub":"mallory"} {}`},
		{"invalid UTF-8", issuer.AccessToken().EditClaims(func([]byte) []byte { return []byte("{\"a\":\"\xff\"}") }), `"}`, "\xff\"}"},
		{"duplicate header", issuer.AccessToken().EditHeader(twice), `,"sub":"mallory"}`, `"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			segments := strings.Split(test.token.Sign(), ".")
			if got := string(decode(t, segments[0])); !strings.HasSuffix(got, test.header) {
				t.Errorf("header is %q, want it to end in %q", got, test.header)
			}
			if got := string(decode(t, segments[1])); !strings.HasSuffix(got, test.claims) {
				t.Errorf("claims are %q, want them to end in %q", got, test.claims)
			}
			if err := verify("EdDSA", key, segments[0]+"."+segments[1], decode(t, segments[2])); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAttack10_EditedInputIsSigned(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"Ed25519"}})
	_, key := issuer.Key("Ed25519")
	raw := issuer.AccessToken().EditInput(func(input []byte) []byte { return append(input, "=="...) }).Sign()
	input, signature, _ := strings.Cut(raw, "==.")
	if err := verify("Ed25519", key, input+"==", decode(t, signature)); err != nil {
		t.Error(err)
	}
}

func TestEditSignatureSpoilsIt(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	_, key := issuer.Key("RS256")
	token := split(t, issuer.AccessToken().EditSignature(func(signature []byte) []byte {
		signature[0] ^= 1
		return signature
	}).Sign())
	if err := verify("RS256", key, token.input, token.signature); err == nil {
		t.Error("signature is still right")
	}
}

func TestForgedByAnotherIssuer(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	stranger := bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://stranger.test"})
	token := split(t, stranger.AccessToken().Set("iss", issuer.URL()).Sign())
	kid, key := issuer.Key("RS256")
	if token.header["kid"] != kid {
		t.Errorf("kid %v gives the forgery away, want %q", token.header["kid"], kid)
	}
	if err := verify("RS256", key, token.input, token.signature); err == nil {
		t.Error("two issuers share a key")
	}
}

func TestSignWithCurveThatTheAlgorithmDoesNotAllow(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	token := split(t, bearertest.NewIssuer(bearertest.IssuerConfig{}).AccessToken().SignWith("ES256", key).Sign())
	if len(token.signature) != 96 {
		t.Errorf("signature has %d bytes, want the 96 of P-384", len(token.signature))
	}
}

// longSigner claims a curve and makes signatures that do not fit it.
type longSigner struct{ *ecdsa.PrivateKey }

func (longSigner) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	long := new(big.Int).Lsh(big.NewInt(1), 300)
	return asn1.Marshal(struct{ R, S *big.Int }{long, long})
}

func TestSignReturnsNothingWhenItCannot(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	tests := []struct {
		name  string
		token *bearertest.Token
	}{
		{"unknown algorithm", issuer.AccessToken().Algorithm("RS265")},
		{"unknown algorithm, some key", issuer.AccessToken().SignWith("RS265", edKey)},
		{"no key", issuer.AccessToken().SignWith("RS256", nil)},
		{"key of another family", issuer.AccessToken().SignWith("RS256", edKey)},
		{"EC key for RSA", issuer.AccessToken().SignWith("PS256", ecKey)},
		{"secret for RSA", issuer.AccessToken().SignWith("RS256", []byte("secret"))},
		{"private key for HMAC", issuer.AccessToken().SignWith("HS256", edKey)},
		{"signer out of range", issuer.AccessToken().SignWith("ES256", longSigner{ecKey})},
		{"claim without a JSON text", issuer.AccessToken().Set("sub", func() {})},
		{"parameter without a JSON text", issuer.AccessToken().SetHeader("kid", func() {})},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if raw := test.token.Sign(); raw != "" {
				t.Errorf("got %q, want nothing", raw)
			}
		})
	}
}

func TestSetHeaderLeavesTheSignatureAlone(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	_, key := issuer.Key("RS256")
	token := split(t, issuer.AccessToken().SetHeader("alg", "PS256").Sign())
	if err := verify("RS256", key, token.input, token.signature); err != nil || token.header["alg"] != "PS256" {
		t.Errorf("header %v, signature as RS256: %v", token.header, err)
	}
}

func TestPEM(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for _, alg := range []string{"HS256", "RS265"} {
		if got := issuer.PEM(alg); got != nil {
			t.Errorf("%s: got %q, want nil", alg, got)
		}
	}
	text := string(issuer.PEM("ES256"))
	body := strings.TrimSuffix(strings.TrimPrefix(text, "-----BEGIN PUBLIC KEY-----\n"), "-----END PUBLIC KEY-----\n")
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	_, key := issuer.Key("ES256")
	public, ok := key.(*ecdsa.PublicKey)
	if !ok {
		t.Fatalf("key is a %T", key)
	}
	point, err := public.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(der, point) {
		t.Error("PEM holds another key than Key returns")
	}
}
