package consumer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/quirk"
)

// edits changes a token. A key that starts with "header " is a header parameter.
type edits map[string]any

// apply returns token with the changes.
func (e edits) apply(token *bearertest.Token) *bearertest.Token {
	for name, value := range e {
		if text, raw := value.(string); raw && strings.HasPrefix(text, "json:") {
			value = json.RawMessage(text[len("json:"):])
		}
		if parameter, ok := strings.CutPrefix(name, "header "); ok {
			token.SetHeader(parameter, value)
		} else {
			token.Set(name, value)
		}
	}
	return token
}

// tolerance is a token that a Consumer accepts or rejects.
type tolerance struct {
	name   string
	set    func(*consumer.Config) // nil: the defaults
	edits  edits                  // of a token with iss, aud, exp, iat and sub
	want   consumer.Reason        // empty: accepted
	check  func(*consumer.Token) bool
	quirks []string // "name place"
}

// run verifies each token with a Consumer of its own.
func run(t *testing.T, tests []tolerance) {
	t.Helper()
	issuer := newIssuer()
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var reported []quirk.Quirk
			cfg := offline(t, issuer)
			cfg.OnVerify = func(_ context.Context, v consumer.Verification) { reported = append(reported, v.Quirks...) }
			if test.set != nil {
				test.set(&cfg)
			}
			c := newConsumer(t, cfg)
			start := bare(issuer).Set("sub", "alice").Set("iat", time.Now().Unix()).SetHeader("typ", "JWT")
			raw := test.edits.apply(start).Sign()
			if test.want != "" {
				reject(t, c, raw, test.want)
				if len(reported) > 0 {
					t.Errorf("a rejected token reports %v", reported)
				}
				return
			}
			token := accept(t, c, raw)
			if test.check != nil && !test.check(token) {
				t.Errorf("token %v: client %q, subject %q, principal %v, nbf %v, scopes %q", token, token.ClientID(),
					token.Subject(), token.Principal(), token.NotBefore(), token.Scopes())
			}
			var got []string
			for _, q := range reported {
				got = append(got, string(q.Name)+" "+q.Place)
				if q.RFC == "" {
					t.Errorf("%v has no RFC section", q)
				}
			}
			if diff := cmp.Diff(test.quirks, got); diff != "" {
				t.Errorf("quirks (-want +got):\n%s", diff)
			}
			accept(t, c, test.edits.apply(start).Set("jti", "another token").Sign())
			if len(reported) != len(test.quirks) {
				t.Errorf("the same quirks are reported twice: %v", reported)
			}
		})
	}
}

func TestCaseT1_DefaultProfileNeedsNoClient(t *testing.T) {
	t.Parallel()
	withClientIDs := func(cfg *consumer.Config) { cfg.ClientIDs = []string{"app"} }
	run(t, []tolerance{
		{name: "iss, aud, iat, exp, sub", check: func(token *consumer.Token) bool {
			return token.ClientID() == "" && token.Subject() == "alice" && token.Principal() == consumer.PrincipalUser
		}},
		{name: "no typ", edits: edits{"header typ": bearertest.Absent}},
		{name: "at+jwt", edits: edits{"header typ": "at+jwt"}},
		{name: "private claims", edits: edits{"repository": "o/r", "kubernetes.io": map[string]any{"namespace": "n"}}},
		{name: "RFC 9068 needs a client", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileRFC9068 },
			edits: edits{"header typ": "at+jwt", "jti": "1"}, want: consumer.ReasonClaims},
		{name: "ClientIDs needs a client", set: withClientIDs, want: consumer.ReasonClaims},
		{name: "ClientIDs, azp", set: withClientIDs, edits: edits{"azp": "app"}},
		{name: "no audience", edits: edits{"aud": bearertest.Absent}, want: consumer.ReasonAudience},
		{name: "no expiry", edits: edits{"exp": bearertest.Absent}, want: consumer.ReasonClaims},
		{name: "no issuer", edits: edits{"iss": bearertest.Absent}, want: consumer.ReasonIssuer},
		{name: "typ of another kind", edits: edits{"header typ": "logout+jwt"}, want: consumer.ReasonType},
		{name: "an authorization response", edits: edits{"sub": bearertest.Absent, "code": "c"}, want: consumer.ReasonType},
		{name: "a claim code of a user's token", edits: edits{"code": "c"}},
	})
}

