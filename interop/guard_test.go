package interop_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/bearerkit/bearerkit/client"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// sender is what the tests of sender constraint need: an authorization server that binds tokens, and a client of another project.
type sender struct {
	*oidcProvider

	node *nodeClient
	tls  authority
}

// startSender starts the server. Proofs for the server itself need a nonce.
func startSender(t *testing.T) *sender {
	t.Helper()
	ca := newAuthority(t)
	return &sender{
		oidcProvider: startScript(t, "server.mjs", "INTEROP_TLS="+ca.folder, "INTEROP_NONCES=1"),
		node:         startNodeClient(t),
		tls:          ca,
	}
}

// guardFlow is a flow of an API with the Guard. row is the requirement that it shows.
type guardFlow struct {
	row, name string
	run       func(t *testing.T)
}

func (s *sender) flows() []guardFlow {
	return slices.Concat(s.acceptedProofs(), s.rejectedProofs(), s.nonces(), s.certificates(), s.details())
}

// guarded starts an API for https://rs256.example. cfg, if not nil, changes the configuration of the Guard.
func (s *sender) guarded(t *testing.T, f framework, change func(*middleware.Config), rules ...middleware.Rule) *api {
	t.Helper()
	verifier := s.newConsumer(t, audience(apiRS256))
	return f.serveWith(t, nil, func(url string) middleware.Config {
		cfg := middleware.Config{Verifier: verifier, DPoP: &middleware.DPoPConfig{URL: url}}
		if change != nil {
			change(&cfg)
		}
		return cfg
	}, rules...)
}

// request returns GET /orders with a token under the scheme, and the proofs.
func (a *api) request(t *testing.T, scheme, token string, proofs ...string) *http.Request {
	t.Helper()
	req := newRequest(t, http.MethodGet, a.server.URL+"/orders", "")
	req.Header.Set("Authorization", scheme+" "+token)
	if len(proofs) > 0 {
		req.Header["Dpop"] = proofs
	}
	return req
}

