package consumer_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// A token of an issuer without `sub` can also be an authorization response, which has no sub either (JARM section 2.1).
func TestCaseT2_AuthorizationResponsesAreRejected(t *testing.T) {
	t.Parallel()
	asID := func(cfg *consumer.Config) { cfg.InsecureAcceptIDToken = true }
	response := func(name string, value any) edits { return edits{"sub": bearertest.Absent, "state": "s", name: value} }
	run(t, []tolerance{
		{name: "code", edits: response("code", "x"), want: consumer.ReasonType},
		{name: "error", edits: response("error", "access_denied"), want: consumer.ReasonType},
		{name: "error with a null sub", edits: edits{"sub": nil, "error": "access_denied"}, want: consumer.ReasonType},
		{name: "access_token", edits: response("access_token", "x"), want: consumer.ReasonType},
		{name: "id_token", edits: response("id_token", "x"), want: consumer.ReasonType},
		{name: "code, ID tokens accepted", set: asID, edits: response("code", "x"), want: consumer.ReasonType},
		{name: "error, ID tokens accepted", set: asID, edits: response("error", "x"), want: consumer.ReasonType},
		{name: "client", edits: edits{"sub": bearertest.Absent, "client_id": "app"}},
		{name: "error with sub", edits: edits{"error": "none"}},
	})
}

// Issuers write the kind of a token differently. A refresh token is one in every spelling.
func TestCaseT8_SpellingsOfAKind(t *testing.T) {
	t.Parallel()
	var tests []tolerance
	for _, claim := range []string{"typ", "type", "token_use", "token_type", "tokenType"} {
		for _, kind := range []string{
			"id", "ID", "id_token", "id-token", "IDToken", "idToken", "id_token+jwt", "logout", "logout-token", "logout+jwt",
			"refresh", "Refresh", "refresh_token", "refresh-token", "RefreshToken", "Refresh Token", "Offline", "rt+jwt",
		} {
			tests = append(tests, tolerance{name: claim + " " + kind, edits: edits{claim: kind, "scope": "a"}, want: consumer.ReasonType})
		}
		for _, kind := range []string{"access", "access_token", "access-token", "AccessToken", "at+jwt", "Bearer", "JWT", "device"} {
			tests = append(tests, tolerance{name: claim + " " + kind, edits: edits{claim: kind}})
		}
	}
	run(t, tests)
}

// Only a claim that can hold scopes is evidence of an access token.
func TestCaseT8_EvidenceIsOfTheRightType(t *testing.T) {
	t.Parallel()
	set := func(cfg *consumer.Config) { cfg.ScopeClaims = []string{"permissions"} }
	run(t, []tolerance{
		{name: "string", set: set, edits: edits{"nonce": "n", "scope": "a"}, quirks: []string{"nonce_in_access_token claim nonce"}},
		{name: "false", set: set, edits: edits{"nonce": "n", "scope": false}, want: consumer.ReasonType},
		{name: "object", set: set, edits: edits{"nonce": "n", "scp": map[string]any{}}, want: consumer.ReasonType},
		{name: "number with auth_time", set: set, edits: edits{"auth_time": 1, "scp": 1}, want: consumer.ReasonType},
	})
}

// What counts as an absent audience also counts as a missing one.
func TestCaseT10_RequiredAudience(t *testing.T) {
	t.Parallel()
	set := func(cfg *consumer.Config) {
		cfg.InsecureNoAudience, cfg.ClientIDs, cfg.RequiredClaims = true, []string{"app"}, []string{"aud"}
	}
	run(t, []tolerance{
		{name: "present", set: set, edits: edits{"client_id": "app"}},
		{name: "empty array", set: set, edits: edits{"client_id": "app", "aud": []string{}}, want: consumer.ReasonClaims},
		{name: "empty string", set: set, edits: edits{"client_id": "app", "aud": ""}, want: consumer.ReasonClaims},
		{name: "null", set: set, edits: edits{"client_id": "app", "aud": nil}, want: consumer.ReasonClaims},
	})
}