func TestCaseT2_ClientCredentialsWithoutSubject(t *testing.T) {
	t.Parallel()
	isClient := func(token *consumer.Token) bool {
		return token.ClientID() == "app" && token.Subject() == "" && token.Principal() == consumer.PrincipalClient
	}
	run(t, []tolerance{
		{name: "client_id", edits: edits{"sub": bearertest.Absent, "client_id": "app"}, check: isClient},
		{name: "azp", edits: edits{"sub": bearertest.Absent, "azp": "app"}, check: isClient},
		{name: "cid", edits: edits{"sub": bearertest.Absent, "cid": "app"}, check: isClient},
		{name: "neither", edits: edits{"sub": bearertest.Absent}, check: func(token *consumer.Token) bool {
			return token.Principal() == consumer.PrincipalClient
		}},
		{name: "a profile that requires sub", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileAuth0 },
			edits: edits{"sub": bearertest.Absent, "azp": "app"}, want: consumer.ReasonClaims},
		{name: "RequiredClaims", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"sub"} },
			edits: edits{"sub": bearertest.Absent, "client_id": "app"}, want: consumer.ReasonClaims},
	})
}

func TestCaseT3_NullOrEmptySubject(t *testing.T) {
	t.Parallel()
	isClient := func(token *consumer.Token) bool {
		return token.ClientID() == "app" && token.Subject() == "" && token.Principal() == consumer.PrincipalClient
	}
	required := func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"sub"} }
	run(t, []tolerance{
		{name: "null", edits: edits{"sub": nil, "client_id": "app"}, check: isClient, quirks: []string{"null_member claim sub"}},
		{name: "empty", edits: edits{"sub": "", "client_id": "app"}, check: isClient, quirks: []string{"empty_member claim sub"}},
		{name: "null, required", set: required, edits: edits{"sub": nil, "client_id": "app"}, want: consumer.ReasonClaims},
		{name: "empty, required", set: required, edits: edits{"sub": "", "client_id": "app"}, want: consumer.ReasonClaims},
		{name: "number", edits: edits{"sub": 0, "client_id": "app"}, want: consumer.ReasonClaims},
		{name: "false", edits: edits{"sub": false, "client_id": "app"}, want: consumer.ReasonClaims},
		{name: "empty array", edits: edits{"sub": []string{}, "client_id": "app"}, want: consumer.ReasonClaims},
		{name: "empty object", edits: edits{"sub": "json:{}", "client_id": "app"}, want: consumer.ReasonClaims},
	})
}

func TestCaseT4_NoIssuedAt(t *testing.T) {
	t.Parallel()
	run(t, []tolerance{
		{name: "sub, aud, exp", edits: edits{"iat": bearertest.Absent}, check: func(token *consumer.Token) bool {
			return token.IssuedAt().IsZero()
		}},
		{name: "null", edits: edits{"iat": nil}, quirks: []string{"null_member claim iat"}},
		{name: "required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"iat"} },
			edits: edits{"iat": bearertest.Absent}, want: consumer.ReasonClaims},
		{name: "null, required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"iat"} },
			edits: edits{"iat": nil}, want: consumer.ReasonClaims},
		{name: "in the future", edits: edits{"iat": time.Now().Add(time.Hour).Unix()}, want: consumer.ReasonIssuedInFuture},
	})
}

