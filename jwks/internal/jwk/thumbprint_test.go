package jwk_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	jwxjwk "github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/bearerkit/bearerkit/internal/dpop"
	"github.com/bearerkit/bearerkit/jwks/internal/jwk"
)

// Package dpop reads the keys of proofs itself. For the JWK that jwx writes of a key, both must have the same thumbprint,
// and Parse must return the key that has signed the proof. A proof is only accepted if dpop has read the same key.
func TestG1_ThumbprintsAreThoseOfJWX(t *testing.T) {
	t.Parallel()
	checker, err := dpop.New(dpop.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for alg, private := range privateKeys(t) {
		public, err := jwxjwk.FromRaw(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(public)
		if err != nil {
			t.Fatal(err)
		}
		hash, err := public.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := jwk.Parse(text)
		if diff := cmp.Diff(private.Public(), parsed); err != nil || diff != "" {
			t.Errorf("%s: error %v, another key (-want +got):\n%s", alg, err, diff)
		}
		now := time.Now()
		ath := sha256.Sum256([]byte("token"))
		claims := fmt.Sprintf(`{"jti":"1","htm":"GET","htu":"https://api.test/","iat":%d,"ath":%q}`, now.Unix(), b64(ath[:]))
		input := b64(fmt.Appendf(nil, `{"typ":"dpop+jwt","alg":%q,"jwk":%s}`, alg, text)) + "." + b64([]byte(claims))
		proof, err := checker.Read(input + "." + b64(sign(t, private, input)))
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		want := dpop.Want{Method: "GET", URL: "https://api.test/", Token: "token", Thumbprint: b64(hash), Now: now}
		if _, err := checker.Check(&proof, want); err != nil {
			t.Errorf("%s: %v", alg, err)
		}
	}
}

func privateKeys(t *testing.T) map[string]crypto.Signer {
	t.Helper()
	made := make(map[string]crypto.Signer)
	for x := byte(1); x != 0; { // a coordinate that begins with a zero octet
		private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		point, err := private.PublicKey.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		x, made["ES256"] = point[1], private
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made["EdDSA"] = edwards
	if made["RS256"], err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	return made
}

func sign(t *testing.T, private crypto.Signer, input string) []byte {
	t.Helper()
	digest := sha256.Sum256([]byte(input))
	switch private := private.(type) {
	case *ecdsa.PrivateKey:
		r, s, err := ecdsa.Sign(rand.Reader, private, digest[:])
		if err != nil {
			t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(private, []byte(input))
	}
	signature, err := private.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	return signature
}

func b64(octets []byte) string { return base64.RawURLEncoding.EncodeToString(octets) }