// wants sends a request and compares the response.
func (a *api) wants(t *testing.T, req *http.Request, want answer) {
	t.Helper()
	if got := a.send(t, a.server.Client(), req); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func dpopError(code string, reason consumer.Reason) answer {
	return answer{Status: http.StatusUnauthorized, Scheme: "DPoP", Error: code, Reason: reason}
}

func invalidProof() answer { return dpopError("invalid_dpop_proof", consumer.ReasonProof) }

func useNonce() answer { return dpopError("use_dpop_nonce", consumer.ReasonNonce) }

func withNonces(cfg *middleware.Config) { cfg.DPoP.RequireNonce = true }

// acceptedProofs sends bound tokens with good proofs.
func (s *sender) acceptedProofs() (flows []guardFlow) {
	for _, alg := range []string{"ES256", "RS256", "PS256", "Ed25519"} {
		flows = append(flows, guardFlow{"G1", "DPoP: proof by npm dpop; " + alg, func(t *testing.T) {
			key := s.node.newKey(t, alg)
			token := key.token(t, s.authorizationServer, nil)
			for _, f := range frameworks {
				api := s.guarded(t, f, nil, scopes("api:read")...)
				htu := api.server.URL + "/orders"
				api.wants(t, api.request(t, "DPoP", token, key.proof(t, http.MethodGet, htu, token, "")), passed("dpop"))
				api.wants(t, api.request(t, "dpop", token, key.proof(t, http.MethodGet, htu, token, "ignored")), passed("dpop"))
			}
		}})
	}
	for _, alg := range []string{
		"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "Ed25519",
	} {
		flows = append(flows, guardFlow{"G1", "DPoP: request by oauth4webapi; " + alg, func(t *testing.T) {
			key := s.node.newKey(t, alg)
			token := key.token(t, s.authorizationServer, nil)
			for _, f := range frameworks {
				api := s.guarded(t, f, nil, scopes("api:read")...)
				for _, target := range []string{"/orders", "/orders?page=2&dpop=x"} {
					got := s.node.call(t, key, api.server.URL+target, token)
					if got.Status != http.StatusOK || got.Body != "dpop" || got.Attempts != 1 || got.Nonce != "" {
						t.Errorf("%s: %+v, %v", target, got, <-api.reasons)
					}
				}
			}
		}})
	}
	for _, alg := range []string{"ES256", "ES384", "RS256", "PS256", "EdDSA"} {
		flows = append(flows, guardFlow{"G1", "DPoP: request by package client, client credentials and code; " + alg, func(t *testing.T) { s.ownClient(t, alg) }})
	}
	return flows
}

// ownClient calls APIs with package client. One API requires nonces.
func (s *sender) ownClient(t *testing.T, alg string) {
	t.Helper()
	key := signingKeyFor(t, alg)
	bound := func(cfg *client.Config) {
		cfg.DPoP, cfg.Resource, cfg.Scopes = key, []string{apiRS256}, []string{"api:read"}
	}
	machine, web := s.as(t, "dpop", bound), s.as(t, "dpop-web", bound)
	user := signIn(t, web, client.AuthorizationOptions{Scopes: []string{"openid", "api:read"}})
	for _, source := range []*client.TokenSource{
		sourceOf(t, machine, client.TokenSourceConfig{Grant: machine.ClientCredentials}),
		sourceOf(t, web, client.TokenSourceConfig{Token: user}),
	} {
		for _, change := range []func(*middleware.Config){nil, withNonces} {
			api := s.guarded(t, frameworks[0], change, scopes("api:read")...)
			for range 3 {
				if status := statusOf(t, nil, source, api.server.URL+"/orders?page=2"); status != http.StatusOK {
					t.Error(status)
				}
			}
			nonces := map[bool]int{true: 1}[change != nil]
			close(api.reasons)
			for reason := range api.reasons {
				if reason == consumer.ReasonNonce {
					nonces--
				} else if reason != "" {
					t.Error(reason)
				}
			}
			if nonces != 0 {
				t.Errorf("the API required a nonce %d times too seldom", nonces)
			}
		}
	}
}

// rejectedProofs sends what a thief of a token can send, and what a faulty client sends.
func (s *sender) rejectedProofs() []guardFlow {
	type attempt struct {
		api          *api
		htu          string
		owner, thief nodeKey
		token        string // bound to the key of owner
		other        string // likewise
	}
	row := func(row, name string, want answer, send func(*testing.T, attempt) *http.Request) guardFlow {
		kind := "DPoP: "
		if want.Status != http.StatusOK {
			kind = "DPoP, rejected: "
			want.Scope = "api:read" // the challenge lists the scopes of the route
		}
		return guardFlow{row, kind + name, func(t *testing.T) {
			a := attempt{owner: s.node.newKey(t, "ES256"), thief: s.node.newKey(t, "ES256")}
			a.token = a.owner.token(t, s.authorizationServer, nil)
			a.other = a.owner.token(t, s.authorizationServer, nil)
			for _, f := range frameworks {
				a.api = s.guarded(t, f, nil, scopes("api:read")...)
				a.htu = a.api.server.URL + "/orders"
				a.api.wants(t, send(t, a), want)
				good := a.owner.proof(t, http.MethodGet, a.htu, a.token, "")
				a.api.wants(t, a.api.request(t, "DPoP", a.token, good), passed("dpop"))
			}
		}}
	}
	with := func(scheme string, proofs func(*testing.T, attempt) []string) func(*testing.T, attempt) *http.Request {
		return func(t *testing.T, a attempt) *http.Request {
			t.Helper()
			return a.api.request(t, scheme, a.token, proofs(t, a)...)
		}
	}
	one := func(proof func(*testing.T, attempt) string) func(*testing.T, attempt) *http.Request {
		return with("DPoP", func(t *testing.T, a attempt) []string { t.Helper(); return []string{proof(t, a)} })
	}
	good := func(t *testing.T, a attempt) string {
		t.Helper()
		return a.owner.proof(t, http.MethodGet, a.htu, a.token, "")
	}
	none := func(*testing.T, attempt) []string { return nil }
	return []guardFlow{
		row("G3", "stolen token sent as Bearer", invalidToken(consumer.ReasonBinding), with("Bearer", none)),
		row("G3", "stolen token sent as Bearer, with a proof of the thief", invalidToken(consumer.ReasonBinding),
			with("Bearer", func(t *testing.T, a attempt) []string {
				return []string{a.thief.proof(t, http.MethodGet, a.htu, a.token, "")}
			})),
		row("G1", "without a proof", invalidProof(), with("DPoP", none)),
		row("G1", "proof of another key", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.thief.proof(t, http.MethodGet, a.htu, a.token, "")
		})),
		row("G1", "proof for another method", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.owner.proof(t, http.MethodPost, a.htu, a.token, "")
		})),
		row("G1", "proof for another path", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.owner.proof(t, http.MethodGet, a.htu+"/1", a.token, "")
		})),
		row("G1", "proof for another host", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.owner.proof(t, http.MethodGet, "https://evil.example/orders", a.token, "")
		})),
		row("G1", "proof for another token", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.owner.proof(t, http.MethodGet, a.htu, a.other, "")
		})),
		row("G1", "proof for the token endpoint, without ath", invalidProof(), one(func(t *testing.T, a attempt) string {
			return a.owner.proof(t, http.MethodGet, a.htu, "", "")
		})),
		row("G1", "signature of another proof", invalidProof(), one(func(t *testing.T, a attempt) string {
			return graft(good(t, a), good(t, a))
		})),
		row("G1", "two proofs", invalidProof(), with("DPoP", func(t *testing.T, a attempt) []string {
			return []string{good(t, a), good(t, a)}
		})),
		row("G1", "two proofs in one header", invalidProof(), one(func(t *testing.T, a attempt) string {
			return strings.Join([]string{good(t, a), good(t, a)}, ", ")
		})),
		row("G7", "replayed proof", invalidProof(), one(func(t *testing.T, a attempt) string {
			proof := good(t, a)
			a.api.wants(t, a.api.request(t, "DPoP", a.token, proof), passed("dpop"))
			return proof
		})),
		row("G3", "token without a binding under the scheme DPoP", answer{
			Status: http.StatusUnauthorized, Scheme: "DPoP", Error: "invalid_token", Reason: consumer.ReasonBinding,
		}, func(t *testing.T, a attempt) *http.Request {
			unbound := s.machineToken(t, "cc", apiRS256, "api:read")
			return a.api.request(t, "DPoP", unbound, a.thief.proof(t, http.MethodGet, a.htu, unbound, ""))
		}),
		row("G3", "bearer token beside bound ones", passed("cc"), func(t *testing.T, a attempt) *http.Request {
			return a.api.request(t, "Bearer", s.machineToken(t, "cc", apiRS256, "api:read"))
		}),
		{"G2", "DPoP, rejected: challenges of an invalid bearer token, read by oauth4webapi", s.readChallenges},
		{"G3", "DPoP, rejected: bearer token where a binding is required", s.required},
	}
}

