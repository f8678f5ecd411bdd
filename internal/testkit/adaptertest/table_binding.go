package adaptertest

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/jwks"
	"github.com/bearerkit/bearerkit/middleware"
)

const (
	orderURL = "https://api.test/orders/7" // that clients use; the servers of the rows have other addresses
	dpopBare = `DPoP realm="api", algs="ES256 EdDSA"`
	origin   = "https://app.test"
)

// keyed returns the settings of a Guard with DPoP. change may be nil.
func keyed(change func(*middleware.DPoPConfig)) settings {
	return func(_ *consumer.Config, g *middleware.Config) {
		g.DPoP = &middleware.DPoPConfig{URL: "https://api.test", Algorithms: []string{"ES256", "EdDSA"}}
		if change != nil {
			change(g.DPoP)
		}
	}
}

// posted returns rows with the method POST where they name none, because proven makes proofs for POST. It is the only method
// of remote procedure calls, so that these can use the same rows.
func posted(rows ...row) []row {
	for i := range rows {
		rows[i].method = cmp.Or(rows[i].method, http.MethodPost)
	}
	return rows
}

// proven returns the header of a request with a bound token and a proof for POST. change may be nil.
func proven(change func(token string, proof *bearertest.Token, header http.Header)) func(*bearertest.Issuer) http.Header {
	return func(issuer *bearertest.Issuer) http.Header {
		key := bearertest.NewProofKey("ES256")
		token := reader(issuer).BoundTo(key).Sign()
		proof, header := key.Proof(http.MethodPost, orderURL, token), http.Header{"Authorization": {"DPoP " + token}}
		if change != nil {
			change(token, proof, header)
		}
		if header["Dpop"] == nil {
			header.Set("DPoP", proof.Sign())
		}
		return header
	}
}

// inDPoP returns the challenges of a request with the scheme DPoP that is rejected with code.
func inDPoP(code string) string { return dpopBare + `, error="` + code + `"; ` + bare }

// inBearer returns the challenges of a request with the scheme Bearer that is rejected with code.
func inBearer(code string) string { return bare + `, error="` + code + `"; ` + dpopBare }

// proofKeys returns rows about tokens that are bound to a key (RFC 9449).
func proofKeys() []row {
	guarded := set(keyed(nil))
	early := unverified(http.StatusUnauthorized, consumer.ReasonProof, inDPoP("invalid_dpop_proof"))
	late := refused(http.StatusUnauthorized, consumer.ReasonProof, inDPoP("invalid_dpop_proof"))
	return []row{
		{name: "G1 bound token, good proof", header: proven(nil), guards: guarded, want: passed()},
		{name: "G1 bound token, scheme in lower case", header: proven(func(token string, _ *bearertest.Token, h http.Header) {
			h.Set("Authorization", "dpop "+token)
		}), guards: guarded, want: passed()},
		{name: "G1 proof in an unusual spelling", header: proven(func(_ string, proof *bearertest.Token, _ http.Header) {
			proof.Set("htu", "HTTPS://API.test:443/orders/%37?a=b")
		}), guards: guarded, want: passed()},
		{name: "G2 no proof", header: proven(func(_ string, _ *bearertest.Token, h http.Header) {
			h["Dpop"] = []string{}
		}), guards: guarded, want: early},
		{name: "G2 two proofs", header: proven(func(_ string, proof *bearertest.Token, h http.Header) {
			h["Dpop"] = []string{proof.Sign(), proof.Sign()}
		}), guards: guarded, want: early},
		{name: "G2 two proofs in one header", header: proven(func(_ string, proof *bearertest.Token, h http.Header) {
			h["Dpop"] = []string{proof.Sign() + ", " + proof.Sign()}
		}), guards: guarded, want: early},
		{name: "Attack27 proof for another URL", header: proven(func(_ string, proof *bearertest.Token, _ http.Header) {
			proof.Set("htu", "https://evil.test/orders/7")
		}), guards: guarded, want: late},
		{name: "Attack27 proof for another method", header: proven(func(_ string, proof *bearertest.Token, _ http.Header) {
			proof.Set("htm", "GET")
		}), guards: guarded, want: late},
		{name: "Attack27 old proof", header: proven(func(_ string, proof *bearertest.Token, _ http.Header) {
			proof.Set("iat", time.Now().Add(-time.Hour).Unix())
		}), guards: guarded, want: late},
		{name: "Attack27 HEAD, proof for POST", method: http.MethodHead, header: proven(nil), guards: guarded, want: late},
	}
}

