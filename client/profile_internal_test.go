package client

import (
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
)

func clientProfiles() []consumer.Profile {
	return []consumer.Profile{profileIDToken, profileLogoutToken, profileAuthorizationResponse, profileUserInfo, profileIntrospection}
}

// profileConfig is the Config of a verifier that trusts one key of issuer.
func profileConfig(issuer *bearertest.Issuer, p consumer.Profile) consumer.Config {
	kid, public := issuer.Key("RS256")
	return consumer.Config{
		Issuer: issuer.URL(), Audience: []string{"app"}, Keys: jwks.Static{{ID: kid, Public: public}},
		Profile: p, InsecureAcceptIDToken: p != consumer.ProfileDefault,
	}
}

// Each profile for a client accepts its own kind of JWT, and an API accepts none of them.
func TestC17_C16_C21_C31_I7_ProfilesForClients(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Audience: "app"})
	bare := func() *bearertest.Token {
		token := issuer.AccessToken().SetHeader("typ", bearertest.Absent)
		for _, name := range []string{"client_id", "jti", "scope", "iat", "sub"} {
			token.Set(name, bearertest.Absent)
		}
		return token
	}
	tokens := map[string]string{
		"ID token": bare().Set("sub", "alice").Set("iat", time.Now().Unix()).Set("nonce", "n").Set("at_hash", "h").Sign(),
		"logout token": bare().Set("sub", "alice").Set("iat", time.Now().Unix()).Set("jti", "1").SetHeader("typ", "logout+jwt").
			Set("exp", bearertest.Absent).Set("events", map[string]any{"e": map[string]any{}}).Sign(),
		"response":     bare().Set("code", "c").Set("state", "s").Sign(),
		"user info":    bare().Set("sub", "alice").Set("exp", bearertest.Absent).Set("aud", bearertest.Absent).Sign(),
		"access token": issuer.AccessToken().Sign(),
		"introspection": bare().Set("iat", time.Now().Unix()).SetHeader("typ", "token-introspection+jwt").
			Set("exp", bearertest.Absent).Set("token_introspection", map[string]any{"active": true}).Sign(),
		"introspection, typ JWT": bare().Set("iat", time.Now().Unix()).SetHeader("typ", "JWT").
			Set("token_introspection", map[string]any{"active": true}).Sign(),
		"another's":       bare().Set("sub", "alice").Set("iat", time.Now().Unix()).Set("aud", "other").Sign(),
		"without subject": bare().Set("iat", time.Now().Unix()).Set("events", 1).Sign(),
	}
	for profile, accepted := range map[consumer.Profile][]string{
		consumer.ProfileDefault:      {"access token"},
		profileIDToken:               {"ID token"},
		profileLogoutToken:           {"logout token"},
		profileAuthorizationResponse: {"response"},
		profileUserInfo:              {"ID token", "user info"},
		profileIntrospection:         {"introspection"},
	} {
		c, err := consumer.New(profileConfig(issuer, profile))
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[string]bool)
		for _, name := range accepted {
			want[name] = true
		}
		for name, raw := range tokens {
			_, err := c.Verify(t.Context(), raw)
			if (err == nil) != want[name] {
				t.Errorf("%s: %s: %v", profile, name, err)
			}
		}
	}
}

func TestClientProfilesNeedTheSwitch(t *testing.T) {
	t.Parallel()
	for _, profile := range clientProfiles() {
		cfg := profileConfig(bearertest.NewIssuer(bearertest.IssuerConfig{Audience: "app"}), profile)
		cfg.InsecureAcceptIDToken = false
		if _, err := consumer.New(cfg); err == nil {
			t.Errorf("%s: made without InsecureAcceptIDToken", profile)
		}
	}
}