// readChallenges checks that oauth4webapi finds both challenges.
func (s *sender) readChallenges(t *testing.T) {
	for _, f := range frameworks {
		api := s.guarded(t, f, nil)
		got := s.node.call(t, nodeKey{}, api.server.URL+"/orders", "not.a.token")
		schemes := make(map[string]map[string]string)
		for _, challenge := range got.Challenges {
			schemes[challenge["scheme"]] = challenge
		}
		bearer, dpop := schemes["bearer"], schemes["dpop"]
		if got.Status != http.StatusUnauthorized || len(got.Challenges) != 2 || bearer["error"] != "invalid_token" ||
			dpop["error"] != "" || !strings.Contains(" "+dpop["algs"]+" ", " ES256 ") {
			t.Errorf("%s: %+v", f.name, got)
		}
	}
}

// required checks DPoPConfig.Required, and the rule SenderConstrained.
func (s *sender) required(t *testing.T) {
	bearer := s.machineToken(t, "cc", apiRS256, "api:read")
	key := s.node.newKey(t, "ES256")
	token := key.token(t, s.authorizationServer, nil)
	for _, f := range frameworks {
		api := s.guarded(t, f, func(cfg *middleware.Config) { cfg.DPoP.Required = true })
		api.wants(t, api.request(t, "Bearer", bearer), noToken())
		good := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, "")
		api.wants(t, api.request(t, "DPoP", token, good), passed("dpop"))
		got := s.node.call(t, nodeKey{}, api.server.URL+"/orders", bearer)
		if len(got.Challenges) != 1 || got.Challenges[0]["scheme"] != "dpop" {
			t.Errorf("%s: %+v", f.name, got.Challenges)
		}
	}
}

