package bearertest_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/asn1"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func p256() elliptic.Curve { return elliptic.P256() }

// fault is a typical mistake in a deployment, and the rows that find it.
type fault struct {
	name  string
	build func(w *world) http.Handler
	rows  []string
}

func faults() []fault {
	return slices.Concat(signatureFaults(), claimFaults(), requestFaults(), responseFaults(), stateFaults(), parserFaults())
}

// Each fault is found by the rows about it, and by no others.
func TestAttacksFindFaults(t *testing.T) {
	t.Parallel()
	for i, fault := range faults() {
		t.Run(fault.name, func(t *testing.T) {
			if i%10 != 0 && (testing.Short() || raceDetector) {
				t.Skip("checks the table, which depends neither on the platform nor on goroutines")
			}
			t.Parallel()
			w := newWorld(t, "ES256")
			fault.check(t, w, bearertest.Target{URL: "/orders", Scope: "orders:read"})
		})
	}
}

// check runs the table against a deployment with the fault.
func (f fault) check(t *testing.T, w *world, target bearertest.Target) {
	t.Helper()
	failed, _, _, problem := bearertest.AttackResults(f.build(w), w.issuer, target)
	if problem != "" {
		t.Fatal(problem)
	}
	slices.Sort(f.rows)
	if diff := cmp.Diff(f.rows, slices.Sorted(maps.Keys(failed))); diff != "" {
		t.Errorf("failed rows (-want +got):\n%s", diff)
	}
	for row, failures := range failed {
		if !slices.Contains(f.rows, row) {
			t.Error(failures[0])
		}
	}
}

// Each row is found by a test to fail for at least one fault.
func TestEveryRowFindsAFault(t *testing.T) {
	t.Parallel()
	found := make(map[string]bool)
	for _, fault := range slices.Concat(faults(), keyFaults(), elapsedFaults()) {
		for _, row := range fault.rows {
			found[row] = true
		}
	}
	w := newWorld(t, "ES256")
	_, _, names, problem := bearertest.AttackResults(w.guard, w.issuer, bearertest.Target{URL: "/orders", Scope: "orders:read"})
	if problem != "" {
		t.Fatal(problem)
	}
	for _, name := range names {
		if !found[name] {
			t.Errorf("no fault makes the row %s fail", name)
		}
		delete(found, name)
	}
	for name := range found {
		t.Errorf("the row %s does not exist", name)
	}
}

// signatureFaults accept forged signatures.
func signatureFaults() []fault {
	return []fault{
		{"no fault", func(w *world) http.Handler { return w.guard }, nil},
		{"accepts none", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.header["alg"] == "none" && len(token.signature) == 0 })
		}, []string{"1_alg_none"}},
		{"accepts none in any case", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool {
				alg, _ := token.header["alg"].(string)
				return strings.EqualFold(alg, "none")
			})
		}, []string{"1_alg_none", "11_duplicate_header", "11_folded_header"}},
		{"accepts a missing alg", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.header["alg"] == nil })
		}, []string{"1_alg_missing", "11_folded_header", "16_null"}},
		{"does not check signatures", func(w *world) http.Handler { return w.ignoring(consumer.ReasonSignature, consumer.ReasonUnknownKey) }, strings.Fields(`10_signature_of_another_key 10_wrong_signature 1_no_signature 28_flood_of_unknown_kids
			29_flood_of_wrong_signatures 32_broken_key_set 34_weak_published_keys 38_canceled_request 3_embedded_key
			3_key_at_an_address 45_cached_result_of_another_token 4_kid_as_path_or_query 4_kid_of_another_type
			8_signature_of_zeros 9_signature_form S6_keys_for_another_use`)},
		{"does not check signatures of unknown keys", func(w *world) http.Handler { return w.ignoring(consumer.ReasonUnknownKey) }, strings.Fields(`28_flood_of_unknown_kids 32_broken_key_set 34_weak_published_keys 38_canceled_request 3_embedded_key
			4_kid_as_path_or_query 4_kid_of_another_type S6_keys_for_another_use`)},
		{"uses the public key as a secret", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.withHMAC(string(w.issuer.PEM("ES256"))) })
		}, []string{"2_public_key_as_secret"}},
		{"uses the public key without line feed as a secret", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.withHMAC(strings.TrimSpace(string(w.issuer.PEM("ES256")))) })
		}, []string{"2_public_key_as_secret"}},
		{"has a weak secret", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.withHMAC("secret") })
		}, []string{"37_weak_secret", "4_kid_as_path_or_query"}},
		{"trusts jwk", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return token.signedBy(token.embeddedKey()) })
		}, []string{"3_embedded_key"}},
		{"reads kid as a path", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool {
				kid, _ := token.header["kid"].(string)
				return strings.Contains(kid, "/dev/null") && token.withHMAC("")
			})
		}, []string{"4_kid_as_path_or_query"}},
		{"accepts zeros as a signature", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool { return bytes.Equal(token.signature, make([]byte, 64)) })
		}, []string{"8_signature_of_zeros"}},
		{"accepts DER", func(w *world) http.Handler {
			_, public := w.issuer.Key("ES256")
			return w.acceptIf(func(token naiveToken) bool {
				var rs struct{ R, S *big.Int }
				if rest, err := asn1.Unmarshal(token.signature, &rs); err != nil || len(rest) > 0 {
					return false
				}
				token.signature = slices.Concat(rs.R.FillBytes(make([]byte, 32)), rs.S.FillBytes(make([]byte, 32)))
				return token.signedBy(public.(*ecdsa.PublicKey))
			})
		}, []string{"9_signature_form"}},
		{"ignores crit", func(w *world) http.Handler { return w.ignoring(consumer.ReasonCritical) }, []string{"6_crit", "7_b64"}},
	}
}