func TestCaseT5_NullIsAbsent(t *testing.T) {
	t.Parallel()
	run(t, []tolerance{
		{name: "jti", edits: edits{"jti": nil}, quirks: []string{"null_member claim jti"}},
		{name: "nbf", edits: edits{"nbf": nil}, quirks: []string{"null_member claim nbf"},
			check: func(token *consumer.Token) bool { return token.NotBefore().IsZero() }},
		{name: "scope", edits: edits{"scope": nil}, quirks: []string{"null_member claim of the scopes"}},
		{name: "scope, scp has a value", edits: edits{"scope": nil, "scp": "a"}, quirks: []string{"null_member claim of the scopes"},
			check: func(token *consumer.Token) bool { return token.HasScope("a") }},
		{name: "nonce", edits: edits{"nonce": nil}, quirks: []string{"null_member claim nonce"}},
		{name: "empty nonce", edits: edits{"nonce": ""}, quirks: []string{"empty_member claim nonce"}},
		{name: "auth_time and amr", edits: edits{"auth_time": nil, "amr": nil},
			quirks: []string{"null_member claim amr", "null_member claim auth_time"}},
		{name: "azp", edits: edits{"azp": nil}, quirks: []string{"null_member claim of the client"}},
		{name: "client_id", edits: edits{"client_id": nil}, quirks: []string{"null_member claim of the client"}},
		{name: "header kid", edits: edits{"header kid": nil}, quirks: []string{"null_member header kid"}},
		{name: "header typ", edits: edits{"header typ": nil}, quirks: []string{"null_member header typ"}},
		{name: "roles", edits: edits{"roles": nil}},
		{name: "a claim that is not read", edits: edits{"picture": nil}},
		{name: "a member of cnf", edits: edits{"cnf": map[string]any{"jkt": "j", "x5t#S256": nil}},
			quirks: []string{"null_member member of claim cnf"}, check: func(token *consumer.Token) bool {
				got, bound := token.Confirmation()
				return bound && got == consumer.Confirmation{JWKThumbprint: "j"}
			}},
		{name: "all members of cnf", edits: edits{"cnf": map[string]any{"jkt": nil}},
			quirks: []string{"null_member member of claim cnf"}, check: func(token *consumer.Token) bool {
				got, bound := token.Confirmation()
				return bound && got.Unknown
			}},

		{name: "header crit", edits: edits{"header crit": nil}, want: consumer.ReasonCritical},
		{name: "header b64", edits: edits{"header b64": nil}, want: consumer.ReasonCritical},
		{name: "header alg", edits: edits{"header alg": nil}, want: consumer.ReasonAlgorithm},
		{name: "cnf", edits: edits{"cnf": nil}, want: consumer.ReasonClaims},
		{name: "exp", edits: edits{"exp": nil}, want: consumer.ReasonClaims},
		{name: "iss", edits: edits{"iss": nil}, want: consumer.ReasonIssuer},
		{name: "aud", edits: edits{"aud": nil}, want: consumer.ReasonAudience},
		{name: "at_hash", edits: edits{"at_hash": nil}, want: consumer.ReasonType},
		{name: "events", edits: edits{"events": nil}, want: consumer.ReasonType},
		{name: "htm", edits: edits{"htm": nil}, want: consumer.ReasonType},
		{name: "nonce false", edits: edits{"nonce": false}, want: consumer.ReasonType},
		{name: "null scope is not evidence", edits: edits{"nonce": "n", "scope": nil}, want: consumer.ReasonType},
		{name: "null jti is not evidence", edits: edits{"auth_time": 1, "jti": nil}, want: consumer.ReasonType},
		{name: "nbf as an empty string", edits: edits{"nbf": ""}, want: consumer.ReasonClaims},
		{name: "nbf as an empty array", edits: edits{"nbf": []int{}}, want: consumer.ReasonClaims},
		{name: "nbf false", edits: edits{"nbf": false}, want: consumer.ReasonClaims},
		{name: "jti as an array", edits: edits{"jti": []string{}}, want: consumer.ReasonClaims},
		{name: "header kid as an array", edits: edits{"header kid": []string{}}, want: consumer.ReasonMalformed},
		{name: "header typ false", edits: edits{"header typ": false}, want: consumer.ReasonType},
	})
}

func TestCaseT6_EmptyClientID(t *testing.T) {
	t.Parallel()
	isApp := func(token *consumer.Token) bool { return token.ClientID() == "app" }
	run(t, []tolerance{
		{name: "empty", edits: edits{"client_id": "", "azp": "app"}, check: isApp, quirks: []string{"empty_member claim of the client"}},
		{name: "null", edits: edits{"client_id": nil, "azp": "app"}, check: isApp, quirks: []string{"null_member claim of the client"}},
		{name: "both empty", edits: edits{"client_id": "", "azp": "", "cid": "app"}, check: isApp,
			quirks: []string{"empty_member claim of the client"}},
		{name: "first one has a value", edits: edits{"client_id": "app", "azp": "other"}, check: isApp},
		{name: "only empty ones", edits: edits{"client_id": "", "azp": ""}, quirks: []string{"empty_member claim of the client"},
			check: func(token *consumer.Token) bool { return token.ClientID() == "" }},
		{name: "only empty ones, required", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileAuth0 },
			edits: edits{"client_id": "", "azp": ""}, want: consumer.ReasonClaims},
		{name: "an array", edits: edits{"client_id": []string{}, "azp": "app"}, want: consumer.ReasonClaims},
		{name: "a number", edits: edits{"client_id": 0, "azp": "app"}, want: consumer.ReasonClaims},
		{name: "not the configured one", set: func(cfg *consumer.Config) { cfg.ClientIDs = []string{"other"} },
			edits: edits{"client_id": "", "azp": "app"}, want: consumer.ReasonClaims},
	})
}

