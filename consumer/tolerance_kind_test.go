package consumer_test

import (
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

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
		{
			name: "Keycloak, bound to a key", set: with(consumer.ProfileKeycloak),
			edits: edits{"jti": "1", "azp": "app", "typ": "DPoP", "nonce": "n"}, quirks: found,
		},
		{name: "auth_time with scope", edits: edits{"auth_time": 1, "scope": "a"}},
		{name: "auth_time with token_use", edits: edits{"auth_time": 1, "token_use": "access"}},

		{name: "nonce alone", edits: edits{"nonce": "n"}, want: consumer.ReasonType},
		{name: "nonce and jti", edits: edits{"nonce": "n", "jti": "1"}, want: consumer.ReasonType},
		{name: "empty scope", edits: edits{"nonce": "n", "scope": ""}, want: consumer.ReasonType},
		{name: "empty scp", edits: edits{"nonce": "n", "scp": []string{}}, want: consumer.ReasonType},
		{name: "token_use id", edits: edits{"nonce": "n", "scope": "a", "token_use": "id"}, want: consumer.ReasonType},
		{name: "typ ID", edits: edits{"nonce": "n", "scope": "a", "typ": "ID"}, want: consumer.ReasonType},
		{name: "two claims disagree", edits: edits{"nonce": "n", "token_use": "access", "type": "id"}, want: consumer.ReasonType},
		{name: "typ DPoP", edits: edits{"nonce": "n", "typ": "DPoP"}, quirks: found},
		{name: "token_type DPoP", edits: edits{"nonce": "n", "token_type": "DPoP"}, want: consumer.ReasonType},
		{name: "token_type Bearer", edits: edits{"nonce": "n", "token_type": "Bearer"}, want: consumer.ReasonType},
		{name: "at_hash", edits: edits{"scope": "a", "at_hash": "h"}, want: consumer.ReasonType},
		{name: "c_hash", edits: edits{"scope": "a", "c_hash": "h"}, want: consumer.ReasonType},
		{name: "s_hash", edits: edits{"scope": "a", "s_hash": "h"}, want: consumer.ReasonType},
		{name: "at_hash, token_use", edits: edits{"token_use": "access", "at_hash": "h"}, want: consumer.ReasonType},
		{
			name: "at_hash, Keycloak", set: with(consumer.ProfileKeycloak),
			edits: edits{"jti": "1", "azp": "app", "typ": "Bearer", "at_hash": "h"}, want: consumer.ReasonType,
		},
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
		{
			name: "array with a space", set: allow, edits: edits{"client_id": "app", "aud": "json:[ ]"},
			quirks: []string{"empty_member claim aud"},
		},
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
