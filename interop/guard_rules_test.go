package interop_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// details sends tokens with authorization details (RFC 9396), and tokens of users who sign in again (RFC 9470).
func (s *sender) details() []guardFlow {
	return []guardFlow{
		{"R1", "authorization details (RFC 9396) in a DPoP-bound token of oauth4webapi", s.machineDetails},
		{"R1", "authorization details (RFC 9396), granted by a user", s.userDetails},
		{"U1", "step-up (RFC 9470): sign in again with the acr of the challenge", s.stepUp},
		{"X2", "DPoP: rule SenderConstrained rejects a bearer token and accepts a bound one", s.senderConstrained},
	}
}

// payment returns authorization details that oidc-provider accepts.
func payment(t *testing.T, actions ...string) string {
	t.Helper()
	details, err := json.Marshal([]map[string]any{
		{"type": "account_information", "actions": []string{"list"}},
		{"type": "payment_initiation", "actions": actions, "instructedAmount": map[string]string{"currency": "EUR", "amount": "12.50"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(details)
}

func missingDetails() answer {
	return answer{Status: http.StatusForbidden, Error: "insufficient_scope", Reason: consumer.ReasonAuthorizationDetails}
}

func underDPoP(want answer) answer {
	want.Scheme = "DPoP"
	return want
}

func (s *sender) machineDetails(t *testing.T) {
	key := s.node.newKey(t, "ES256")
	may := key.token(t, s.authorizationServer, map[string]string{"authorization_details": payment(t, "initiate", "status")})
	mayNot := key.token(t, s.authorizationServer, map[string]string{"authorization_details": payment(t, "status")})
	none := key.token(t, s.authorizationServer, nil)
	rule := middleware.AuthorizationDetails("payment_initiation", "initiate")
	for _, f := range frameworks {
		api := s.guarded(t, f, nil, rule)
		for token, want := range map[string]answer{
			may: passed("dpop"), mayNot: underDPoP(missingDetails()), none: underDPoP(missingDetails()),
		} {
			proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, "")
			api.wants(t, api.request(t, "DPoP", token, proof), want)
		}
	}
}

func (s *sender) userDetails(t *testing.T) {
	web := s.as(t, "web", func(cfg *client.Config) { cfg.Resource = []string{apiRS256} })
	token := signIn(t, web, client.AuthorizationOptions{
		Scopes: []string{"openid", "api:read"}, Extra: url.Values{"authorization_details": {payment(t, "initiate")}},
	})
	for _, f := range frameworks {
		api := s.guarded(t, f, nil, middleware.AuthorizationDetails("payment_initiation", "initiate"))
		api.wants(t, api.request(t, "Bearer", token.AccessToken), passed("alice"))
		api = s.guarded(t, f, nil, middleware.AuthorizationDetails("payment_initiation", "initiate", "cancel"))
		api.wants(t, api.request(t, "Bearer", token.AccessToken), missingDetails())
	}
}

// stepUp signs a user in with a password, calls an API that requires a second factor, and signs in again as its challenge says.
func (s *sender) stepUp(t *testing.T) {
	web := s.as(t, "web", func(cfg *client.Config) { cfg.Resource = []string{apiRS256} })
	scopes := []string{"openid", "api:read"}
	b := newBrowser(t)
	weak := signInWith(t, b, web, client.AuthorizationOptions{Scopes: scopes})
	for _, f := range frameworks {
		api := s.guarded(t, f, nil, middleware.StepUp(10*time.Minute, "phr", "otp"))
		got := api.send(t, api.server.Client(), api.request(t, "Bearer", weak.AccessToken))
		want := answer{
			Status: http.StatusUnauthorized, Error: "insufficient_user_authentication", ACR: "phr otp", MaxAge: 600,
			Reason: consumer.ReasonStepUp,
		}
		if got != want {
			t.Fatalf("%s: %s, want %s", f.name, got, want)
		}
		header, _ := api.header(t, api.request(t, "Bearer", weak.AccessToken))
		again, ok := client.AuthorizationOptions{Scopes: scopes, Subject: "alice"}.StepUp(header)
		if !ok {
			t.Fatalf("%s: no requirements in %q", f.name, header["Www-Authenticate"])
		}
		strong := signInWith(t, b, web, again)
		api.wants(t, api.request(t, "Bearer", strong.AccessToken), passed("alice"))
	}
}

func (s *sender) senderConstrained(t *testing.T) {
	bearer := s.machineToken(t, "cc", apiRS256, "api:read")
	key := s.node.newKey(t, "ES256")
	token := key.token(t, s.authorizationServer, nil)
	for _, f := range frameworks {
		api := s.guarded(t, f, nil, middleware.SenderConstrained())
		api.wants(t, api.request(t, "Bearer", bearer), invalidToken(consumer.ReasonBinding))
		proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, "")
		api.wants(t, api.request(t, "DPoP", token, proof), passed("dpop"))
	}
}