// claimFaults accept claims of valid signatures.
func claimFaults() []fault {
	hasExp := func(token naiveToken) bool { _, ok := token.claims["exp"].(float64); return ok }
	return []fault{
		{"ignores exp", func(w *world) http.Handler { return w.ignoring(consumer.ReasonExpired) }, []string{"13_exp_in_the_past"}},
		{"does not require exp", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool {
				return !hasExp(token) && token.claims["iss"] == w.issuer.URL() && token.claims["exp"] == nil
			})
		}, []string{"11_folded_claim", "13_exp_absent"}},
		{"ignores nbf", func(w *world) http.Handler { return w.ignoring(consumer.ReasonNotYetValid) }, []string{"13_nbf_in_the_future"}},
		{"ignores aud", func(w *world) http.Handler { return w.ignoring(consumer.ReasonAudience) }, []string{"11_folded_claim", "20_aud_absent", "25_aud_is_similar", "25_aud_of_another_API"}},
		{"matches a part of aud", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool {
				aud, _ := token.claims["aud"].(string)
				return strings.Contains(aud, audience) && token.claims["iss"] == w.issuer.URL()
			})
		}, []string{"25_aud_is_similar"}},
		{"ignores iss", func(w *world) http.Handler { return w.ignoring(consumer.ReasonIssuer) }, strings.Fields(`11_folded_claim 21_iss_absent 21_iss_is_similar 21_iss_of_another_type 22_iss_normalized
			23_key_of_another_issuer 30_flood_of_issuers`)},
		{"matches a prefix of iss", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool {
				iss, _ := token.claims["iss"].(string)
				return strings.HasPrefix(iss, w.issuer.URL()) && iss != w.issuer.URL()
			})
		}, []string{"21_iss_is_similar", "22_iss_normalized"}},
		{"removes the slash of iss", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool {
				iss, _ := token.claims["iss"].(string)
				return strings.TrimSuffix(iss, "/") == w.issuer.URL() && iss != w.issuer.URL()
			})
		}, []string{"22_iss_normalized"}},
		{"ignores the kind of token", func(w *world) http.Handler { return w.ignoring(consumer.ReasonType) }, []string{"24_ID_token", "24_kind_in_a_claim", "24_logout_token", "24_typ_of_other_tokens"}},
		{"reads JSON carelessly", func(w *world) http.Handler { return w.ignoring(consumer.ReasonMalformed) }, strings.Fields(`10_malleable_text 11_duplicate_claim 11_duplicate_header 11_folded_claim 11_folded_header 12_not_UTF8 16_null
			4_kid_of_another_type B1_other_schemes`)},
		{"ignores cnf", func(w *world) http.Handler {
			return w.lenient(func(token naiveToken) bool { _, bound := token.claims["cnf"]; return bound })
		}, []string{"26_bound_to_another_key"}},
		{"matches a part of scope", func(w *world) http.Handler {
			contains := middleware.Claim("scope", func(value any) bool {
				scope, _ := value.(string)
				return strings.Contains(scope, "orders:read")
			})
			return w.guarded(middleware.Config{}, contains)
		}, []string{"X1_scope_missing"}},
	}
}

// change returns the guard with a changed request.
func (w *world) change(change func(r *http.Request)) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		change(r)
		w.guard.ServeHTTP(rw, r)
	})
}

