package middleware_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

func mustJSON(v any) json.RawMessage {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return text
}

// X2: a route that requires a bound token rejects a bearer token.
func TestX2_SenderConstrainedRejectsBearerTokens(t *testing.T) {
	t.Parallel()
	for i, got := range inTurn(t, map[string]any{"scope": "read"}, middleware.SenderConstrained(), middleware.Scopes("write")) {
		want := withScopes(withRule(invalidToken(consumer.ReasonBinding), "sender_constrained"), "write")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: response (-want +got):\n%s", []string{"JWT", "introspection"}[i], diff)
		}
	}
}

// X2: a route that requires a bound token accepts one that is bound to a key or to a certificate, and no bearer token.
func TestX2_SenderConstrained(t *testing.T) {
	t.Parallel()
	k := newKeyed(t, middleware.Config{MTLS: &middleware.MTLSConfig{}})
	k.handler = k.guard.Handler(k.guard.With(middleware.SenderConstrained(), middleware.Scopes("orders:read"))(hello))
	cert := newCertificate(t, nil, "client")
	withCertificate := func(r *http.Request) *http.Request {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true, PeerCertificates: []*x509.Certificate{cert.Leaf}}
		return r
	}
	bearer := func(cnf map[string]any) string {
		return "Bearer " + k.issuer.AccessToken().Set("scope", "orders:read").Set("cnf", cnf).Sign()
	}
	outer := bearerRejected(http.StatusUnauthorized, "invalid_token", consumer.ReasonBinding) // by the Guard, which has no scopes
	unbound := outer
	unbound.Challenges = nil
	for _, challenge := range outer.Challenges {
		unbound.Challenges = append(unbound.Challenges, challenge+`, scope="orders:read"`)
	}
	for name, test := range map[string]struct {
		request *http.Request
		want    outcome
	}{
		"key":                    {k.good(), accepted},
		"certificate":            {withCertificate(get(bearer(map[string]any{"x5t#S256": thumbprint(cert)}), "")), accepted},
		"certificate missing":    {get(bearer(map[string]any{"x5t#S256": thumbprint(cert)}), ""), outer},
		"bearer":                 {get("Bearer "+k.issuer.AccessToken().Set("scope", "orders:read").Sign(), ""), unbound},
		"bearer, certificate":    {withCertificate(get("Bearer "+k.issuer.AccessToken().Set("scope", "orders:read").Sign(), "")), unbound},
		"bearer without a scope": {get("Bearer "+k.issuer.AccessToken().Sign(), ""), unbound},
		"cnf without a member":   {get(bearer(map[string]any{}), ""), outer},
		"unknown cnf":            {get(bearer(map[string]any{"kid": "x"}), ""), outer},
	} {
		if got, _ := k.send(test.request); !cmp.Equal(test.want, got) {
			t.Errorf("%s: response (-want +got):\n%s", name, cmp.Diff(test.want, got))
		}
	}
}

// X2: a SenderConstrained that no token can meet is logged when the route is created.
func TestX2_SenderConstrainedWithoutBinding(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  middleware.Config
		want bool
	}{
		"neither": {middleware.Config{}, true},
		"DPoP":    {middleware.Config{DPoP: &middleware.DPoPConfig{URL: "https://api.test"}}, false},
		"MTLS":    {middleware.Config{MTLS: &middleware.MTLSConfig{}}, false},
	} {
		var log strings.Builder
		test.cfg.Verifier, test.cfg.Logger = acceptAll, slog.New(slog.NewTextHandler(&log, nil))
		newGuard(t, test.cfg).With(middleware.SenderConstrained())
		if got := strings.Contains(log.String(), "sender_constrained needs Config.DPoP or Config.MTLS"); got != test.want {
			t.Errorf("%s: log %s", name, log.String())
		}
	}
}

// X3: a client is not a user, whatever its name, and an actor does not change who the principal is.
func TestX3_Attack46_Principal(t *testing.T) {
	t.Parallel()
	user, machine := middleware.Principal(consumer.PrincipalUser), middleware.Principal(consumer.PrincipalClient)
	type claims = map[string]any
	for name, test := range map[string]struct {
		claims claims
		user   bool
	}{
		"user":                         {claims{"sub": "alice", "client_id": "app"}, true},
		"user with an actor":           {claims{"sub": "alice", "client_id": "app", "act": claims{"sub": "app"}}, true},
		"user, no client":              {claims{"sub": "alice", "client_id": bearertest.Absent}, true},
		"client":                       {claims{"sub": "alice", "client_id": "alice"}, false},
		"client with an actor":         {claims{"sub": "alice", "client_id": "alice", "act": claims{"sub": "bob"}}, false},
		"client without a subject":     {claims{"sub": bearertest.Absent, "client_id": "alice"}, false},
		"client with an empty subject": {claims{"sub": "", "client_id": "alice"}, false},
		"client of Auth0":              {claims{"sub": "alice@clients", "client_id": "alice"}, false},
		"client of Entra":              {claims{"sub": "alice", "client_id": "app", "idtyp": "app"}, false},
		"client in azp":                {claims{"sub": "alice", "client_id": bearertest.Absent, "azp": "alice"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := map[string]any{"sub": nil}
			for claim, value := range test.claims {
				all[claim] = value
			}
			for rule, wanted := range map[*middleware.Rule]bool{&user: test.user, &machine: !test.user} {
				for i, got := range inTurn(t, all, *rule) {
					want := forbidden("principal")
					if wanted {
						want = passed
						want.Body = got.Body
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s: response (-want +got):\n%s", []string{"JWT", "introspection"}[i], diff)
					}
				}
			}
		})
	}
	for _, got := range inTurn(t, nil, middleware.Principal(consumer.Principal(2))) {
		if diff := cmp.Diff(broken("Principal needs consumer.PrincipalUser or consumer.PrincipalClient"), got); diff != "" {
			t.Errorf("response (-want +got):\n%s", diff)
		}
	}
	if w := serve(newGuard(t, middleware.Config{Verifier: acceptAll}).With(user)(hello), request(t, "")); w.Code != http.StatusUnauthorized {
		t.Errorf("a request without a token gets %d", w.Code)
	}
}

// X3: the log of a rejected request says whether the token acts for a user or a client, once the token is verified.
func TestX3_PrincipalInTheLog(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{})
	for name, test := range map[string]struct {
		token *bearertest.Token
		want  string // empty: the line does not say it
	}{
		"user":    {issuer.AccessToken(), " principal=user"},
		"client":  {issuer.AccessToken().Set("client_id", "alice"), " principal=client"},
		"expired": {issuer.AccessToken().Set("exp", 1), ""},
	} {
		var log strings.Builder
		g := newGuard(t, middleware.Config{Verifier: newConsumer(t, issuer), Logger: slog.New(slog.NewTextHandler(&log, nil))})
		serve(g.With(middleware.Scopes("admin"))(hello), request(t, test.token.Sign()))
		if !strings.Contains(log.String(), "request rejected") || !strings.Contains(log.String(), test.want) ||
			test.want == "" && strings.Contains(log.String(), "principal") || strings.Contains(log.String(), "alice") {
			t.Errorf("%s: log %s", name, log.String())
		}
	}
}