func TestCaseT7_ZeroIsADate(t *testing.T) {
	t.Parallel()
	at := func(second int64) func(*consumer.Token) bool {
		return func(token *consumer.Token) bool { return token.NotBefore().Equal(time.Unix(second, 0)) }
	}
	run(t, []tolerance{
		{name: "nbf 0", edits: edits{"nbf": 0}, check: at(0)},
		{name: "nbf 0.0", edits: edits{"nbf": "json:0.0"}, check: at(0)},
		{name: "nbf -0", edits: edits{"nbf": "json:-0"}, check: at(0)},
		{name: "nbf 1e-400", edits: edits{"nbf": "json:1e-400"}, check: at(0)},
		{name: "nbf -1", edits: edits{"nbf": -1}, check: at(-1)},
		{name: "nbf in the year 1", edits: edits{"nbf": -62135596800}},
		{name: "nbf in the year 0", edits: edits{"nbf": -62135596801}, want: consumer.ReasonClaims},
		{name: "nbf 1e300", edits: edits{"nbf": "json:1e300"}, want: consumer.ReasonClaims},
		{name: "nbf -1e300", edits: edits{"nbf": "json:-1e300"}, want: consumer.ReasonClaims},
		{name: "nbf as a string", edits: edits{"nbf": "0"}, want: consumer.ReasonClaims},
		{name: "nbf in the future", edits: edits{"nbf": time.Now().Add(time.Hour).Unix()}, want: consumer.ReasonNotYetValid},
		{name: "iat 0", edits: edits{"iat": 0}, check: func(token *consumer.Token) bool { return token.IssuedAt().Equal(time.Unix(0, 0)) }},
		{name: "iat 0, required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"iat"} }, edits: edits{"iat": 0}},
		{name: "iat -1", edits: edits{"iat": -1}},
		{name: "exp 0", edits: edits{"exp": 0}, want: consumer.ReasonClaims},
		{name: "exp -1", edits: edits{"exp": -1}, want: consumer.ReasonClaims},
	})
}

func TestCaseT8_EvidenceOutweighsNonce(t *testing.T) {
	t.Parallel()
	found := []string{"nonce_in_access_token claim nonce"}
	with := func(p consumer.Profile) func(*consumer.Config) { return func(cfg *consumer.Config) { cfg.Profile = p } }
	keycloak := edits{"jti": "1", "azp": "app", "typ": "Bearer", "nonce": "n"}
	run(t, []tolerance{
		{name: "scope", edits: edits{"nonce": "n", "scope": "openid"}, quirks: found},
		{name: "scope array", edits: edits{"nonce": "n", "scope": []string{"openid"}}, quirks: found},
		{name: "scp", edits: edits{"nonce": "n", "scp": []string{"a"}}, quirks: found},
		{name: "token_use", edits: edits{"nonce": "n", "token_use": "access"}, quirks: found},
		{name: "typ", edits: edits{"nonce": "n", "typ": "Bearer"}, quirks: found},
		{name: "Keycloak", set: with(consumer.ProfileKeycloak), edits: keycloak, quirks: found},
		{name: "auth_time with scope", edits: edits{"auth_time": 1, "scope": "a"}},
		{name: "auth_time with token_use", edits: edits{"auth_time": 1, "token_use": "access"}},

		{name: "nonce alone", edits: edits{"nonce": "n"}, want: consumer.ReasonType},
		{name: "nonce and jti", edits: edits{"nonce": "n", "jti": "1"}, want: consumer.ReasonType},
		{name: "empty scope", edits: edits{"nonce": "n", "scope": ""}, want: consumer.ReasonType},
		{name: "empty scp", edits: edits{"nonce": "n", "scp": []string{}}, want: consumer.ReasonType},
		{name: "token_use id", edits: edits{"nonce": "n", "scope": "a", "token_use": "id"}, want: consumer.ReasonType},
		{name: "typ ID", edits: edits{"nonce": "n", "scope": "a", "typ": "ID"}, want: consumer.ReasonType},
		{name: "two claims disagree", edits: edits{"nonce": "n", "token_use": "access", "type": "id"}, want: consumer.ReasonType},
		{name: "token_type Bearer", edits: edits{"nonce": "n", "token_type": "Bearer"}, want: consumer.ReasonType},
		{name: "at_hash", edits: edits{"scope": "a", "at_hash": "h"}, want: consumer.ReasonType},
		{name: "c_hash", edits: edits{"scope": "a", "c_hash": "h"}, want: consumer.ReasonType},
		{name: "s_hash", edits: edits{"scope": "a", "s_hash": "h"}, want: consumer.ReasonType},
		{name: "at_hash, token_use", edits: edits{"token_use": "access", "at_hash": "h"}, want: consumer.ReasonType},
		{name: "at_hash, Keycloak", set: with(consumer.ProfileKeycloak),
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "at_hash": "h"}, want: consumer.ReasonType},
	})
}

