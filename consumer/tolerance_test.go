package consumer_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
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
		{
			name: "RFC 9068 needs a client", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileRFC9068 },
			edits: edits{"header typ": "at+jwt", "jti": "1"}, want: consumer.ReasonClaims,
		},
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
		{
			name: "a profile that requires sub", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileAuth0 },
			edits: edits{"sub": bearertest.Absent, "azp": "app"}, want: consumer.ReasonClaims,
		},
		{
			name: "RequiredClaims", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"sub"} },
			edits: edits{"sub": bearertest.Absent, "client_id": "app"}, want: consumer.ReasonClaims,
		},
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
		{
			name: "required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"iat"} },
			edits: edits{"iat": bearertest.Absent}, want: consumer.ReasonClaims,
		},
		{
			name: "null, required", set: func(cfg *consumer.Config) { cfg.RequiredClaims = []string{"iat"} },
			edits: edits{"iat": nil}, want: consumer.ReasonClaims,
		},
		{name: "in the future", edits: edits{"iat": time.Now().Add(time.Hour).Unix()}, want: consumer.ReasonIssuedInFuture},
	})
}

func TestCaseT5_NullIsAbsent(t *testing.T) {
	t.Parallel()
	run(t, []tolerance{
		{name: "jti", edits: edits{"jti": nil}, quirks: []string{"null_member claim jti"}},
		{
			name: "nbf", edits: edits{"nbf": nil}, quirks: []string{"null_member claim nbf"},
			check: func(token *consumer.Token) bool { return token.NotBefore().IsZero() },
		},
		{name: "scope", edits: edits{"scope": nil}, quirks: []string{"null_member claim of the scopes"}},
		{
			name: "scope, scp has a value", edits: edits{"scope": nil, "scp": "a"}, quirks: []string{"null_member claim of the scopes"},
			check: func(token *consumer.Token) bool { return token.HasScope("a") },
		},
		{name: "nonce", edits: edits{"nonce": nil}, quirks: []string{"null_member claim nonce"}},
		{name: "empty nonce", edits: edits{"nonce": ""}, quirks: []string{"empty_member claim nonce"}},
		{
			name: "auth_time and amr", edits: edits{"auth_time": nil, "amr": nil},
			quirks: []string{"null_member claim amr", "null_member claim auth_time"},
		},
		{name: "azp", edits: edits{"azp": nil}, quirks: []string{"null_member claim of the client"}},
		{name: "client_id", edits: edits{"client_id": nil}, quirks: []string{"null_member claim of the client"}},
		{name: "header kid", edits: edits{"header kid": nil}, quirks: []string{"null_member header kid"}},
		{name: "header typ", edits: edits{"header typ": nil}, quirks: []string{"null_member header typ"}},
		{name: "roles", edits: edits{"roles": nil}},
		{name: "a claim that is not read", edits: edits{"picture": nil}},
		{
			name: "a member of cnf", edits: edits{"cnf": map[string]any{"jkt": "j", "x5t#S256": nil}},
			quirks: []string{"null_member member of claim cnf"}, check: func(token *consumer.Token) bool {
				got, bound := token.Confirmation()
				return bound && got == consumer.Confirmation{JWKThumbprint: "j"}
			},
		},
		{
			name: "all members of cnf", edits: edits{"cnf": map[string]any{"jkt": nil}},
			quirks: []string{"null_member member of claim cnf"}, check: func(token *consumer.Token) bool {
				got, bound := token.Confirmation()
				return bound && got.Unknown
			},
		},

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
		{
			name: "both empty", edits: edits{"client_id": "", "azp": "", "cid": "app"}, check: isApp,
			quirks: []string{"empty_member claim of the client"},
		},
		{name: "first one has a value", edits: edits{"client_id": "app", "azp": "other"}, check: isApp},
		{
			name: "only empty ones", edits: edits{"client_id": "", "azp": ""}, quirks: []string{"empty_member claim of the client"},
			check: func(token *consumer.Token) bool { return token.ClientID() == "" },
		},
		{
			name: "only empty ones, required", set: func(cfg *consumer.Config) { cfg.Profile = consumer.ProfileAuth0 },
			edits: edits{"client_id": "", "azp": ""}, want: consumer.ReasonClaims,
		},
		{name: "an array", edits: edits{"client_id": []string{}, "azp": "app"}, want: consumer.ReasonClaims},
		{name: "a number", edits: edits{"client_id": 0, "azp": "app"}, want: consumer.ReasonClaims},
		{
			name: "not the configured one", set: func(cfg *consumer.Config) { cfg.ClientIDs = []string{"other"} },
			edits: edits{"client_id": "", "azp": "app"}, want: consumer.ReasonClaims,
		},
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
		{name: "nbf in the year 1", edits: edits{"nbf": int64(-62135596800)}},
		{name: "nbf in the year 0", edits: edits{"nbf": int64(-62135596801)}, want: consumer.ReasonClaims},
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