// schemes returns rows about the schemes of tokens that are bound to a key, and of those that are not (RFC 9449 section 7).
func schemes() []row {
	guarded := set(keyed(nil))
	once := passed()
	once.decisions = []string{"200 ", "200 "}
	twice := once
	twice.verified = 2
	scope := named(refused(http.StatusForbidden, consumer.ReasonScope,
		dpopBare+`, error="insufficient_scope", scope="orders:read orders:write"; `+bare))
	invalid := unverified(http.StatusBadRequest, consumer.ReasonInvalidRequest,
		dpopBare+`, error="invalid_request"; `+bare+`, error="invalid_request"`)
	return []row{
		{
			name: "G3 bound token as a bearer token", header: proven(func(token string, _ *bearertest.Token, h http.Header) {
				h.Set("Authorization", "Bearer "+token)
			}), guards: guarded, want: refused(http.StatusUnauthorized, consumer.ReasonBinding, inBearer("invalid_token")),
		},
		{
			name: "G3 token without binding, scheme DPoP", header: func(i *bearertest.Issuer) http.Header {
				token := reader(i).Sign()
				proof := bearertest.NewProofKey("ES256").Proof(http.MethodPost, orderURL, token).Sign()
				return http.Header{"Authorization": {"DPoP " + token}, "Dpop": {proof}}
			}, guards: guarded, want: refused(http.StatusUnauthorized, consumer.ReasonBinding, inDPoP("invalid_token")),
		},
		{name: "G3 bearer token", guards: guarded, want: passed()},
		{
			name: "G3 no credentials", header: authorization(), guards: guarded,
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare+"; "+dpopBare),
		},
		{
			name: "G3 bearer token, DPoP required", guards: set(keyed(func(c *middleware.DPoPConfig) { c.Required = true })),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, dpopBare),
		},
		{name: "G3 Bearer and DPoP", header: proven(func(token string, _ *bearertest.Token, h http.Header) {
			h.Add("Authorization", "Bearer "+token)
		}), guards: guarded, want: invalid},
		{
			name: "G3 scheme DPoP without Config.DPoP", header: proven(nil),
			want: unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare),
		},
		{
			name: "G3 bound token, scope missing", header: proven(nil),
			guards: set(keyed(nil), middleware.Scopes("orders:read", "orders:write")), want: scope,
		},
		{
			name: "X2 bound token required, bearer token", guards: set(keyed(nil), middleware.SenderConstrained()),
			want: named(refused(http.StatusUnauthorized, consumer.ReasonBinding, inBearer("invalid_token"))),
		},
		{name: "X2 bound token required", header: proven(nil), guards: set(keyed(nil), middleware.SenderConstrained()), want: passed()},
		{name: "X2 nested, proof used once", header: proven(nil), guards: of(keyed(nil), nil, []middleware.Rule{middleware.SenderConstrained()}), want: once},
		{name: "X2 two Guards, each with its own memory", header: proven(nil), guards: by(keyed(nil), keyed(nil)), want: twice},
	}
}