func TestCaseT9_DefaultProfileRejectsSignInClaims(t *testing.T) {
	t.Parallel()
	run(t, []tolerance{
		{name: "session_id", edits: edits{"auth_time": 1, "amr": []string{"pwd"}, "session_id": "s"}, want: consumer.ReasonType},
		{name: "role", edits: edits{"amr": []string{"pwd"}, "role": "authenticated"}, want: consumer.ReasonType},
		{name: "jti", edits: edits{"auth_time": 1, "amr": []string{"pwd"}, "jti": "1"}},
	})
}

func TestCaseT10_AbsentAudience(t *testing.T) {
	t.Parallel()
	allow := func(cfg *consumer.Config) { cfg.InsecureNoAudience, cfg.ClientIDs = true, []string{"app"} }
	run(t, []tolerance{
		{name: "empty array", set: allow, edits: edits{"client_id": "app", "aud": []string{}}, quirks: []string{"empty_member claim aud"}},
		{name: "array with a space", set: allow, edits: edits{"client_id": "app", "aud": "json:[ ]"},
			quirks: []string{"empty_member claim aud"}},
		{name: "null", set: allow, edits: edits{"client_id": "app", "aud": nil}, quirks: []string{"null_member claim aud"}},
		{name: "empty string", set: allow, edits: edits{"client_id": "app", "aud": ""}, quirks: []string{"empty_member claim aud"}},
		{name: "absent", set: allow, edits: edits{"client_id": "app", "aud": bearertest.Absent}},
		{name: "array of an empty string", set: allow, edits: edits{"client_id": "app", "aud": []string{""}}, want: consumer.ReasonAudience},
		{name: "another API", set: allow, edits: edits{"client_id": "app", "aud": []string{"other"}}, want: consumer.ReasonAudience},
		{name: "array with null", set: allow, edits: edits{"client_id": "app", "aud": []any{nil}}, want: consumer.ReasonClaims},
		{name: "false", set: allow, edits: edits{"client_id": "app", "aud": false}, want: consumer.ReasonClaims},
		{name: "empty object", set: allow, edits: edits{"client_id": "app", "aud": "json:{}"}, want: consumer.ReasonClaims},
		{name: "no client", set: allow, edits: edits{"aud": []string{}}, want: consumer.ReasonClaims},
		{name: "without the setting, empty array", edits: edits{"aud": []string{}}, want: consumer.ReasonAudience},
		{name: "without the setting, null", edits: edits{"aud": nil}, want: consumer.ReasonAudience},
	})
}

