package bearertest_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// world is a deployment without faults: the Guard of the kit, with a Verifier that a fault may use directly.
type world struct {
	t        *testing.T
	issuer   *bearertest.Issuer
	verifier *consumer.Consumer
	guard    http.Handler
	key      *bearertest.ProofKey // of DPoP proofs
}

func newWorld(t *testing.T, algorithms ...string) *world {
	t.Helper()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: algorithms})
	c, err := consumer.New(consumer.Config{Issuer: issuer.URL(), Audience: []string{audience}, HTTPClient: issuer.Client()})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, issuer: issuer, verifier: c, key: bearertest.NewProofKey("ES256")}
	w.guard = w.guarded(middleware.Config{}, middleware.Scopes("orders:read"))
	return w
}

const audience = "https://api.test"

func (w *world) guarded(cfg middleware.Config, rules ...middleware.Rule) http.Handler {
	w.t.Helper()
	if cfg.Verifier == nil {
		cfg.Verifier = w.verifier
	}
	g, err := middleware.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return g.With(rules...)(http.HandlerFunc(listOrders))
}

// acceptIf serves requests whose token satisfies condition without further checks. The guard serves all others.
func (w *world) acceptIf(condition func(token naiveToken) bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		token, ok := readNaively(raw)
		if ok && strings.EqualFold(scheme, "Bearer") && len(r.Header["Authorization"]) == 1 && token.hasScope() && condition(token) {
			listOrders(rw, r)
			return
		}
		w.guard.ServeHTTP(rw, r)
	})
}

// ignoring accepts tokens that the Verifier rejects for one of the reasons.
func (w *world) ignoring(reasons ...consumer.Reason) http.Handler {
	return w.acceptIf(func(token naiveToken) bool {
		_, err := w.verifier.Verify(w.t.Context(), token.raw)
		return slices.Contains(reasons, reasonOf(err))
	})
}

// reasonOf returns the Reason of an error of the Verifier, or "".
func reasonOf(err error) consumer.Reason {
	if e, ok := errors.AsType[*consumer.Error](err); ok {
		return e.Reason
	}
	return ""
}

// lenient accepts tokens with a signature of the issuer whose claims, as a careless reader decodes them, satisfy condition.
func (w *world) lenient(condition func(token naiveToken) bool) http.Handler {
	_, public := w.issuer.Key("ES256")
	return w.acceptIf(func(token naiveToken) bool { return token.signedBy(public) && condition(token) })
}

// naiveToken is a token that a careless reader has decoded.
type naiveToken struct {
	raw            string
	header, claims map[string]any
	input          []byte
	signature      []byte
}

func readNaively(raw string) (token naiveToken, ok bool) {
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return token, false
	}
	token = naiveToken{raw: raw, input: []byte(parts[0] + "." + parts[1])}
	header, _ := base64.RawURLEncoding.DecodeString(parts[0])
	claims, _ := base64.RawURLEncoding.DecodeString(parts[1])
	token.signature, _ = base64.RawURLEncoding.DecodeString(parts[2])
	return token, json.Unmarshal(header, &token.header) == nil && json.Unmarshal(claims, &token.claims) == nil
}

func (token naiveToken) hasScope() bool { return token.claims["scope"] == "orders:read" }

// signedBy reports whether the signature is that of an ES256 key.
func (token naiveToken) signedBy(public any) bool {
	key, ok := public.(*ecdsa.PublicKey)
	if !ok || len(token.signature) != 64 {
		return false
	}
	hash := sha256.Sum256(token.input)
	r, s := new(big.Int).SetBytes(token.signature[:32]), new(big.Int).SetBytes(token.signature[32:])
	return ecdsa.Verify(key, hash[:], r, s)
}

// withHMAC reports whether the signature is an HMAC with one of the secrets.
func (token naiveToken) withHMAC(secrets ...string) bool {
	return token.header["alg"] == "HS256" && slices.ContainsFunc(secrets, func(secret string) bool {
		mac := hmac.New(sha256.New, append([]byte(secret), make([]byte, max(0, 64-len(secret)))...))
		mac.Write(token.input)
		return hmac.Equal(mac.Sum(nil), token.signature)
	})
}

// embeddedKey returns the key of jwk, or nil.
func (token naiveToken) embeddedKey() any {
	jwk, _ := token.header["jwk"].(map[string]any)
	x, _ := jwk["x"].(string)
	y, _ := jwk["y"].(string)
	coordinates, err := base64.RawURLEncoding.DecodeString(x)
	if err != nil || len(coordinates) != 32 {
		return nil
	}
	second, _ := base64.RawURLEncoding.DecodeString(y)
	key, err := ecdsa.ParseUncompressedPublicKey(p256(), slices.Concat([]byte{4}, coordinates, second))
	if err != nil {
		return nil
	}
	return key
}
