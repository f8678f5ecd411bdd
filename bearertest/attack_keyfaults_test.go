package bearertest_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// failIf responds with 500 if the text of the credential satisfies condition.
func (w *world) failIf(condition func(raw string) bool) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if _, raw, _ := strings.Cut(r.Header.Get("Authorization"), " "); condition(raw) {
			rw.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.guard.ServeHTTP(rw, r)
	})
}

// parserFaults read texts in the wrong way.
func parserFaults() []fault {
	return []fault{
		{"reads claims of other types", func(w *world) http.Handler { return w.ignoring(consumer.ReasonClaims) }, strings.Fields(`11_folded_claim
			13_exp_absent 13_exp_in_the_past 13_exp_is_not_a_date 13_iat_is_not_a_date 13_nbf_is_not_a_date 13_iat_in_the_future
			13_nbf_in_the_future 20_aud_of_another_type 26_bound_to_another_key`)},
		{"ignores iat", func(w *world) http.Handler { return w.ignoring(consumer.ReasonIssuedInFuture) }, []string{"13_iat_in_the_future"}},
		{"ignores alg", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool { return token.header["alg"] != "ES256" })
		}, []string{"1_alg_missing", "1_alg_none", "2_alg_of_another_family", "2_public_key_as_secret", "11_duplicate_header", "11_folded_header"}},
		{"fails for five parts", func(w *world) http.Handler {
			return w.failIf(func(raw string) bool { return strings.Count(raw, ".") == 4 })
		}, []string{"15_parts", "17_encrypted", "B1_other_schemes"}},
		{"fails for many dots", func(w *world) http.Handler {
			return w.failIf(func(raw string) bool { return strings.Count(raw, ".") > 1000 })
		}, []string{"15_many_dots"}},
		{"fails for deep JSON", func(w *world) http.Handler {
			return w.failIf(func(raw string) bool {
				for part := range strings.SplitSeq(raw, ".") {
					if text, _ := base64.RawURLEncoding.DecodeString(part); bytes.Count(text, []byte("[")) > 10_000 {
						return true
					}
				}
				return false
			})
		}, []string{"14_deep_and_large"}},
		{"reads the first of several JSON values", func(w *world) http.Handler {
			_, public := w.issuer.Key("ES256")
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				token, _ := readNaively(raw)
				claims, err := base64.RawURLEncoding.DecodeString(strings.Split(raw+"..", ".")[1])
				var first map[string]any
				trailing := err == nil && json.Unmarshal(claims, &first) != nil
				if trailing && json.NewDecoder(bytes.NewReader(claims)).Decode(&first) == nil && token.signedBy(public) {
					listOrders(rw, r)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"12_not_one_object"}},
		{"reads the JSON form", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				var flattened struct{ Protected, Payload, Signature string }
				if json.Unmarshal([]byte(text), &flattened) == nil && flattened.Protected != "" {
					r.Header.Set("Authorization", "Bearer "+flattened.Protected+"."+flattened.Payload+"."+flattened.Signature)
				}
			})
		}, []string{"5_JSON_serialization"}},
	}
}

// keyFaults verify with keys of other types than ES256, or need other requests.
func keyFaults() []fault {
	return []fault{
		{"accepts every length of the salt", func(w *world) http.Handler {
			_, public := w.issuer.Key("PS256")
			return w.acceptIf(func(token naiveToken) bool {
				hash := sha256.Sum256(token.input)
				options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}
				return token.header["alg"] == "PS256" &&
					rsa.VerifyPSS(public.(*rsa.PublicKey), crypto.SHA256, hash[:], token.signature, options) == nil && w.onlySignatureIsWrong(token)
			})
		}, []string{"35_salt_length"}},
		{"reduces S", func(w *world) http.Handler {
			_, public := w.issuer.Key("EdDSA")
			return w.acceptIf(func(token naiveToken) bool {
				return len(token.signature) == 64 && w.onlySignatureIsWrong(token) &&
					ed25519.Verify(public.(ed25519.PublicKey), token.input, reduced(token.signature))
			})
		}, []string{"36_ed25519_S"}},
		{"ignores proofs", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				scheme, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				token, err := w.verifier.Verify(r.Context(), raw)
				if err == nil && scheme == "DPoP" && len(r.Header["Authorization"]) == 1 && token.HasScope("orders:read") && w.isBound(token) {
					listOrders(rw, r)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"26_bound_to_another_key", "27_proof_of_possession"}},
	}
}