// nonces sends requests to APIs that require nonces.
func (s *sender) nonces() []guardFlow {
	return []guardFlow{
		{"G5", "DPoP: nonce, requested and used by oauth4webapi", func(t *testing.T) {
			key := s.node.newKey(t, "ES256")
			token := key.token(t, s.authorizationServer, nil)
			for _, f := range frameworks {
				api := s.guarded(t, f, withNonces, scopes("api:read")...)
				for _, attempts := range []int{2, 1, 1} { // the library keeps the nonce of the API
					got := s.node.call(t, key, api.server.URL+"/orders", token)
					if got.Status != http.StatusOK || got.Body != "dpop" || got.Attempts != attempts {
						t.Errorf("%s: %+v, want %d attempts", f.name, got, attempts)
					}
				}
			}
		}},
		{"G6", "DPoP, rejected: nonce missing, of another server, or changed", func(t *testing.T) {
			key := s.node.newKey(t, "ES256")
			token := key.token(t, s.authorizationServer, nil)
			other := s.guarded(t, frameworks[0], withNonces)
			nonceOf := func(api *api) string {
				proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, "")
				return api.nonce(t, api.request(t, "DPoP", token, proof))
			}
			for _, f := range frameworks {
				api := s.guarded(t, f, withNonces)
				nonce := nonceOf(api)
				for _, bad := range []string{"", "0", nonceOf(other), nonce + "A", nonce[1:], "a" + nonce} {
					proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, bad)
					api.wants(t, api.request(t, "DPoP", token, proof), useNonce())
				}
				proof := key.proof(t, http.MethodGet, api.server.URL+"/orders", token, nonce)
				api.wants(t, api.request(t, "DPoP", token, proof), passed("dpop"))
				api.wants(t, api.request(t, "DPoP", token, proof), invalidProof())
			}
		}},
		{"G5", "DPoP: nonce of one process accepted by another with the same NonceKeys", func(t *testing.T) {
			key := s.node.newKey(t, "ES256")
			token := key.token(t, s.authorizationServer, nil)
			shared := [][]byte{[]byte(strings.Repeat("k", 32))}
			const public = "https://api.example"
			node := func() *api {
				return s.guarded(t, frameworks[0], func(cfg *middleware.Config) {
					cfg.DPoP.URL, cfg.DPoP.RequireNonce, cfg.DPoP.NonceKeys = public, true, shared
				})
			}
			one, another := node(), node()
			nonce := one.nonce(t, one.request(t, "DPoP", token, key.proof(t, http.MethodGet, public+"/orders", token, "")))
			proof := key.proof(t, http.MethodGet, public+"/orders", token, nonce)
			another.wants(t, another.request(t, "DPoP", token, proof), passed("dpop"))
		}},
	}
}

// nonce sends a request without a nonce, and returns the one of the response.
func (a *api) nonce(t *testing.T, req *http.Request) string {
	t.Helper()
	header, reason := a.header(t, req)
	nonces := header["Dpop-Nonce"]
	if reason != consumer.ReasonNonce || len(nonces) != 1 {
		t.Fatalf("nonces %q (%s), want one", nonces, reason)
	}
	return nonces[0]
}

// header sends a request, and returns the header of the response and the reason of the Guard.
func (a *api) header(t *testing.T, req *http.Request) (http.Header, consumer.Reason) {
	t.Helper()
	resp, err := a.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.Header, <-a.reasons
}