// requestFaults read the credential in the wrong way.
func requestFaults() []fault {
	return []fault{
		{"does not require a scheme", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if line := r.Header.Get("Authorization"); line != "" && !strings.Contains(line, " ") && len(r.Header["Authorization"]) == 1 {
					r.Header.Set("Authorization", "Bearer "+line)
				}
			})
		}, []string{"B1_other_schemes"}},
		{"compares the scheme with its case", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " "); scheme != "Bearer" && strings.EqualFold(scheme, "Bearer") {
					r.Header.Del("Authorization")
				}
			})
		}, []string{"B1_scheme_in_any_case"}},
		{"uses the first Authorization", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if lines := r.Header["Authorization"]; len(lines) > 1 {
					r.Header["Authorization"] = lines[:1]
				}
			})
		}, []string{"B3_two_authorization_headers"}},
		{"reads the query", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if raw := r.URL.Query().Get("access_token"); raw != "" && r.Header.Get("Authorization") == "" {
					r.Header.Set("Authorization", "Bearer "+raw)
				}
			})
		}, []string{"B2_token_in_other_places"}},
		{"reads a cookie if the header is not valid", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if cookie, err := r.Cookie("access_token"); err == nil {
					r.Header.Set("Authorization", "Bearer "+cookie.Value)
				}
			})
		}, []string{"B2_token_in_other_places", "50_fallback_to_other_places"}},
		{"does not guard HEAD", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodHead {
					w.guard.ServeHTTP(rw, r)
				}
			})
		}, []string{"49_methods_without_a_token"}},
		{"does not guard OPTIONS", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodOptions {
					listOrders(rw, r)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"49_methods_without_a_token", "49_preflight"}},
		{"allows every origin with credentials", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
				rw.Header().Set("Access-Control-Allow-Credentials", "true")
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"49_foreign_origin"}},
	}
}

// deny replaces the rejections of the guard.
func (w *world) deny(deny func(rw http.ResponseWriter, r *http.Request, refusal *middleware.Refusal)) http.Handler {
	return w.guarded(middleware.Config{DenyHandler: deny}, middleware.Scopes("orders:read"))
}

// responseFaults write the wrong response.
func responseFaults() []fault {
	return []fault{
		{"sends no challenge", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
				rw.Header().Del("WWW-Authenticate")
				rw.WriteHeader(refusal.Status)
			})
		}, []string{"B6_no_credentials", "B7_invalid_token", "X1_scope_missing"}},
		{"sends 403 for invalid tokens", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
				if refusal.Code == "invalid_token" {
					refusal.Status = http.StatusForbidden
				}
				rw.WriteHeader(refusal.Status)
			})
		}, []string{"B7_invalid_token"}},
		{"sends an error without credentials", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, _ *http.Request, refusal *middleware.Refusal) {
				if refusal.Code == "" {
					rw.Header().Set("WWW-Authenticate", `Bearer realm="api", error="invalid_token"`)
				}
				rw.WriteHeader(refusal.Status)
			})
		}, []string{"B6_no_credentials"}},
		{"sends the error of the library", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				recorder := httptest.NewRecorder()
				w.guard.ServeHTTP(recorder, r)
				maps.Copy(rw.Header(), recorder.Header())
				rw.WriteHeader(recorder.Code)
				_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				if _, err := w.verifier.Verify(r.Context(), raw); err != nil && recorder.Code == http.StatusUnauthorized {
					fmt.Fprint(rw, "invalid token: ", err)
					return
				}
				_, _ = rw.Write(recorder.Body.Bytes())
			})
		}, []string{"40_text_of_the_token_in_the_response", "41_same_response_for_all_reasons"}},
		{"puts the error into the challenge", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, r *http.Request, refusal *middleware.Refusal) {
				_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				if token, ok := readNaively(raw); ok && refusal.Code == "invalid_token" {
					rw.Header()["Www-Authenticate"] = []string{fmt.Sprintf(`Bearer error="invalid_token", error_description="issuer %v"`, token.claims["iss"])}
				}
				rw.WriteHeader(refusal.Status)
			})
		}, []string{"40_text_of_the_token_in_the_response", "41_same_response_for_all_reasons", "B5_challenge_is_well_formed"}},
		{"sends 500 for garbage", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				if strings.Count(raw, ".") == 2 && strings.HasPrefix(raw, "bnVsbA.") {
					http.Error(rw, "internal error", http.StatusInternalServerError)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"16_null"}},
		{"panics without a dot", func(w *world) http.Handler {
			return w.change(func(r *http.Request) {
				if _, raw, found := strings.Cut(r.Header.Get("Authorization"), " "); found && raw != "" {
					_ = strings.Split(raw, ".")[1]
				}
			})
		}, strings.Fields(`15_parts 16_null 5_JSON_serialization B1_other_schemes B3_two_authorization_headers B6_no_credentials`)},
		{"sends 503 for unknown keys", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
				if token, ok := readNaively(raw); ok && token.header["kid"] == "unknown-7" {
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"28_flood_of_unknown_kids"}},
		{"runs the handler after the rejection", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, r *http.Request, refusal *middleware.Refusal) {
				rw.WriteHeader(refusal.Status)
				if refusal.Status == http.StatusForbidden {
					listOrders(rw, r)
				}
			})
		}, []string{"X1_scope_missing"}},
		{"sends the token back", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("X-Debug", r.Header.Get("Authorization"))
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"43_token_in_the_response"}},
		{"uses the Host in the challenge", func(w *world) http.Handler {
			return w.deny(func(rw http.ResponseWriter, r *http.Request, refusal *middleware.Refusal) {
				if refusal.Code == "" {
					rw.Header().Set("WWW-Authenticate", `Bearer resource_metadata="https://`+r.Host+`/.well-known/oauth-protected-resource"`)
				}
				rw.WriteHeader(refusal.Status)
			})
		}, []string{"42_host_in_the_challenge"}},
		{"lets shared caches store responses", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Cache-Control", "public, max-age=60")
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"45_shared_caches"}},
	}
}