func TestCaseT12_LongHeader(t *testing.T) {
	t.Parallel()
	chain := func(n int) edits { return edits{"header x5c": []string{strings.Repeat("MIIB", n/4*3/4)}} }
	limit := func(n int) func(*consumer.Config) { return func(cfg *consumer.Config) { cfg.MaxHeaderBytes = n } }
	run(t, []tolerance{
		{name: "6 KiB by default", edits: chain(6 << 10), want: consumer.ReasonTooLarge},
		{name: "6 KiB with 8 KiB", set: limit(8 << 10), edits: chain(6 << 10)},
		{name: "9 KiB with 8 KiB", set: limit(8 << 10), edits: chain(9 << 10), want: consumer.ReasonTooLarge},
		{name: "1 KiB with 512 bytes", set: limit(512), edits: chain(1 << 10), want: consumer.ReasonTooLarge},
		{name: "20 KiB is longer than MaxTokenBytes", set: limit(64 << 10), edits: chain(20 << 10), want: consumer.ReasonTooLarge},
		{name: "jwk is not used either", set: limit(8 << 10), edits: edits{"header jwk": map[string]any{"kty": "EC"}, "header jku": "x"}},
	})

	// In a Group, the limits of the Consumer apply.
	issuer, other := newIssuer(), bearertest.NewIssuer(bearertest.IssuerConfig{URL: "https://other.test"})
	long, short := offline(t, issuer), offline(t, other)
	long.MaxHeaderBytes, short.Issuer = 8<<10, other.URL()
	short.Algorithms = nil
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, long), newConsumer(t, short)}})
	accept(t, g, chain(6<<10).apply(issuer.AccessToken()).Sign())
	accept(t, g, other.AccessToken().Sign())
	reject(t, g, chain(6<<10).apply(other.AccessToken()).Sign(), consumer.ReasonTooLarge)
	reject(t, g, chain(9<<10).apply(issuer.AccessToken()).Sign(), consumer.ReasonTooLarge)
}