// A profile can read the client from a claim about a user. Then errors, explanations and logs do not show it.
func TestClientFromAClaimAboutAUserIsNotShown(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	for _, test := range []struct {
		claims []string
		shown  bool
	}{
		{[]string{"client_id"}, true},
		{[]string{"azp", "aud", "repository"}, true},
		{[]string{"sub"}, false},
		{[]string{"email"}, false},
		{[]string{"client_id", "sub"}, false},
	} {
		profile, err := consumer.NewProfile(consumer.ProfileConfig{Name: "mine", ClientClaims: test.claims})
		if err != nil {
			t.Fatal(err)
		}
		cfg := offline(t, issuer)
		cfg.Profile = profile
		token := issuer.AccessToken().Set("client_id", bearertest.Absent).Set(test.claims[len(test.claims)-1], "the-caller")
		token.Set("aud", []string{audience, "b"})
		if test.claims[0] == "azp" {
			token.Set("repository", "the-caller")
		}
		accepted := accept(t, newConsumer(t, cfg), token.Sign())
		if accepted.ClientID() != "the-caller" {
			t.Fatalf("%v: client %q", test.claims, accepted.ClientID())
		}
		cfg.ClientIDs = []string{"another"}
		_, x, err := newConsumer(t, cfg).Explain(t.Context(), token.Sign())
		if err == nil || !strings.Contains(err.Error(), `is not one of ["another"] (Config.ClientIDs)`) {
			t.Errorf("%v: error %v, want one that names Config.ClientIDs", test.claims, err)
		}
		for name, text := range map[string]string{
			"error": err.Error(), "Explain": x.String(), "Format": fmt.Sprint(accepted), "LogValue": slog.AnyValue(accepted).Resolve().String(),
		} {
			if got := strings.Contains(text, "the-caller"); got != test.shown {
				t.Errorf("%v: %s shows the client: %v, want %v:\n%s", test.claims, name, got, test.shown, text)
			}
		}
	}
}

// The error for a tenant that is not accepted names the setting, also in the log.
func TestJ7_TenantThatIsNotAcceptedIsExplained(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cfg, r, issuer := entra(t)
		r.at()
		err := reject(t, tenantGroup(t, cfg), ofTenant(r, issuer, tenantC, tenantC).Sign(), consumer.ReasonIssuer)
		want := `iss "https://login.microsoftonline.com/` + tenantC + `/v2.0" is not the issuer of an accepted tenant of "` + entraTemplate +
			`" (TenantsConfig.Tenants)`
		if err.LogDetail() != want {
			t.Errorf("LogDetail returns %q, want %q", err.LogDetail(), want)
		}
	})
}

// The claim that names the tenant is compared in every Consumer of ResolveTenants, also without `iss` in the token.
func TestJ7_TenantClaimIsComparedWithEveryProfile(t *testing.T) {
	t.Parallel()
	issuer := newIssuer()
	keys := publishedKeys(t, issuer)
	common := consumer.Config{Audience: []string{audience}, Keys: keys}
	withoutIssuer, workload := common, common
	withoutIssuer.InsecureNoIssuer, workload.Profile = true, consumer.ProfileSPIFFE
	for name, test := range map[string]struct {
		template, issuer string
		cfg              consumer.Config
		token            edits
	}{
		"no iss": {"https://{tenantid}.test", "https://a.test", withoutIssuer, edits{"iss": bearertest.Absent}},
		"SPIFFE": {
			"spiffe://{tenantid}", "spiffe://a", workload,
			edits{"iss": bearertest.Absent, "sub": "spiffe://a/b", "header typ": "JWT"},
		},
	} {
		resolve, err := consumer.ResolveTenants(consumer.TenantsConfig{
			IssuerTemplate: test.template, Tenants: []string{"a", "b"}, TenantClaim: "tenant", Config: test.cfg,
		})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := resolve(t.Context(), test.issuer)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		token := func() *bearertest.Token { return test.token.apply(issuer.AccessToken()) }
		accept(t, c, token().Set("tenant", "a").Sign())
		reject(t, c, token().Set("tenant", "b").Sign(), consumer.ReasonIssuer)
		reject(t, c, token().Sign(), consumer.ReasonIssuer)
	}
}
