package middleware_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bearerkit/bearerkit/bearertest"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/middleware"
)

// forged returns header fields in which proxies describe the request of a client. A client can send them too.
func forged() http.Header {
	h := make(http.Header)
	for name, value := range map[string]string{
		"Forwarded": `for=127.0.0.1;host=evil.test;proto=http`, "X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "evil.test",
		"X-Forwarded-Proto": "http", "X-Forwarded-Port": "1", "X-Forwarded-Prefix": "/evil", "X-Forwarded-Uri": "/evil",
		"X-Forwarded-Method": "DELETE", "X-Forwarded-User": "root", "X-Forwarded-Access-Token": "x.y.z", "X-Original-Url": "/evil",
		"X-Rewrite-Url": "/evil", "X-Real-Ip": "127.0.0.1", "X-Http-Method-Override": "DELETE", "Via": "1.1 evil.test",
		"X-Forwarded-Client-Cert": "Hash=00", "Client-Cert": ":AAAA:", "Client-Cert-Chain": ":AAAA:", "Ssl-Client-Cert": "AAAA",
		"X-Client-Cert": "AAAA", "X-Forwarded-Tls-Client-Cert": "AAAA", "X-Auth-Request-Access-Token": "x.y.z",
	} {
		h.Set(name, value)
	}
	return h
}

// Forwarded headers change nothing: neither the decision, nor the challenge, nor the metadata, nor the request that the handler
// receives. This holds without a setting for proxies, and with one for requests of a peer that it does not list.
func TestX4_ForwardedHeadersChangeNothing(t *testing.T) {
	t.Parallel()
	issuer := bearertest.NewIssuer(bearertest.IssuerConfig{Algorithms: []string{"ES256"}})
	verifier := newConsumer(t, issuer)
	key := bearertest.NewProofKey("ES256")
	elsewhere := []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} // not the peer of the test
	bound := issuer.AccessToken().BoundTo(key).Sign()
	certificate := issuer.AccessToken().BoundToCertificate([]byte{0, 0, 0}).Sign()
	configs := map[string]middleware.Config{
		"default":  {},
		"resource": {Resource: "https://api.test/v1"},
		"DPoP":     {DPoP: &middleware.DPoPConfig{URL: "https://api.test"}},
		"DPoP, another proxy": {DPoP: &middleware.DPoPConfig{
			URL: "https://api.test", Proxies: elsewhere, ProxyHeaders: []string{"X-Forwarded-Proto", "X-Forwarded-Host"}, Hosts: []string{"evil.test"},
		}},
		"mutual TLS":                {MTLS: &middleware.MTLSConfig{}},
		"mutual TLS, another proxy": {MTLS: &middleware.MTLSConfig{Proxies: elsewhere}},
	}
	requests := map[string]func(http.Header){
		"no token":          func(http.Header) {},
		"good token":        func(h http.Header) { h.Set("Authorization", "Bearer "+issuer.AccessToken().Sign()) },
		"bad token":         func(h http.Header) { h.Set("Authorization", "Bearer x.y.z") },
		"certificate":       func(h http.Header) { h.Set("Authorization", "Bearer "+certificate) },
		"proof":             func(h http.Header) { prove(h, key, bound, "https://api.test/orders") },
		"proof, other host": func(h http.Header) { prove(h, key, bound, "https://evil.test/orders") },
		"proof, other path": func(h http.Header) { prove(h, key, bound, "https://evil.test/evil/orders") },
	}
	for kind, cfg := range configs {
		cfg.Verifier = verifier
		for name, add := range requests {
			t.Run(kind+", "+name, func(t *testing.T) {
				t.Parallel()
				plain, forwarded := responsesOf(t, cfg, nil, add), responsesOf(t, cfg, forged(), add)
				if diff := cmp.Diff(plain, forwarded); diff != "" {
					t.Errorf("(-plain +forwarded):\n%s", diff)
				}
				passes := name == "good token" || name == "proof" && strings.HasPrefix(kind, "DPoP")
				if passes != (plain[0].Status == http.StatusOK) {
					t.Errorf("status %d: %s", plain[0].Status, plain[0].Body)
				}
			})
		}
	}
}

func prove(h http.Header, key *bearertest.ProofKey, token, url string) {
	h.Set("Authorization", "DPoP "+token)
	h.Set("DPoP", key.Proof(http.MethodGet, url, token).Sign())
}

// sentResponse is a response without what changes from one request to the next.
type sentResponse struct {
	Status int
	Header http.Header
	Body   string
}

// responsesOf sends a request to a route and one for the metadata document to a Guard with cfg. The handler writes what it can see of the request.
func responsesOf(t *testing.T, cfg middleware.Config, header http.Header, add func(http.Header)) (responses []sentResponse) {
	t.Helper()
	guard := newGuard(t, cfg)
	mux := http.NewServeMux()
	mux.Handle("GET /orders", guard.With(middleware.Principal(consumer.PrincipalUser))(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, ok := middleware.TokenFromContext(r.Context())
		if !ok {
			t.Error("no token")
			return
		}
		_, _ = io.WriteString(w, strings.Join([]string{r.Method, r.URL.String(), r.Host, r.RemoteAddr, token.Subject()}, " "))
	})))
	mux.Handle("GET /.well-known/", guard.MetadataHandler())
	for _, path := range []string{"/orders", "/.well-known/oauth-protected-resource/v1"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		maps.Copy(r.Header, header)
		add(r.Header)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		w.Header().Del("DPoP-Nonce")
		responses = append(responses, sentResponse{w.Code, w.Header(), w.Body.String()})
	}
	return responses
}