func TestCaseT14_Header(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	var inCheck any
	cfg := offline(t, issuer)
	cfg.Check = func(_ context.Context, token *consumer.Token) error {
		inCheck, _ = token.Header("kid")
		return nil
	}
	c, g := newConsumer(t, cfg), newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, offline(t, issuer))}})
	kid, _ := issuer.Key("ES256")
	raw := issuer.AccessToken().SetHeader("x5t", "t").SetHeader("nested", map[string]any{"a": []int{1}}).SetHeader("nil", nil).Sign()
	for name, v := range map[string]consumer.Verifier{"Consumer": c, "Group": g} {
		for _, lookup := range []string{"verified", "cached"} {
			token := accept(t, v, raw)
			want := map[string]any{
				"kid": kid, "alg": "ES256", "typ": "at+jwt", "x5t": "t", "nested": map[string]any{"a": []any{1.0}}, "nil": nil,
			}
			for parameter, want := range want {
				got, ok := token.Header(parameter)
				if diff := cmp.Diff(want, got); diff != "" || !ok {
					t.Errorf("%s, %s: %s, %v (-want +got):\n%s", name, lookup, parameter, ok, diff)
				}
			}
			for _, parameter := range []string{"KID", "sub", ""} {
				if got, ok := token.Header(parameter); ok || got != nil {
					t.Errorf("%s, %s: %q is %v", name, lookup, parameter, got)
				}
			}
			if nested, _ := token.Header("nested"); nested != nil {
				nested.(map[string]any)["a"] = 2 //nolint:errcheck // checked above
			}
		}
	}
	if inCheck != kid {
		t.Errorf("in Config.Check, kid is %v", inCheck)
	}
	made, err := consumer.NewToken(issuerURL, json.RawMessage(`{"kid":"x"}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := made.Header("kid"); ok || got != nil {
		t.Errorf("a Token of NewToken has the header parameter kid %v", got)
	}
}

// The kit compares names byte for byte. It rejects names that differ only in case if it reads one of them.
func TestCaseT15_CaseVariants(t *testing.T) {
	t.Parallel()
	found := []string{"case_variant claims"}
	list := func(items ...any) []any { return items }
	with := func(p consumer.Profile) func(*consumer.Config) { return func(cfg *consumer.Config) { cfg.Profile = p } }
	custom := newProfile(t, consumer.ProfileConfig{
		Name: "p", ClientClaims: []string{"app"}, FixedClaims: map[string][]string{"kind": {"a"}}, ScopeClaims: []string{"can"},
		RoleClaims: [][]string{{"access", "roles"}},
	})
	run(t, []tolerance{
		{name: "Role and role", edits: edits{"Role": "admin", "role": "user"}, quirks: found, check: func(token *consumer.Token) bool {
			upper, _ := token.Claim("Role")
			lower, _ := token.Claim("role")
			return upper == "admin" && lower == "user"
		}},
		{name: "nested", edits: edits{"ext": map[string]any{"A": 1, "a": 2}}, quirks: found},
		{name: "in an array", edits: edits{"ext": list(1, map[string]any{"A": 1, "a": 2}, "last")}, quirks: found,
			check: func(token *consumer.Token) bool {
				ext, _ := token.Claim("ext")
				return cmp.Equal(ext, list(1.0, map[string]any{"A": 1.0, "a": 2.0}, "last"))
			}},
		{name: "letters outside ASCII", edits: edits{"é": 1, "É": 2}, quirks: found},
		{name: "three spellings", edits: edits{"xy": 1, "Xy": 2, "XY": 3}, quirks: found},
		{name: "role claims of another profile", set: with(consumer.ProfileKeycloak), quirks: found,
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "Roles": "a", "roles": "b"}},
		{name: "beside read claims", edits: edits{"Role": 1, "role": 2, "scope": "a"}, quirks: found},
		{name: "one spelling only", edits: edits{"Nbf": time.Now().Add(time.Hour).Unix()}},

		{name: "exp", edits: edits{"EXP": 1}, want: consumer.ReasonMalformed},
		{name: "sub", edits: edits{"Sub": "bob"}, want: consumer.ReasonMalformed},
		{name: "long s", edits: edits{"\u017fub": "bob"}, want: consumer.ReasonMalformed},
		{name: "nbf, without nbf", edits: edits{"Nbf": 1, "NBF": 1}, want: consumer.ReasonMalformed},
		{name: "scope", edits: edits{"scope": "a", "Scope": "b"}, want: consumer.ReasonMalformed},
		{name: "nonce", edits: edits{"Nonce": "a", "nonce": nil}, want: consumer.ReasonMalformed},
		{name: "members of cnf", edits: edits{"cnf": map[string]any{"jkt": "a", "JKT": "b"}}, want: consumer.ReasonMalformed},
		{name: "acr", edits: edits{"acr": "1", "ACR": "2"}, want: consumer.ReasonMalformed},
		{name: "authorization_details", edits: edits{"authorization_details": list(map[string]any{"type": "a", "Type": "b"})},
			want: consumer.ReasonMalformed},
		{name: "roles", edits: edits{"roles": "a", "Roles": "b"}, want: consumer.ReasonMalformed},
		{name: "below a role claim", set: with(consumer.ProfileKeycloak), want: consumer.ReasonMalformed,
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "realm_access": map[string]any{"roles": list("a"), "Roles": list("b")}}},
		{name: "required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"tenant"} },
			edits: edits{"tenant": "a", "Tenant": "b"}, want: consumer.ReasonMalformed},
		{name: "client of the profile", set: with(custom), edits: edits{"app": "a", "App": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "fixed by the profile", set: with(custom), edits: edits{"kind": "a", "Kind": "b"}, want: consumer.ReasonMalformed},
		{name: "scopes of the profile", set: with(custom), edits: edits{"can": "a", "Can": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "roles of the profile", set: with(custom), edits: edits{"access": "a", "Access": "b", "kind": "a"}, want: consumer.ReasonMalformed},
		{name: "header", edits: edits{"header x": 1, "header X": 2}, want: consumer.ReasonMalformed},
		{name: "header typ", edits: edits{"header Typ": "JWT"}, want: consumer.ReasonMalformed},
	})

	issuer := newIssuer()
	c := newConsumer(t, offline(t, issuer))
	for name, text := range map[string]string{
		"the same name twice": `"role":1,"role":2`, "escaped": `"role":1,"\u0072ole":2`, "nested": `"ext":{"a":1,"a":2}`,
		"variants and the same name": `"a":1,"A":2,"a":3`, "nested variants and the same name": `"B":1,"b":2,"ext":{"a":1,"a":2}`,
	} {
		if reject(t, c, issuer.AccessToken().EditClaims(add(text)).Sign(), consumer.ReasonMalformed); t.Failed() {
			t.Fatal(name)
		}
	}
	type claims struct {
		Role  string `json:"role"`
		Upper string `json:"Role"`
		Ext   []map[string]int
	}
	token := accept(t, c, issuer.AccessToken().EditClaims(add(`"Role":"admin","role":"user","Ext":[{"a":1,"A":2}],"ext":0`)).Sign())
	want := claims{Role: "user", Upper: "admin", Ext: []map[string]int{{"a": 1, "A": 2}}}
	var decoded claims
	if err := token.Decode(&decoded); err != nil {
		t.Fatal(err)
	}
	as, err := consumer.ClaimsAs[claims](token)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]claims{want, want}, []claims{decoded, as}); diff != "" {
		t.Errorf("Decode, ClaimsAs (-want +got):\n%s", diff)
	}

	if _, err := consumer.NewToken(issuerURL, json.RawMessage(`{"Role":"admin","role":"user"}`)); err != nil {
		t.Errorf("NewToken: %v", err)
	}
	if _, err := consumer.NewToken(issuerURL, json.RawMessage(`{"sub":"a","Sub":"b"}`)); !errors.Is(err, consumer.ErrInvalidToken) {
		t.Errorf("NewToken with two spellings of sub: error %v", err)
	}
}

func TestCaseT13_NoIssuer(t *testing.T) {
	t.Parallel()
	allow := func(cfg *consumer.Config) { cfg.InsecureNoIssuer = true }
	run(t, []tolerance{
		{name: "absent", set: allow, edits: edits{"iss": bearertest.Absent}, check: func(token *consumer.Token) bool {
			_, ok := token.Claim("iss")
			return token.Issuer() == issuerURL && !ok
		}},
		{name: "the configured one", set: allow},
		{name: "another one", set: allow, edits: edits{"iss": "https://other.test"}, want: consumer.ReasonIssuer},
		{name: "null", set: allow, edits: edits{"iss": nil}, want: consumer.ReasonIssuer},
		{name: "empty", set: allow, edits: edits{"iss": ""}, want: consumer.ReasonIssuer},
		{name: "number", set: allow, edits: edits{"iss": 0}, want: consumer.ReasonIssuer},
		{name: "array", set: allow, edits: edits{"iss": []string{issuerURL}}, want: consumer.ReasonIssuer},
		{name: "another spelling", set: allow, edits: edits{"iss": bearertest.Absent, "Iss": "https://other.test"}},
		{name: "two other spellings", set: allow, edits: edits{"iss": bearertest.Absent, "Iss": "x", "ISS": "x"},
			want: consumer.ReasonMalformed},
		{name: "without the setting", edits: edits{"iss": bearertest.Absent}, want: consumer.ReasonIssuer},
		{name: "still an audience", set: allow, edits: edits{"iss": bearertest.Absent, "aud": "other"}, want: consumer.ReasonAudience},
	})

	issuer := newIssuer()
	static := publishedKeys(t, issuer)
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, issuer.JWKS(), 0o600); err != nil {
		t.Fatal(err)
	}
	fromFile, err := jwks.File(file, "")
	if err != nil {
		t.Fatal(err)
	}
	remote, err := jwks.New(jwks.Config{URL: issuerURL + "/jwks"})
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		keys jwks.Source
		ok   bool
	}{
		"static": {static, true}, "file": {fromFile, true},
		"discovery": {}, "remote": {keys: remote}, "custom": {keys: fixedSource{}},
		"static and remote": {keys: jwks.Join(static, remote)},
	} {
		cfg := offline(t, issuer)
		cfg.Keys, cfg.InsecureNoIssuer = test.keys, true
		_, err := consumer.New(cfg)
		if test.ok && err != nil || !test.ok && (err == nil || !strings.Contains(err.Error(), "Config.InsecureNoIssuer requires")) {
			t.Errorf("%s: error %v", name, err)
		}
	}

	// A Group selects the Consumer by iss.
	cfg := offline(t, issuer)
	cfg.InsecureNoIssuer = true
	g := newGroup(t, consumer.GroupConfig{Consumers: []*consumer.Consumer{newConsumer(t, cfg)}})
	accept(t, g, issuer.AccessToken().Sign())
	reject(t, g, issuer.AccessToken().Set("iss", bearertest.Absent).Sign(), consumer.ReasonIssuer)
}
