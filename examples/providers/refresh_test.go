package providers

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/client"
)

// TestRefreshErrors checks further responses of the providers to a refresh. Some end the refresh token, so that the user must
// sign in again. After the others, the same refresh token works again.
//
//nolint:paralleltest,tparallel // the tests share the default transport
func TestRefreshErrors(t *testing.T) {
	wait := http.Header{"Retry-After": {"20"}}
	for name, test := range map[string]struct {
		section string
		reply   reply
		ended   bool
	}{
		"Ory, used twice":       {"Ory Hydra and Ory Network", failure(401, "token_inactive", "Token is inactive"), true},
		"Keycloak, no session":  {"Keycloak", failure(400, "invalid_grant", "Session not active"), true},
		"Keycloak, replaced":    {"Keycloak", failure(400, "invalid_grant", "Stale token"), true},
		"Entra, second factor":  {"Microsoft Entra", aadsts(400, "interaction_required", "AADSTS50076: Due to a configuration change …"), true},
		"Google, policy":        {"Google", reply{status: 400, body: `{"error":"invalid_grant","error_subtype":"invalid_rapt"}`}, true},
		"Slack, revoked":        {"Slack, user tokens", reply{body: `{"ok":false,"error":"token_revoked"}`}, true},
		"Slack, OAuth response": {"Slack, user tokens", failure(400, "invalid_grant", "Token has been expired or revoked."), true},
		"GitHub, with 400":      {"GitHub", failure(400, "bad_refresh_token", ""), true},

		"Ory, down":               {"Ory Hydra and Ory Network", failure(500, "server_error", ""), false},
		"Keycloak, web page":      {"Keycloak", reply{status: 503, mediaType: "text/html", body: "<html>Service Unavailable</html>"}, false},
		"Entra, busy":             {"Microsoft Entra", aadsts(503, "temporarily_unavailable", "AADSTS90033: A transient error has occurred."), false},
		"Entra, old certificate":  {"Microsoft Entra", aadsts(401, "invalid_client", "AADSTS700027: …"), false},
		"Google, internal":        {"Google", failure(500, "internal_failure", ""), false},
		"Slack, internal":         {"Slack, user tokens", reply{body: `{"ok":false,"error":"internal_error"}`}, false},
		"Slack, fatal":            {"Slack, user tokens", reply{body: `{"ok":false,"error":"fatal_error"}`}, false},
		"Slack, rate limit":       {"Slack, user tokens", reply{status: 429, body: `{"ok":false,"error":"ratelimited"}`, header: wait}, false},
		"Slack, changed secret":   {"Slack, user tokens", reply{body: `{"ok":false,"error":"bad_client_secret"}`}, false},
		"GitHub, changed secret":  {"GitHub", failure(200, "incorrect_client_credentials", ""), false},
		"Keycloak, changed":       {"Keycloak", failure(401, "unauthorized_client", "Invalid client or Invalid client credentials"), false},
		"Auth0, too many":         {"Auth0", failure(429, "too_many_requests", "Global limit has been reached"), false},
		"Salesforce, maintenance": {"Salesforce", reply{status: 503, body: `{"error":"temporarily_unavailable"}`}, false},
	} {
		t.Run(name, func(t *testing.T) {
			issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"RS256"}})
			_, _ = issuer.Key("RS256") // made outside of the bubble
			configuration := signIns()[test.section]
			synctest.Test(t, func(t *testing.T) {
				server := configuration.start(t, issuer)
				c, err := configuration.make(clientSecret)
				if err != nil {
					t.Fatal(err)
				}
				token := configuration.signIn(t, c, server)
				source, err := c.TokenSource(client.TokenSourceConfig{Token: token})
				if err != nil {
					t.Fatal(err)
				}
				valid := server.refresh
				server.refresh, server.badRefresh = "", test.reply
				if _, err := source.Refresh(t.Context()); errors.Is(err, client.ErrNoToken) != test.ended || err == nil {
					t.Errorf("the refresh returns: %v; want ErrNoToken: %t", err, test.ended)
				}
				server.refresh = valid
				time.Sleep(10 * time.Minute)
				renewed, err := source.Refresh(t.Context())
				if test.ended && (!errors.Is(err, client.ErrNoToken) || server.refreshes() != 1) {
					t.Errorf("after the end of the refresh token: %v, with %d requests", err, server.refreshes())
				}
				if !test.ended && (err != nil || renewed.AccessToken != server.access) {
					t.Errorf("the refresh token is lost: %v", err)
				}
			})
		})
	}
}