// stateFaults cache the wrong things, and send requests to the issuer that they should not.
func stateFaults() []fault {
	return []fault{
		{"caches by jti", func(w *world) http.Handler {
			return w.caching(func(token naiveToken) any { return token.claims["jti"] })
		}, []string{"45_cached_result_of_another_token"}},
		{"caches by the signed text", func(w *world) http.Handler {
			return w.caching(func(token naiveToken) any { return string(token.input) })
		}, []string{"45_cached_result_of_another_token"}},
		{"caches by the signature", func(w *world) http.Handler {
			return w.caching(func(token naiveToken) any { return string(token.signature) })
		}, []string{"45_cached_result_of_another_token"}},
		{"fetches jku", func(w *world) http.Handler {
			return w.fetchingIf(func(token naiveToken) string { address, _ := token.header["jku"].(string); return address })
		}, []string{"31_no_fetch_for_a_header"}},
		{"fetches iss", func(w *world) http.Handler {
			return w.fetchingIf(func(token naiveToken) string {
				if iss, _ := token.claims["iss"].(string); iss != w.issuer.URL() {
					return iss + "/.well-known/openid-configuration"
				}
				return ""
			})
		}, []string{"31_no_fetch_for_a_header", "30_flood_of_issuers"}},
		{"fetches keys for each unknown kid", func(w *world) http.Handler {
			return w.fetchingIf(func(token naiveToken) string {
				if kid, _ := token.header["kid"].(string); strings.HasPrefix(kid, "unknown-") {
					return w.issuer.URL() + "/jwks"
				}
				return ""
			})
		}, []string{"28_flood_of_unknown_kids"}},
		{"fetches keys for each wrong signature", func(w *world) http.Handler {
			_, public := w.issuer.Key("ES256")
			return w.fetchingIf(func(token naiveToken) string {
				if token.header["kid"] == "es256-1" && !token.signedBy(public) {
					return w.issuer.URL() + "/jwks"
				}
				return ""
			})
		}, []string{"29_flood_of_wrong_signatures", "30_flood_of_issuers"}},
		{"trusts every published key", func(w *world) http.Handler {
			return w.acceptIf(func(token naiveToken) bool {
				kid, _ := token.header["kid"].(string)
				return strings.HasPrefix(kid, "weak-") || strings.HasPrefix(kid, "use-")
			})
		}, []string{"34_weak_published_keys", "S6_keys_for_another_use"}},
		{"forgets its keys if the set is broken", func(w *world) http.Handler {
			return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				if !bytes.Contains(w.issuer.JWKS(), []byte("es256-1")) {
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				w.guard.ServeHTTP(rw, r)
			})
		}, []string{"32_broken_key_set"}},
	}
}

// caching accepts a token without verification if an accepted one had the same key.
func (w *world) caching(key func(token naiveToken) any) http.Handler {
	var cache sync.Map
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		token, ok := readNaively(raw)
		if !ok {
			w.guard.ServeHTTP(rw, r)
			return
		}
		if _, err := w.verifier.Verify(r.Context(), raw); err == nil {
			cache.Store(key(token), true)
		}
		if _, hit := cache.Load(key(token)); hit && token.claims["jti"] == "bearertest-cached" {
			listOrders(rw, r)
			return
		}
		w.guard.ServeHTTP(rw, r)
	})
}

// fetchingIf sends a request to the address that a token names, if any.
func (w *world) fetchingIf(address func(token naiveToken) string) http.Handler {
	return w.change(func(r *http.Request) {
		_, raw, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		token, _ := readNaively(raw)
		if target := address(token); target != "" {
			request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, target, nil)
			if err != nil {
				return
			}
			if response, err := w.issuer.Client().Do(request); err == nil {
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
		}
	})
}
