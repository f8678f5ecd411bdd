package interop_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/zitadel/oidc/v3/pkg/op"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/consumer/introspection"
	"github.com/bearerkit/bearerkit/middleware"
)

// TestU2_R1_IntrospectedStepUp checks that the rules read acr, auth_time and authorization_details of an introspection response
// of oidc-provider as they read those of a JWT, and that the client can follow the challenge.
func TestU2_R1_IntrospectedStepUp(t *testing.T) {
	t.Parallel()
	p := startOIDCProvider(t)
	verifier := newIntrospection(t, introspection.Config{
		Client: newClient(t, resourceServer(p.issuer, "rs", client.AuthBasic)), Audience: []string{apiOpaque},
	})
	web := p.as(t, "web", func(cfg *client.Config) { cfg.Resource = []string{apiOpaque} })
	options := client.AuthorizationOptions{
		Scopes: []string{"openid", "api:read"}, Extra: url.Values{"authorization_details": {payment(t, "initiate", "status")}},
	}
	b := newBrowser(t)
	weak := signInWith(t, b, web, options)
	for _, f := range frameworks {
		api := f.serve(t, verifier, middleware.StepUp(10*time.Minute, "otp"),
			middleware.AuthorizationDetails("payment_initiation", "initiate"), middleware.Principal(consumer.PrincipalUser))
		got := api.get(t, "Bearer", weak.AccessToken)
		want := answer{
			Status: http.StatusUnauthorized, Error: "insufficient_user_authentication", ACR: "otp", MaxAge: 600,
			Reason: consumer.ReasonStepUp,
		}
		if got != want {
			t.Fatalf("%s: %s, want %s", f.name, got, want)
		}
		again := options
		again.ACRValues, again.MaxAge = strings.Fields(got.ACR), time.Duration(got.MaxAge)*time.Second
		strong := signInWith(t, b, web, again).AccessToken
		if got := api.get(t, "Bearer", strong); got != passed("alice") {
			t.Errorf("%s: %s", f.name, got)
		}
		api = f.serve(t, verifier, middleware.AuthorizationDetails("payment_initiation", "initiate", "cancel"))
		if got := api.get(t, "Bearer", strong); got != missingDetails() {
			t.Errorf("%s: %s", f.name, got)
		}
	}
	// The token of a client has neither a sign-in nor a user.
	machine := p.machineToken(t, "cc", apiOpaque, "api:read")
	for rule, want := range map[*middleware.Rule]answer{
		new(middleware.StepUp(time.Hour)): {
			Status: http.StatusUnauthorized, Error: "insufficient_user_authentication", MaxAge: 3600, Reason: consumer.ReasonStepUp,
		},
		new(middleware.Principal(consumer.PrincipalUser)): {Status: http.StatusForbidden, Reason: consumer.ReasonPolicy},
	} {
		if got := frameworks[0].serve(t, verifier, *rule).get(t, "Bearer", machine); got != want {
			t.Errorf("the token of a client: %s, want %s", got, want)
		}
	}
}

// TestAlsoVerifiedBy_Zitadel verifies a JWT of zitadel's library, and also introspects it. After the token was revoked, only
// the route that introspects it rejects it.
func TestAlsoVerifiedBy_Zitadel(t *testing.T) {
	t.Parallel()
	z := startZitadel(t, op.AccessTokenTypeJWT)
	cfg := resourceServer(z.issuer, "web", client.AuthBasic)
	// zitadel's example names the client in the aud of its JWTs. Its introspection response has no aud and no token_type.
	verifier := z.newConsumer(t, audience("web"))
	online := newIntrospection(t, introspection.Config{
		Client: newClient(t, cfg), InsecureNoAudience: true, InsecureNoTokenType: true, ActiveFor: -1, InactiveFor: -1,
	})
	raw := z.signInAs(t, cfg)
	for _, f := range frameworks {
		local, both := f.serve(t, verifier), f.serve(t, verifier, middleware.AlsoVerifiedBy(online))
		for name, api := range map[string]*api{"local": local, "both": both} {
			if got := api.get(t, "Bearer", raw); got != passed("id2") {
				t.Errorf("%s, %s: %s", f.name, name, got)
			}
		}
	}
	succeed(t, newClient(t, cfg).Revoke(t.Context(), raw, "access_token"))
	for _, f := range frameworks {
		if got := f.serve(t, verifier).get(t, "Bearer", raw); got != passed("id2") {
			t.Errorf("%s: local verification after the revocation: %s", f.name, got)
		}
		if got := f.serve(t, verifier, middleware.AlsoVerifiedBy(online)).get(t, "Bearer", raw); got != invalidToken(consumer.ReasonInactive) {
			t.Errorf("%s: both after the revocation: %s", f.name, got)
		}
	}
}