// isBound reports whether a token is bound to the key of the target.
func (w *world) isBound(token *consumer.Token) bool {
	confirmation, ok := token.Confirmation()
	return ok && confirmation.JWKThumbprint == w.key.Thumbprint()
}

// onlySignatureIsWrong reports whether the Verifier rejects a token because of its signature.
func (w *world) onlySignatureIsWrong(token naiveToken) bool {
	_, err := w.verifier.Verify(w.t.Context(), token.raw)
	return reasonOf(err) == consumer.ReasonSignature
}

// reduced returns an Ed25519 signature whose S is less than the order of the group.
func reduced(signature []byte) []byte {
	order, _ := new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
	signature = slices.Clone(signature)
	half := signature[32:]
	slices.Reverse(half)
	s := new(big.Int).SetBytes(half)
	s.Mod(s, order).FillBytes(half)
	slices.Reverse(half)
	return signature
}

func TestAttacksFindFaultsOfOtherKeys(t *testing.T) {
	if testing.Short() || raceDetector {
		t.Skip("checks the table, which depends neither on the platform nor on goroutines")
	}
	t.Parallel()
	target := bearertest.Target{URL: "/orders", Scope: "orders:read"}
	for i, alg := range []string{"PS256", "EdDSA"} {
		t.Run(alg, func(t *testing.T) {
			t.Parallel()
			keyFaults()[i].check(t, newWorld(t, alg), target)
			fault{build: func(w *world) http.Handler { return w.guard }}.check(t, newWorld(t, alg), target)
		})
	}
}

// withProofs returns a target whose requests have a DPoP proof, and a guard that requires it.
func withProofs(w *world) bearertest.Target {
	key := w.key
	w.guard = w.guarded(middleware.Config{DPoP: &middleware.DPoPConfig{URL: audience}}, middleware.Scopes("orders:read"))
	return bearertest.Target{
		URL: audience + "/orders", Scope: "orders:read",
		Token: func() *bearertest.Token { return w.issuer.AccessToken().BoundTo(key) },
		Credential: func(r *http.Request, token string) {
			r.Header.Set("Authorization", "DPoP "+token)
			r.Header.Set("DPoP", key.Proof(r.Method, audience+r.URL.Path, token).Sign())
		},
	}
}

func TestAttacksWithProofs(t *testing.T) {
	t.Parallel()
	for _, fault := range []fault{{build: func(w *world) http.Handler { return w.guard }}, keyFaults()[2]} {
		w := newWorld(t, "ES256")
		target := withProofs(w)
		fault.check(t, w, target)
	}
}

// elapsedFaults trust for too long.
func elapsedFaults() []fault {
	return []fault{
		{"caches tokens for ever", func(w *world) http.Handler {
			var accepted sync.Map
			return w.acceptIf(func(token naiveToken) bool {
				if _, err := w.verifier.Verify(w.t.Context(), token.raw); err == nil && token.claims["cnf"] == nil {
					accepted.Store(token.raw, true)
				}
				_, hit := accepted.Load(token.raw)
				return hit
			})
		}, []string{"33_removed_key", "45_cached_result_after_exp"}},
		{"keeps removed keys", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool {
				_, err := w.verifier.Verify(w.t.Context(), token.raw)
				kid, _ := token.header["kid"].(string)
				exp, _ := token.claims["exp"].(float64)
				return reasonOf(err) == consumer.ReasonUnknownKey && strings.HasPrefix(kid, "bearertest-") && exp > float64(time.Now().Unix())
			})
		}, []string{"33_removed_key"}},
	}
}

func TestAttacksFindFaultsThatNeedTime(t *testing.T) {
	t.Parallel()
	for _, fault := range slices.Concat(elapsedFaults(), []fault{{name: "no fault", build: func(w *world) http.Handler { return w.guard }}}) {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fault.check(t, newWorld(t, "ES256"), bearertest.Target{URL: "/orders", Scope: "orders:read", Sleep: time.Sleep})
			})
		})
	}
}
