package consumer_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
)

// The profiles of products reject tokens without the claims that their product always sends.
func TestProfilesOfProductsRequireTheirClaims(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	all := recordings(t)
	for _, test := range []struct {
		recording, claim string
		value            any
		want             consumer.Reason
	}{
		{"supabase", "session_id", "", consumer.ReasonClaims},
		{"supabase", "role", bearertest.Absent, consumer.ReasonClaims},
		{"supabase", "sub", bearertest.Absent, consumer.ReasonClaims},
		{"firebase", "firebase", bearertest.Absent, consumer.ReasonClaims},
		{"firebase", "auth_time", bearertest.Absent, consumer.ReasonClaims},
		{"firebase", "at_hash", "a", consumer.ReasonType},
		{"clerk", "sid", bearertest.Absent, consumer.ReasonClaims},
		{"clerk", "azp", "http://app.example.com", consumer.ReasonClaims},
		{"workos", "jti", bearertest.Absent, consumer.ReasonClaims},
		{"logto", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"fusionauth", "jti", bearertest.Absent, consumer.ReasonClaims},
		{"pingone", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"pingone", "iat", bearertest.Absent, consumer.ReasonClaims},
		{"azure-ad-b2c", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"azure-ad-b2c", "ver", "2.0", consumer.ReasonType},
		{"azure-ad-b2c", "scp", bearertest.Absent, consumer.ReasonType},
		{"authentik", "uid", bearertest.Absent, consumer.ReasonClaims},
		{"authentik", "azp", bearertest.Absent, consumer.ReasonClaims},
		{"authelia", "jti", bearertest.Absent, consumer.ReasonClaims},
		{"casdoor", "tokenType", "Access-Token", consumer.ReasonType},
		{"casdoor", "tokenType", 1, consumer.ReasonType},
		{"duende", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"ory", "client_id", bearertest.Absent, consumer.ReasonClaims},
		{"adfs", "appid", bearertest.Absent, consumer.ReasonClaims},
		{"kubernetes", "kubernetes.io", bearertest.Absent, consumer.ReasonClaims},
		{"kubernetes", "nbf", bearertest.Absent, consumer.ReasonClaims},
		{"github-actions", "repository", bearertest.Absent, consumer.ReasonClaims},
		{"github-actions", "repository_owner_id", bearertest.Absent, consumer.ReasonClaims},
		{"gitlab-ci", "project_path", bearertest.Absent, consumer.ReasonClaims},
		{"gitlab-ci", "job_id", bearertest.Absent, consumer.ReasonClaims},
		{"cloudflare-access", "type", "App", consumer.ReasonType},
		{"google-iap", "email", bearertest.Absent, consumer.ReasonClaims},
	} {
		t.Run(test.recording+"_"+test.claim, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := all[test.recording]
				r.at()
				c := newConsumer(t, r.config(issuer))
				accept(t, c, r.AccessToken.draft(issuer).Sign())
				reject(t, c, r.AccessToken.draft(issuer).Set(test.claim, test.value).Sign(), test.want)
				reject(t, c, r.AccessToken.draft(issuer).SetHeader("typ", "logout+jwt").Sign(), consumer.ReasonType)
			})
		})
	}
}

// Every profile requires exp and the audience, unless the Config says otherwise, and rejects the marks of other kinds of
// token.
func TestProfilesOfProductsRejectOtherKinds(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	for name, r := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r.at()
				c := newConsumer(t, r.config(issuer))
				reject(t, c, r.AccessToken.draft(issuer).Set("exp", bearertest.Absent).Sign(), consumer.ReasonClaims)
				reject(t, c, r.AccessToken.draft(issuer).Set("aud", "https://other.example.com").Sign(), consumer.ReasonAudience)
				reject(t, c, r.AccessToken.draft(issuer).Set("events", map[string]any{"e": 1}).Sign(), consumer.ReasonType)
				if !r.InsecureAcceptIDToken {
					reject(t, c, r.AccessToken.draft(issuer).Set("at_hash", "a").Sign(), consumer.ReasonType)
				}
			})
		})
	}
}

// Anybody can obtain a token of these issuers, so a Config without a restriction is rejected.
func TestPublicIssuersRequireARestriction(t *testing.T) {
	t.Parallel()
	for _, profile := range []consumer.Profile{consumer.ProfileGitHubActions, consumer.ProfileGitLabCI, consumer.ProfileGoogle} {
		cfg := offline(t, newIssuer())
		cfg.Profile, cfg.InsecureAcceptIDToken = profile, profile == consumer.ProfileGoogle
		if _, err := consumer.New(cfg); err == nil || !strings.Contains(err.Error(), "Config.ClientIDs or Check is required by the profile "+profile.String()) {
			t.Errorf("%v without a restriction: %v", profile, err)
		}
		cfg.ClientIDs = []string{"my-group/my-project"}
		newConsumer(t, cfg)
		cfg.ClientIDs, cfg.Check = nil, func(context.Context, *consumer.Token) error { return nil }
		newConsumer(t, cfg)
	}
}

// The roles and the scopes of products are read from their own claims.
func TestProfilesOfProductsReadRolesAndScopes(t *testing.T) {
	t.Parallel()
	issuer := theProvider()
	all := recordings(t)
	for recording, role := range map[string]string{
		"supabase": "authenticated", "clerk": "admin", "workos": "member", "fusionauth": "admin", "authentik": "staff",
		"keycloak": "reader",
	} {
		t.Run(recording, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r := all[recording]
				r.at()
				token := accept(t, newConsumer(t, r.config(issuer)), r.AccessToken.draft(issuer).Sign())
				if !token.HasRole(role) || token.HasRole("root") {
					t.Errorf("roles %q, want %q", token.Roles(), role)
				}
			})
		})
	}
}