// proofStates returns rows about nonces, used proofs and CORS (RFC 9449 sections 7.1, 8, 9 and 11.1).
func proofStates() []row {
	one, two := []byte(strings.Repeat("1", 32)), []byte(strings.Repeat("2", 32))
	nonces := func(keys ...[]byte) settings {
		return keyed(func(c *middleware.DPoPConfig) { c.RequireNonce, c.ExposeHeaders, c.NonceKeys = true, true, keys })
	}
	fromApp := func(header func(*bearertest.Issuer) http.Header) func(*bearertest.Issuer) http.Header {
		return func(i *bearertest.Issuer) http.Header {
			h := header(i)
			h.Set("Origin", origin)
			return h
		}
	}
	withNonce := func(i *bearertest.Issuer) http.Header {
		return proven(func(_ string, proof *bearertest.Token, _ http.Header) { proof.Set("nonce", nonceOf(i, nonces(one))) })(i)
	}
	stored := func(first bool, err error) func(*world) ([]Guarded, []Guarded) {
		return set(keyed(func(c *middleware.DPoPConfig) { c.Replays = constantStore{first, err} }))
	}
	nonce := refused(http.StatusUnauthorized, consumer.ReasonNonce, dpopBare+`, error="use_dpop_nonce"; `+bare)
	nonce.header["Dpop-Nonce"] = anyNonce
	exposed := nonce
	exposed.header = map[string]string{"Dpop-Nonce": anyNonce, "Access-Control-Expose-Headers": "DPoP-Nonce, WWW-Authenticate"}
	renewed := passed()
	renewed.header = map[string]string{
		"Dpop-Nonce": anyNonce, "Cache-Control": "no-store", "Access-Control-Expose-Headers": "DPoP-Nonce, WWW-Authenticate",
	}
	challenge := unverified(http.StatusUnauthorized, consumer.ReasonNoToken, bare+"; "+dpopBare)
	challenge.header["Access-Control-Expose-Headers"] = "DPoP-Nonce, WWW-Authenticate"
	replayed := refused(http.StatusUnauthorized, consumer.ReasonProof, dpopBare+`, error="invalid_dpop_proof"; `+bare)
	down := refused(http.StatusServiceUnavailable, consumer.ReasonReplayUnavailable, "")
	return []row{
		{name: "G6 nonce missing", header: proven(nil), guards: set(nonces()), want: nonce},
		{name: "G6 nonce of another server", header: withNonce, guards: set(nonces(two)), want: nonce},
		{name: "G5 nonce of another key", header: fromApp(withNonce), guards: set(nonces(two, one)), want: renewed},
		{name: "G4 nonce missing, another origin", header: fromApp(proven(nil)), guards: set(nonces()), want: exposed},
		{name: "G4 no credentials, another origin", header: fromApp(authorization()), guards: set(nonces()), want: challenge},
		{name: "G7 proof used before", header: proven(nil), guards: stored(false, nil), want: replayed},
		{name: "G7 new proof", header: proven(nil), guards: stored(true, nil), want: passed()},
		{name: "G7 store down", header: proven(nil), guards: stored(true, errors.New("down")), want: down},
	}
}

// constantStore is a replay store with a constant result.
type constantStore struct {
	first bool
	err   error
}

// Mark implements [middleware.ReplayStore].
func (s constantStore) Mark(context.Context, string, string, time.Time, time.Time) (bool, error) {
	return s.first, s.err
}

// nonceOf returns the nonce of a Guard with the given settings, as a client gets it.
func nonceOf(issuer *bearertest.Issuer, change settings) string {
	keys, err := jwks.ParseJWKS(issuer.JWKS())
	if err != nil {
		return err.Error()
	}
	verifier := consumer.Config{Issuer: issuer.URL(), Audience: []string{"https://api.test"}, Keys: keys}
	var cfg middleware.Config
	change(&verifier, &cfg)
	c, err := consumer.New(verifier)
	if err != nil {
		return err.Error()
	}
	cfg.Verifier = c
	g, err := middleware.New(cfg)
	if err != nil {
		return err.Error()
	}
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/orders/7", nil)
	r.Header = proven(nil)(issuer)
	w := httptest.NewRecorder()
	g.Handler(http.NotFoundHandler()).ServeHTTP(w, r)
	return w.Header().Get("DPoP-Nonce")
}
